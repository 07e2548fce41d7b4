"""Types that skops may make of a file: what scikit-learn's own estimators need, and no more."""

import inspect

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.gaussian_process import GaussianProcessClassifier, kernels
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler
from sklearn.utils import all_estimators

import skae
from skae.persistence import TRUSTED_TYPES, ModelFileError, load_estimator

skops = pytest.importorskip("skops.io")

X = pd.DataFrame(np.random.RandomState(0).uniform(0.1, 1, (60, 4)), columns=list("abcd"))
Y = np.arange(60) % 3
TREE = "sklearn.tree._tree.Tree"

# Compiled code follows indices in these without checking them.
DANGEROUS = {
    TREE,
    "scipy.interpolate._bsplines.BSpline",
    "scipy.sparse._csr.csr_matrix",
    "sklearn.cluster._kmeans._kmeans_single_lloyd",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    # A spline holds this.
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
}
SLOW = {
    *("DictionaryLearning", "ElasticNetCV", "LatentDirichletAllocation", "LassoCV"),
    *("LogisticRegressionCV", "MeanShift", "OPTICS", "TheilSenRegressor", "TSNE"),
}


def fitted_by_default():
    """Yield estimators of scikit-learn, fitted where that takes no more than rows and labels."""
    for _, cls in all_estimators(["transformer", "classifier", "regressor", "cluster"]):
        parameters = inspect.signature(cls).parameters.values()
        if cls.__name__ in SLOW or any(
            one.default is one.empty and one.kind is not one.VAR_KEYWORD for one in parameters
        ):
            continue
        few = {"n_estimators": 2, "max_iter": 20, "n_components": 2}
        estimator = cls()
        estimator.set_params(**{k: v for k, v in few.items() if k in estimator.get_params()})
        try:
            yield estimator.fit(X, Y)
        except (AttributeError, TypeError, ValueError):
            # It takes words, dicts, one column or other labels.
            continue


@pytest.mark.filterwarnings("ignore")
def test_most_estimators_of_scikit_learn_need_no_other_types():
    n_loaded, left = 0, set()
    for estimator in fitted_by_default():
        try:
            data = skops.dumps(estimator)
        except skops.exceptions.UnsupportedTypeException:
            continue
        untrusted = set(skops.get_untrusted_types(data=data)) - set(TRUSTED_TYPES)
        left |= untrusted
        if not untrusted:
            loaded = skops.loads(data, trusted=TRUSTED_TYPES)
            assert type(loaded) is type(estimator)
            n_loaded += 1
    assert n_loaded > 100
    assert TREE in left
    assert left <= DANGEROUS


def test_no_dangerous_type_is_trusted():
    assert DANGEROUS.isdisjoint(TRUSTED_TYPES)


@pytest.mark.parametrize("name", get_scorer_names())
def test_scorers(name):
    data = skops.dumps(get_scorer(name))
    skops.loads(data, trusted=TRUSTED_TYPES)


def autoencoder():
    return skae.AutoencoderTransformer(2, hidden_layer_sizes=(3,), max_iter=1, random_state=0)


