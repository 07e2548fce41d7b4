"""An autoencoder inside scikit-learn's compositions, and on its way through files."""

import copy
import io
import pickle
from itertools import cycle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from process_cases import joblib_forks
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer

X, y = load_iris(return_X_y=True)
FRAME = pd.DataFrame(X, columns=["sepal_l", "sepal_w", "petal_l", "petal_w"])
CODES = ["autoencodertransformer0", "autoencodertransformer1"]


def make_ae(**params):
    params = {"hidden_layer_sizes": (7,), "max_iter": 8, "random_state": 0} | params
    return AutoencoderTransformer(**{"n_components": 2} | params)


@pytest.fixture(scope="module")
def fitted():
    return make_ae().fit(X)


# -- compositions ---------------------------------------------------------------------


def test_pipeline_ends_in_a_classifier_that_converges():
    """LogisticRegression at its defaults would warn, and a warning is an error here."""
    pipeline = Pipeline([("ae", make_ae()), ("clf", LogisticRegression())]).fit(X * 1e4, y)
    assert pipeline.score(X * 1e4, y) > 0.85
    codes = make_ae().fit_transform(X * 1e4)
    expected = LogisticRegression().fit(codes, y).predict_proba(codes)
    np.testing.assert_array_equal(pipeline.predict_proba(X * 1e4), expected)


def test_pipeline_that_ends_in_an_autoencoder():
    pipeline = make_pipeline(StandardScaler(), make_ae()).fit(X)
    scaled = StandardScaler().fit_transform(X)
    ae = make_ae().fit(scaled)
    assert pipeline.score(X) == ae.score(scaled)
    np.testing.assert_array_equal(pipeline.score_samples(X), ae.score_samples(scaled))
    back = pipeline.inverse_transform(pipeline.transform(X))
    assert np.mean((back - X) ** 2) < np.mean((X - X.mean(axis=0)) ** 2) / 5
    assert list(pipeline.get_feature_names_out()) == CODES


def test_feature_union():
    union = FeatureUnion([("pca", PCA(3)), ("ae", make_ae())]).fit(X)
    both = union.transform(X)
    np.testing.assert_allclose(both[:, :3], PCA(3).fit_transform(X))
    np.testing.assert_array_equal(both[:, 3:], make_ae().fit_transform(X))
    assert list(union.get_feature_names_out()[3:]) == [f"ae__{name}" for name in CODES]


def test_column_transformer_with_a_data_frame():
    columns = ["petal_l", "petal_w", "sepal_w"]
    transformer = ColumnTransformer([("ae", make_ae(), columns)], remainder="passthrough")
    out = transformer.fit_transform(FRAME)
    np.testing.assert_array_equal(out[:, :2], make_ae().fit_transform(FRAME[columns]))
    np.testing.assert_array_equal(out[:, 2], FRAME["sepal_l"])
    assert list(transformer.named_transformers_["ae"].feature_names_in_) == columns
    # By name, the order of the columns in the whole table does not matter.
    np.testing.assert_array_equal(transformer.transform(FRAME[FRAME.columns[::-1]]), out)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(library):
    ae = make_ae().set_output(transform=library).fit(FRAME)
    out = ae.transform(FRAME)
    assert isinstance(out, {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library])
    assert list(out.columns) == CODES
    plain = make_ae().fit(FRAME)
    np.testing.assert_array_equal(out.to_numpy(), plain.transform(FRAME))
    # Codes in a table of their own find the way back.
    np.testing.assert_array_equal(ae.inverse_transform(out), plain.reconstruct(FRAME))
    union = FeatureUnion([("one", make_ae()), ("two", make_ae(n_components=1))])
    names = list(union.set_output(transform=library).fit_transform(FRAME).columns)
    assert names == ["one__" + CODES[0], "one__" + CODES[1], "two__" + CODES[0]]


def test_set_output_keeps_the_index():
    frame = FRAME.set_index(np.arange(1000, 1150))
    out = make_ae().set_output(transform="pandas").fit(frame).transform(frame[::-1])
    assert list(out.index) == list(range(1149, 999, -1))


