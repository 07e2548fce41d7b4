"""How well detectors rank on made tables."""

from dataclasses import asdict

import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from skae import AutoencoderOutlierDetector

from ._detectors import DETECTORS
from ._fitting import one_thread, outlyingness
from ._made_kinds import KINDS, KindsTable
from ._made_tables import cluster_tables

SCORINGS = ("mixture", "mahalanobis", "reconstruction", "likelihood")
OURS = f"skae, {AutoencoderOutlierDetector().scoring}"
FOUND, REACHABLE = 0.95, 0.97
SEEDS = (0, 1, 2)


def cluster_results(tables=None, scorings=SCORINGS):
    """Fit and score the same rows, with a cluster of outliers among them.

    Parameters
    ----------
    tables : list of ClusterTable, default=None
        None is all of `cluster_tables`.
    scorings : sequence of str
        Scores that skae is measured with.

    Returns
    -------
    results : DataFrame
        A row per table: what it is like, the AUROC of each detector, and those of the true
        densities.
    """
    return _in_parallel(_on_clusters, [(t, scorings) for t in tables or cluster_tables()])


def cluster_summary(results):
    """Return, per detector, the share of tables on which it finds the cluster, and the AUROC.

    The densities' own rows say what can be reached. Further shares are of those tables only on
    which a density reaches an AUROC of 0.97.
    """
    known = ["both densities", "ordinary density"]
    first = list(results).index("seed") + 1
    table = {}
    for name, auroc in results.iloc[:, first:].items():
        table[name] = {f"share >= {FOUND}": (auroc >= FOUND).mean()}
        for density in known:
            reachable = auroc[results[density] >= REACHABLE]
            table[name][f"where {density} >= {REACHABLE}"] = (reachable >= FOUND).mean()
        table[name] |= {"smallest AUROC": auroc.min(), "mean AUROC": auroc.mean()}
    frame = pd.DataFrame(table).T
    return frame.rename_axis(f"clusters in {len(results)} tables").reset_index()


def clusters_missed(results):
    """Return the tables on which skae, with its default score, does not find the cluster."""
    return results[results[OURS] < FOUND]


def kinds_results(scorings=SCORINGS):
    """Return the AUROC of each detector on tables with several legitimate kinds of rows.

    Detectors are fitted on such rows with 5% of outliers among them, and score new rows. A row
    per kinds and place of the outliers; means over three tables.
    """
    runs = [(name, seed, scorings) for name in KINDS for seed in SEEDS]
    results = _in_parallel(_on_kinds, runs)
    table = results.groupby(["outliers", "ordinary rows"], sort=False).mean()
    means = table.groupby("outliers", sort=False).mean()
    means.index = [(where, "mean") for where in means.index]
    return pd.concat([table, means]).rename_axis(["outliers", "ordinary rows"]).reset_index()


def _detectors(n, scorings):
    """Return skae with these scores, and some of the others, unfitted."""
    ours = {
        f"skae, {scoring}": AutoencoderOutlierDetector(scoring=scoring, random_state=0)
        for scoring in scorings
    }
    others = ("IsolationForest", "PyOD kNN", "MCD", "PyOD AutoEncoder")
    return ours | {name: DETECTORS[name](0, n) for name in others if name in DETECTORS}


def _on_clusters(table, scorings):
    X, y, known = table.draw()
    row = asdict(table)
    for name, detector in _detectors(len(X), scorings).items():
        row[name] = roc_auc_score(y, outlyingness(detector.fit(X), X))
    return [row | {name: roc_auc_score(y, scores) for name, scores in known.items()}]


def _on_kinds(name, seed, scorings):
    table = KindsTable(name, seed)
    X = table.training_rows()
    new = table.new_rows()
    rows = {where: {"outliers": where, "ordinary rows": name} for where in new}
    for kind, detector in _detectors(len(X), scorings).items():
        detector.fit(X)
        for where, (X_new, y) in new.items():
            rows[where][kind] = roc_auc_score(y, outlyingness(detector, X_new))
    for where, (X_new, y) in new.items():
        rows[where]["both densities"] = roc_auc_score(y, table.best_scores(X_new, where))
    return list(rows.values())


def _in_parallel(measure, runs):
    """Return the rows of all runs; as many processes as cores, each on one thread."""

    def on_one_thread(*run):
        with one_thread():
            return measure(*run)

    done = Parallel(n_jobs=-1, return_as="generator")(delayed(on_one_thread)(*run) for run in runs)
    return pd.DataFrame([row for rows in tqdm(done, total=len(runs)) for row in rows])