MIXED = X.assign(word=np.array(["u", "v", "w"] * 20, dtype=object))
MIXED.loc[3, "b"] = np.nan
COLUMNS = make_column_transformer(
    (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector("a|b")),
    (StandardScaler(), make_column_selector("c|d", dtype_include=np.number)),
    (OneHotEncoder(sparse_output=False), make_column_selector(dtype_include=object)),
)
VOTERS = [("a", LogisticRegression()), ("b", MLPClassifier((2,), max_iter=2, random_state=0))]
KERNEL = kernels.RBF() * 2.0 + kernels.WhiteKernel() + kernels.Matern() ** 2
STEPS = {
    "imputer": [SimpleImputer(strategy="median"), autoencoder(), LogisticRegression()],
    "columns": [COLUMNS, autoencoder(), LogisticRegression()],
    "bins": [SimpleImputer(), KBinsDiscretizer(3, encode="ordinal"), autoencoder()],
    "selection": [SimpleImputer(), SelectKBest(mutual_info_classif, k=3), autoencoder()],
    "network": [SimpleImputer(), autoencoder(), MLPClassifier((3,), max_iter=2)],
    "kernel": [
        SimpleImputer(),
        autoencoder(),
        GaussianProcessClassifier(KERNEL, optimizer=None),
    ],
    "calibration": [
        SimpleImputer(),
        autoencoder(),
        CalibratedClassifierCV(LogisticRegression(), cv=2),
    ],
    "votes": [SimpleImputer(), autoencoder(), VotingClassifier(VOTERS, voting="soft")],
    "search": [
        SimpleImputer(),
        autoencoder(),
        GridSearchCV(
            LogisticRegression(), {"C": [1, 2]}, scoring="roc_auc_ovr", cv=TimeSeriesSplit(2)
        ),
    ],
}


# Two epochs of the networks do not converge.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", STEPS)
def test_pipelines_around_an_autoencoder(kind, tmp_path):
    rows = MIXED if kind == "columns" else MIXED[list("abcd")]
    pipeline = make_pipeline(*STEPS[kind]).fit(rows, Y)
    skops.dump(pipeline, tmp_path / "p.skops")
    loaded = skops.load(tmp_path / "p.skops", trusted=TRUSTED_TYPES)
    method = "predict_proba" if hasattr(pipeline, "predict_proba") else "transform"
    assert_array_equal(getattr(loaded, method)(rows), getattr(pipeline, method)(rows))


# -- loading ------------------------------------------------------------------------------


@pytest.fixture
def forest(tmp_path):
    """A file of a pipeline that ends in trees."""
    pipeline = make_pipeline(autoencoder(), RandomForestClassifier(2, random_state=0)).fit(X, Y)
    skops.dump(pipeline, tmp_path / "p.skops")
    return tmp_path / "p.skops"


def test_trees_must_be_trusted_by_name(forest):
    error = skops.exceptions.UntrustedTypesFoundException
    with pytest.raises(error, match=f"p.skops needs types that.*: {TREE}.*--trust {TREE}") as what:
        load_estimator(forest)
    assert len(str(what.value)) < 500
    assert load_estimator(forest, trusted=[TREE]).predict(X).shape == (60,)
    with pytest.raises(error, match=TREE):
        load_estimator(forest, trusted=["sklearn.neighbors._kd_tree.KDTree"])


@pytest.mark.parametrize("name", ["all", "*", "True", "Tree", "."])
def test_nothing_is_trusted_blindly(name, forest):
    with pytest.raises(ValueError, match="is no type to trust: expected its full name, such as"):
        load_estimator(forest, trusted=[name])


def test_only_files_of_skops_have_types_to_trust(tmp_path):
    skae.save(autoencoder().fit(X), tmp_path / "m.skae")
    with pytest.raises(ValueError, match=f"no file of skops.*Leave out --trust {TREE}"):
        load_estimator(tmp_path / "m.skae", trusted=[TREE])


def test_what_is_no_estimator_of_skops(forest):
    whole = forest.read_bytes()
    for content in (b"", b"no zip", whole[: len(whole) // 2]):
        forest.write_bytes(content)
        with pytest.raises(ModelFileError, match=r"p\.skops cannot be loaded: it is damaged"):
            load_estimator(forest)
    skops.dump({"a": 1}, forest)
    with pytest.raises(ModelFileError, match=r"p\.skops holds a dict, expected a fitted estimator"):
        load_estimator(forest)
    skops.dump(make_pipeline(autoencoder()), forest)
    with pytest.raises(NotFittedError, match="not fitted"):
        load_estimator(forest)
    with pytest.raises(FileNotFoundError):
        load_estimator(forest.with_name("absent.skops"))