def test_a_data_frame_equals_its_array(fitted):
    for frame in (FRAME, pl.from_pandas(FRAME)):
        ae = make_ae().fit(frame)
        assert list(ae.feature_names_in_) == list(FRAME.columns)
        # Columns that lie apart in memory are summed in another order.
        np.testing.assert_allclose(ae.transform(frame), fitted.transform(X), atol=1e-4)


# -- searches ---------------------------------------------------------------------------

GRID = {"ae": [PCA(), make_ae()], "ae__n_components": [1, 2]}
SLOT = Pipeline([("ae", PCA()), ("clf", LogisticRegression())])


def scores_of(search):
    return search.cv_results_["mean_test_score"]


@pytest.fixture(scope="module")
def scores_alone():
    """The score of each candidate, by itself."""
    candidates = [PCA(1), PCA(2), make_ae(n_components=1), make_ae(n_components=2)]
    pipelines = [clone(SLOT).set_params(ae=candidate) for candidate in candidates]
    return [cross_val_score(pipeline, X, y, cv=3).mean() for pipeline in pipelines]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search_with_pca_as_a_rival(scores_alone, backend):
    with joblib_forks(), joblib.parallel_backend(backend):
        search = GridSearchCV(SLOT, GRID, cv=3, n_jobs=2).fit(X, y)
    assert np.isfinite(scores_of(search)).all()
    # Each candidate has its own score.
    np.testing.assert_array_equal(scores_of(search), scores_alone)


def test_grid_search_reaches_the_training_parameters():
    grid = {"hidden_layer_sizes": [(), (3,), (5, 3)], "learning_rate_init": [1e-3, 1e-2]}
    search = GridSearchCV(make_ae(init="random"), grid, cv=2, error_score="raise").fit(X)
    assert len(set(scores_of(search))) == 6


def halving_search(n_jobs):
    params = {"cv": 3, "min_resources": 40, "random_state": 0}
    return HalvingGridSearchCV(SLOT, GRID, n_jobs=n_jobs, **params).fit(X, y)


def test_halving_grid_search():
    with joblib.parallel_backend("threading"):
        parallel = halving_search(2)
    np.testing.assert_array_equal(scores_of(parallel), scores_of(halving_search(1)))
    assert parallel.n_iterations_ >= 2
    assert np.isfinite(scores_of(parallel)).all()


def test_unsupervised_grid_search_uses_score():
    grid = {"n_components": [1, 2, 3]}
    search = GridSearchCV(make_ae(), grid, cv=3).fit(X)
    by_hand = []
    for test in np.array_split(np.arange(150), 3):
        train = np.setdiff1d(np.arange(150), test)
        back = make_ae(n_components=3).fit(X[train]).reconstruct(X[test])
        by_hand.append(-np.mean((back - X[test]) ** 2))
    np.testing.assert_allclose(scores_of(search)[2], np.mean(by_hand), rtol=1e-6)
    assert search.best_params_ == {"n_components": 3}


# -- wrappers ---------------------------------------------------------------------------


class CountsFits(AutoencoderTransformer):
    """Counts how often one of its kind is fitted."""

    fits = 0

    def fit(self, X, y=None, sample_weight=None):
        CountsFits.fits += 1
        return super().fit(X, y, sample_weight)


def test_pipeline_with_memory(tmp_path):
    CountsFits.fits = 0
    ae = CountsFits(2, hidden_layer_sizes=(7,), max_iter=8, random_state=0)
    steps = [("ae", ae), ("clf", LogisticRegression())]
    expected = make_ae().fit(X)
    for C in (1.0, 0.1):
        pipeline = Pipeline(steps, memory=str(tmp_path)).set_params(clf__C=C).fit(X, y)
        np.testing.assert_array_equal(pipeline[0].transform(X), expected.transform(X))
    assert CountsFits.fits == 1
    Pipeline(steps, memory=str(tmp_path)).set_params(ae__max_iter=7).fit(X, y)
    assert CountsFits.fits == 2


def test_frozen_estimator(fitted):
    before = fitted.transform(X)
    frozen = make_pipeline(FrozenEstimator(fitted), LogisticRegression())
    frozen.fit(X[::-1][:90], y[::-1][:90])
    np.testing.assert_array_equal(frozen[0].transform(X), before)
    np.testing.assert_array_equal(clone(frozen)[0].transform(X), before)


