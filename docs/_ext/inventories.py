"""Inventories of other projects for intersphinx, made of the packages that are installed.

An inventory says which names a project documents, and where. Only the names that our pages refer to
are listed here; each is looked up in the installed package.
"""

import zlib
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "_build" / "inventories"

# For each project: where its documentation is, the page of an object, what we refer to, and the
# labels of its sections. "$" stands for the name of the object.
PROJECTS = {
    "scipy": (
        "https://docs.scipy.org/doc/scipy/",
        "reference/generated/$.html#$",
        ["scipy.signal.get_window", "scipy.stats.false_discovery_control", "scipy.stats.ks_2samp"],
        {},
    ),
    "sklearn": (
        "https://scikit-learn.org/stable/",
        "modules/generated/$.html#$",
        [
            "sklearn.compose.ColumnTransformer",
            "sklearn.covariance.EllipticEnvelope",
            "sklearn.decomposition.KernelPCA",
            "sklearn.decomposition.MiniBatchDictionaryLearning",
            "sklearn.decomposition.NMF",
            "sklearn.decomposition.PCA",
            "sklearn.ensemble.IsolationForest",
            "sklearn.feature_extraction.image.PatchExtractor",
            "sklearn.feature_extraction.image.extract_patches_2d",
            "sklearn.frozen.FrozenEstimator",
            "sklearn.impute.IterativeImputer",
            "sklearn.impute.KNNImputer",
            "sklearn.impute.SimpleImputer",
            "sklearn.mixture.GaussianMixture",
            "sklearn.manifold.TSNE",
            "sklearn.model_selection.GridSearchCV",
            "sklearn.model_selection.LearningCurveDisplay",
            "sklearn.model_selection.RandomizedSearchCV",
            "sklearn.model_selection.StratifiedKFold",
            "sklearn.model_selection.cross_val_score",
            "sklearn.model_selection.cross_validate",
            "sklearn.neural_network.MLPRegressor",
            "sklearn.pipeline.Pipeline",
            "sklearn.preprocessing.StandardScaler",
            "sklearn.semi_supervised.LabelSpreading",
            "sklearn.semi_supervised.SelfTrainingClassifier",
        ],
        # The docstring of set_output, which transformers inherit, refers to these.
        {
            "df_output_transform": "modules/df_output_transform.html",
            "sphx_glr_auto_examples_miscellaneous_plot_set_output.py": (
                "auto_examples/miscellaneous/plot_set_output.html"
            ),
        },
    ),
}


def _kind_of(name):
    """Return the role of an object in Sphinx's Python domain, once it is found."""
    if name == "sklearn.impute.IterativeImputer":
        import_module("sklearn.experimental.enable_iterative_imputer")
    module, _, attribute = name.rpartition(".")
    found = getattr(import_module(module), attribute)
    return "class" if isinstance(found, type) else "function"


def _write(project):
    """Write the inventory of a project and return its path."""
    _, page, names, labels = PROJECTS[project]
    lines = [f"{name} py:{_kind_of(name)} 1 {page} -\n" for name in names]
    lines += [f"{label} std:label -1 {place} {label}\n" for label, place in labels.items()]
    head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{project}.inv"
    path.write_bytes(head.encode() + zlib.compress("".join(lines).encode()))
    return str(path)


intersphinx_mapping = {name: (PROJECTS[name][0], _write(name)) for name in PROJECTS}
