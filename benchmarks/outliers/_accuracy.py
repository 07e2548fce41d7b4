"""How well the detectors rank outliers before ordinary rows."""

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from ._protocol import PROTOCOLS

OURS, BASELINE = "skae", "IsolationForest"

# What is behind each case in which skae is far below, as a look at residuals and kinds showed.
REASONS = {
    ("unsupervised", "cardio"): "a tenth of the rows are outliers that resemble one another, and "
    "some of the kinds of rows that are found are made of them",
    ("unsupervised", "optdigits"): "the outliers are the images of one digit, whose pixels are "
    "easier to predict than those of the others, though it is rare",
    ("unsupervised", "pendigits"): "the outliers are the images of one digit, as near to one "
    "another as ordinary rows are, and are learned like these",
    ("unsupervised", "SpamBase"): "four rows in ten are outliers, which makes them ordinary; "
    "single columns tell more than how they go together",
}


def summary(results):
    """Return AUROC and average precision over the sets, one row per protocol and detector.

    "std" is the standard deviation between the seeds, in points of AUROC, averaged over the sets;
    the seeds also decide the rows, so that it is above 0 for those that draw nothing. "p" belongs
    to the Wilcoxon signed-rank test over the sets, two-sided, of skae against the detector; "skae
    ahead" counts the sets, by AUROC.
    """
    rows = []
    for protocol in PROTOCOLS:
        auroc = _per_set(results, protocol, "auroc")
        ap = _per_set(results, protocol, "ap")
        std = 100 * _per_set(results, protocol, "auroc", "std").mean()
        fits = _per_set(results, protocol, "fit_seconds", "median").sum()
        scoring = _per_set(results, protocol, "score_seconds", "median").sum()
        for name in auroc:
            row = {"protocol": protocol, "detector": name}
            for label, scores in (("AUROC", auroc), ("AP", ap)):
                row[f"{label} mean"] = scores[name].mean()
                row[f"{label} median"] = scores[name].median()
                differ = name != OURS
                row[f"{label} p"] = (
                    wilcoxon(scores[OURS], scores[name]).pvalue if differ else np.nan
                )
            row["skae ahead"] = (auroc[OURS] > auroc[name]).sum()
            row |= {"std": std[name], "fits, CPU s": fits[name], "scores, CPU s": scoring[name]}
            rows.append(row)
    return pd.DataFrame(rows)


def per_set(results, protocol):
    """Return the AUROC on each set, means over the seeds.

    The last column says how many points skae is below IsolationForest, and why, where it is more
    than ten.
    """
    auroc = _per_set(results, protocol, "auroc")
    below = 100 * (auroc[BASELINE] - auroc[OURS])
    auroc["far below IsolationForest"] = [
        f"{-points:.1f}: {REASONS.get((protocol, name), 'not known')}" if points > 10 else ""
        for name, points in below.items()
    ]
    return auroc.rename_axis(f"AUROC, {protocol}").reset_index()


def spread(results):
    """Return how far AUROC moves with the seed of the detector alone, all on the same rows.

    The standard deviation between the seeds in points, its mean over the sets and its largest.
    """
    table = {}
    for protocol in PROTOCOLS:
        std = 100 * _per_set(results, protocol, "auroc", "std")
        table |= {f"{protocol}: mean std": std.mean(), f"{protocol}: largest": std.max()}
    return pd.DataFrame(table).rename_axis("same rows, other seed").reset_index()


def _per_set(results, protocol, column, over_seeds="mean"):
    some = results[results["protocol"] == protocol]
    return some.pivot_table(column, "set", "detector", aggfunc=over_seeds, sort=False)