def test_transformed_target_regressor():
    """A regression onto codes that the decoder turns back into many outputs."""
    rng = np.random.RandomState(0)
    inputs = rng.normal(size=(150, 2))
    targets = inputs @ rng.normal(size=(2, 6)) + 10
    model = TransformedTargetRegressor(
        LinearRegression(), transformer=make_ae(hidden_layer_sizes=()), check_inverse=False
    )
    predicted = model.fit(inputs, targets).predict(inputs)
    assert predicted.shape == targets.shape
    # Codes and targets are linear in the inputs, so nothing is lost but rounding.
    assert model.score(inputs, targets) > 0.999
    assert model.regressor_.coef_.shape == (2, 2)


def test_sample_weight_is_routed_through_a_pipeline():
    weights = np.where(y == 0, 3.0, 0.5)
    with config_context(enable_metadata_routing=True):
        ae = make_ae().set_fit_request(sample_weight=True)
        clf = LogisticRegression().set_fit_request(sample_weight=False)
        pipeline = Pipeline([("ae", ae), ("clf", clf)]).fit(X, y, sample_weight=weights)
        deaf = Pipeline([("ae", clone(ae).set_fit_request(sample_weight=False)), ("clf", clf)])
        deaf.fit(X, y)
    weighted, plain = make_ae().fit(X, sample_weight=weights), make_ae().fit(X)
    np.testing.assert_array_equal(pipeline[0].transform(X), weighted.transform(X))
    np.testing.assert_array_equal(deaf[0].transform(X), plain.transform(X))
    assert np.abs(weighted.transform(X) - plain.transform(X)).max() > 1e-3


def test_sample_weight_is_routed_to_score():
    weights = np.where(y == 0, 3.0, 0.5)
    with config_context(enable_metadata_routing=True):
        ae = make_ae().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(ae, {"n_components": [2]}, cv=2).fit(X, sample_weight=weights)
    halves = []
    for test in (slice(0, 75), slice(75, 150)):
        train = slice(75, 150) if test.start == 0 else slice(0, 75)
        half = make_ae().fit(X[train], sample_weight=weights[train])
        halves.append(np.average(half.score_samples(X[test]), weights=weights[test]))
    assert search.cv_results_["mean_test_score"][0] == np.mean(halves)


# -- copies and files -----------------------------------------------------------------------


def through_joblib(ae, tmp_path, **load):
    joblib.dump(ae, tmp_path / "ae.joblib")
    return joblib.load(tmp_path / "ae.joblib", **load)


COPIES = {
    "deepcopy": lambda ae, tmp_path: copy.deepcopy(ae),
    "copy": lambda ae, tmp_path: copy.copy(ae),
    "pickle": lambda ae, tmp_path: pickle.loads(pickle.dumps(ae)),
    "pickle_2": lambda ae, tmp_path: pickle.loads(pickle.dumps(ae, protocol=2)),
    "joblib": through_joblib,
    "joblib_mmap": lambda ae, tmp_path: through_joblib(ae, tmp_path, mmap_mode="r"),
}


def assert_same_answers(one, other):
    codes = one.transform(X)
    np.testing.assert_array_equal(other.transform(X), codes)
    np.testing.assert_array_equal(other.inverse_transform(codes), one.inverse_transform(codes))
    np.testing.assert_array_equal(other.score_samples(X), one.score_samples(X))


VARIANTS = {
    "plain": {},
    "linear": {"hidden_layer_sizes": ()},
    "batch_norm": {"normalization": "batch", "dropout": 0.2},
    "plain_network": {"init": "random", "batch_size": 20},
    "rmsprop": {"optimizer": "rmsprop", "loss": "poisson"},
}


