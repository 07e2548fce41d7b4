"""Whether p-values and selections keep what they promise."""

from ._protocol import PROTOCOLS

LEVEL, FDR = 0.05, 0.1
SHARE, FALSE, POWER = f"p <= {LEVEL}", "false of selected", "outliers selected"


def promises_kept(detector, X_test, y_test):
    """Return the share of ordinary rows with a low p-value, and what a selection contains."""
    selected = detector.select(X_test, fdr=FDR)
    outlier = y_test == 1
    return {
        SHARE: (detector.p_values(X_test[~outlier]) <= LEVEL).mean(),
        FALSE: (selected & ~outlier).sum() / max(1, selected.sum()),
        POWER: selected[outlier].mean(),
    }


def calibration(results):
    """Return the same per set, means over the seeds, and the means over the sets."""
    ours = results.dropna(subset=SHARE)
    table = ours.pivot_table([SHARE, FALSE, POWER], "set", "protocol", sort=False)
    table.loc["mean of sets"] = table.mean()
    # One-class first: only there are the training rows ordinary, as the promises ask.
    columns = [(name, protocol) for protocol in PROTOCOLS[::-1] for name in (SHARE, FALSE, POWER)]
    table = table[columns]
    table.columns = [f"{protocol}: {name}" for name, protocol in columns]
    return table.rename_axis(f"fdr={FDR}").reset_index()