@pytest.mark.parametrize(
    ("way", "variant"),
    [
        *((way, "plain") for way in COPIES),
        # Arrays that are mapped from a file must not be written.
        *zip(cycle(["joblib_mmap", "pickle"]), [*VARIANTS][1:], strict=False),
    ],
)
def test_a_copy_is_the_same_model_and_trains_on_as_it_would(way, variant, tmp_path):
    make_copy, params = COPIES[way], VARIANTS[variant]
    ae = make_ae(**params).fit(X)
    for rows in (X[:70], X[70:]):
        ae.partial_fit(rows)
    before = ae.transform(X)
    other = make_copy(ae, tmp_path)
    assert_same_answers(ae, other)
    assert ae.loss_curve_ == other.loss_curve_
    for rows in (X[30:], X[:50]):
        other.partial_fit(rows)
    # Training the copy leaves the original alone, and the original follows it bit by bit.
    np.testing.assert_array_equal(ae.transform(X), before)
    assert np.abs(other.transform(X) - before).max() > 0
    for rows in (X[30:], X[:50]):
        ae.partial_fit(rows)
    assert_same_answers(ae, other)
    for one in (ae, other):
        one.set_params(warm_start=True).fit(X)
    assert_same_answers(ae, other)


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "log_loss"},
        {"loss": "absolute_error"},
        {"optimizer": "sgd"},
        {"hidden_layer_sizes": (3, 2)},
        {"n_components": 1},
        {"init": "random"},
        {"normalization": "batch"},
        {"random_state": 5},
        {"batch_size": 3},
    ],
    ids=str,
)
def test_a_copy_is_of_the_fitted_model_whatever_its_parameters_became(change):
    """Parameters that are set after a fit wait for the next one, in the copy as well."""
    ae = make_ae().fit(X)
    expected = pickle.loads(pickle.dumps(ae))
    ae.set_params(**change)
    assert_same_answers(expected, ae)
    assert_same_answers(expected, pickle.loads(pickle.dumps(ae)))
    assert_same_answers(expected, copy.deepcopy(ae))


@pytest.mark.parametrize(
    ("change", "warm_start"),
    [
        ({"optimizer": "sgd"}, False),
        ({"optimizer": "sgd"}, True),
        ({"alpha": 1.0}, False),
        ({"learning_rate_init": 0.05}, True),
        ({"max_grad_norm": 1e-3}, False),
    ],
    ids=str,
)
def test_new_parameters_train_on_in_the_copy_as_in_the_original(change, warm_start):
    results = {}
    for changed in (False, True):
        ae = make_ae(warm_start=warm_start).fit(X).partial_fit(X)
        if changed:
            ae.set_params(**change)
        other = pickle.loads(pickle.dumps(ae))
        for one in (ae, other):
            train = one.fit if warm_start else one.partial_fit
            train(X[::-1])
        assert_same_answers(ae, other)
        results[changed] = ae.transform(X)
    # The change is heard at all.
    assert np.abs(results[True] - results[False]).max() > 0


def test_clone_is_unfitted_and_fits_to_the_same(fitted):
    copied = clone(fitted)
    assert not hasattr(copied, "net_")
    assert copied.get_params() == fitted.get_params()
    assert_same_answers(fitted, copied.fit(X))


def test_a_state_holds_numpy_only(fitted):
    """What is loaded is arrays and plain Python, nothing of torch or skorch."""

    modules = set()

    class Finder(pickle.Unpickler):
        def find_class(self, module, name):
            modules.add(module.partition(".")[0])
            return super().find_class(module, name)

    Finder(io.BytesIO(pickle.dumps(fitted))).load()
    assert "skae" in modules
    assert modules <= {"skae", "numpy", "collections", "builtins", "copyreg"}


def test_a_model_from_a_gpu_loads_where_there_is_none(fitted, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    state = make_ae(device="cuda").__getstate__() | fitted.__getstate__() | {"device": "cuda"}
    state["net_"] = state["net_"] | {"device": "cuda:7"}
    state["_fitted_params"] = state["_fitted_params"] | {"device": "cuda"}
    loaded = AutoencoderTransformer.__new__(AutoencoderTransformer)
    loaded.__setstate__(pickle.loads(pickle.dumps(state)))
    assert_same_answers(fitted, loaded)
    assert {p.device.type for p in loaded.net_.module_.parameters()} == {"cpu"}
    # It trains on where it is, and goes through a file again.
    again = pickle.loads(pickle.dumps(loaded.partial_fit(X)))
    assert_same_answers(loaded, again)
    assert_same_answers(loaded, pickle.loads(pickle.dumps(fitted)).partial_fit(X))
