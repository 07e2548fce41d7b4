"""Comparisons: the same folds, the same units, PCA beside."""

import numpy as np
import pandas as pd
import pytest
from mixed_cases import table, with_gaps
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    AutoencoderClassifier,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    NestedAutoencoder,
    compare,
)
from skae.windows import Windows

BRIEF = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
IRIS, SPECIES = load_iris(return_X_y=True)


def test_errors_are_shares_of_the_variance_of_held_out_rows():
    ae = AutoencoderTransformer(2, **BRIEF)
    found = compare([ae], IRIS, SPECIES, cv=3)
    assert list(found.index) == ["AutoencoderTransformer", "PCA(2)"]
    errors = {"AutoencoderTransformer": [], "PCA(2)": []}
    for train, test in StratifiedKFold(3).split(IRIS, SPECIES):
        total = np.square(IRIS[test] - IRIS[train].mean(axis=0)).sum()
        for name, model in zip(errors, (ae, PCA(2)), strict=True):
            model.fit(IRIS[train])
            back = model.inverse_transform(model.transform(IRIS[test]))
            errors[name].append(np.square(back - IRIS[test]).sum() / total)
    for name, shares in errors.items():
        assert_allclose(found.loc[name, "error"], np.mean(shares), rtol=1e-5)
        assert_allclose(found.loc[name, "error_std"], np.std(shares), rtol=1e-4)
    ratio = np.median(np.divide(*errors.values()))
    assert_allclose(found.loc["AutoencoderTransformer", "error_vs_pca"], ratio, rtol=1e-5)
    assert found.loc["PCA(2)", "error_vs_pca"] == 1
    assert (found["fit_time"] > 0).all()
    assert (found["n_components"] == 2).all()


def test_classes_and_numbers_judge_codes_as_cross_validation_does():
    X, y = load_diabetes(return_X_y=True)
    for judge, rows, target, cv, column in (
        (LogisticRegression(max_iter=1000), IRIS, SPECIES, StratifiedKFold(3), "accuracy"),
        (Ridge(), X, y, KFold(3), "r2"),
    ):
        ae = AutoencoderTransformer(2, **BRIEF)
        found = compare({"ae": ae}, rows, target, cv=cv)[column]
        for name, model in (("ae", ae), ("PCA(2)", PCA(2))):
            expected = cross_val_score(
                make_pipeline(model, StandardScaler(), judge), rows, target, cv=cv
            )
            assert_allclose(found[name], expected.mean(), rtol=1e-6)


def test_outliers_judge_scores():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3)) * [3, 1, 0.1]
    y = np.where(np.arange(120) % 6, 1, -1)
    X[y == -1, 2] += 2
    ae = AutoencoderTransformer(2, **BRIEF)
    detector = AutoencoderOutlierDetector(
        AutoencoderTransformer(hidden_layer_sizes=(), max_iter=1), n_estimators=1, cv=2
    )
    found = compare([ae, detector, IsolationForest(n_estimators=10, random_state=0)], X, y, cv=2)
    expected = [
        roc_auc_score(y[test], ae.fit(X[train]).score_samples(X[test]))
        for train, test in StratifiedKFold(2).split(X, y)
    ]
    assert_allclose(found.loc["AutoencoderTransformer", "auroc"], np.mean(expected))
    assert found.loc["AutoencoderOutlierDetector", "auroc"] > 0.75
    assert found.loc["AutoencoderOutlierDetector", "error"] < 1
    # A forest has neither codes nor reconstructions.
    assert found.loc["IsolationForest", "auroc"] > 0.5
    assert found.loc["IsolationForest", ["n_components", "error"]].isna().all()
    assert "accuracy" not in found


def test_a_class_for_some_rows_is_enough():
    some = np.where(np.arange(150) % 2, SPECIES, -1)
    small = AutoencoderTransformer(2, **BRIEF)
    supervised = AutoencoderClassifier(small, n_propagations=0, max_iter=2)
    found = compare([supervised, small], IRIS, some, cv=3)
    # Codes that have seen the labels tell more of them.
    accuracy = found["accuracy"]
    assert accuracy["AutoencoderClassifier"] >= accuracy["AutoencoderTransformer"] > 0.5


def test_names_of_classes():
    names = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
    ae = AutoencoderTransformer(2, **BRIEF)
    one, other = (compare([ae], IRIS, y, cv=2) for y in (SPECIES, pd.Series(names)))
    pd.testing.assert_frame_equal(one.drop(columns="fit_time"), other.drop(columns="fit_time"))


def test_words_beside_minus_one_are_stratified():
    names = np.array(["setosa", "versicolor", "virginica"], dtype=object)[SPECIES]
    rare = np.where(np.arange(150) % 3, names, -1)
    codes = np.where(rare == -1, -1, SPECIES)
    ae = AutoencoderTransformer(2, **BRIEF)
    for cv in (2, StratifiedKFold(2)):
        one, other = (compare([ae], IRIS, y, cv=cv)["accuracy"] for y in (rare, codes))
        # Rows are sorted by species: without strata a fold would lack one, and fail.
        assert_allclose(one, other)
        assert (one > 0.6).all()


def test_an_error_inside_an_estimator_is_raised():
    class Broken(FailsLater):
        def inverse_transform(self, Z):
            return Z.no_such_name

    with pytest.raises(AttributeError, match="no_such_name"):
        compare([Broken()], np.ones((20, 2)), cv=2)


def test_tables_of_several_types_have_the_mean_share_of_their_columns():
    frame = with_gaps(table(n_rows=90))
    nothing = AutoencoderTransformer(1, hidden_layer_sizes=(), max_iter=1, random_state=0)
    much = AutoencoderTransformer(6, hidden_layer_sizes=(), max_iter=1, random_state=0)
    found = compare(
        {"nothing": nothing, "much": much}, frame, cv=[(np.arange(60), np.arange(60, 90))]
    )
    # PCA takes no such table.
    assert list(found.index) == ["nothing", "much"]
    train, test = frame[:60], frame[60:]
    back = much.fit(train).reconstruct(test)
    shares = []
    for name in frame.columns:
        known = test[name].notna()
        one, other = test[name][known], back[name][known]
        if name in ("age", "income", "since"):
            squares = [
                ((v - one) / pd.Timedelta(days=1) if name == "since" else v - one) ** 2
                for v in (other, train[name].mean())
            ]
            shares.append(squares[0].sum() / squares[1].sum())
        else:
            shares.append((one != other).sum() / (one != train[name].mode()[0]).sum())
    assert_allclose(found.loc["much", "error"], np.mean(shares), rtol=1e-3)
    assert found.loc["much", "error"] < 0.6 * found.loc["nothing", "error"]


@pytest.mark.parametrize("kind", ["pandas", "polars", "sparse", "images"])
def test_rows_of_every_kind(kind):
    pl, sparse = pytest.importorskip("polars"), pytest.importorskip("scipy.sparse")
    X = load_digits().data[:60]
    made = {
        "pandas": lambda: pd.DataFrame(X).add_prefix("c"),
        "polars": lambda: pl.DataFrame(X),
        "sparse": lambda: sparse.csr_array(X),
        "images": lambda: X.reshape(60, 8, 8),
    }[kind]()
    from skae import ConvolutionalAutoencoder

    ae = AutoencoderTransformer(2, **BRIEF)
    if kind == "images":
        ae = ConvolutionalAutoencoder(2, channels=(2, 4), max_iter=1, random_state=0)
    found = compare({"ae": ae}, made, cv=2).loc["ae", "error"]
    if kind == "images":
        assert 0 < found < 1.5
    else:
        assert_allclose(found, compare({"ae": ae}, X, cv=2).loc["ae", "error"], rtol=1e-5)


def test_estimators_without_a_way_back_have_no_error():
    found = compare([KMeans(3, n_init=1), NestedAutoencoder(2, **BRIEF)], IRIS, SPECIES, cv=2)
    assert np.isnan(found.loc["KMeans", "error"])
    assert found.loc["KMeans", "accuracy"] > 0.5
    assert np.isfinite(found.loc["NestedAutoencoder", "error"])


def test_what_is_refused():
    ae = AutoencoderTransformer(2, **BRIEF)
    with pytest.raises(ValueError, match=r"AutoencoderTransformer more than once\. Pass a dict"):
        compare([ae, ae], IRIS)
    with pytest.raises(ValueError, match="estimators is empty"):
        compare([], IRIS)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        compare([ae], IRIS, SPECIES[:10])


def test_pca_takes_the_steps_of_a_pipeline():
    rows = IRIS * [1, 1, 1, 100]
    ae = AutoencoderTransformer(2, **BRIEF)
    search = GridSearchCV(make_pipeline(StandardScaler(), ae), {}, cv=2)
    found = compare(
        {
            "alone": ae,
            "scaled": make_pipeline(StandardScaler(), ae),
            "centred": make_pipeline(StandardScaler(with_std=False), ae),
            "search": search,
        },
        rows,
        cv=3,
    )
    assert list(found.index[4:]) == [
        "PCA(2)",
        "PCA(2) after StandardScaler",
        "PCA(2) after StandardScaler (2)",
    ]
    pca = make_pipeline(StandardScaler(), PCA(2))
    shares, ratios = [], []
    for train, test in KFold(3).split(rows):
        squares = []
        for model in (make_pipeline(StandardScaler(), ae), pca):
            model.fit(rows[train])
            back = model.inverse_transform(model.transform(rows[test]))
            squares.append(np.square(back - rows[test]).sum())
        shares.append(squares[1] / np.square(rows[test] - rows[train].mean(axis=0)).sum())
        ratios.append(squares[0] / squares[1])
    assert_allclose(found.loc["PCA(2) after StandardScaler", "error"], np.mean(shares), rtol=1e-5)
    assert_allclose(found.loc["scaled", "error_vs_pca"], np.median(ratios), rtol=1e-4)
    assert found.loc["search", "error_vs_pca"] == found.loc["scaled", "error_vs_pca"]
    # A single large column is all that PCA sees without the scaler.
    assert found.loc["PCA(2)", "error"] < 0.01 * found.loc["PCA(2) after StandardScaler", "error"]


def test_gaps_that_a_step_fills_are_none_to_pca():
    rows = np.where(np.random.default_rng(0).random(IRIS.shape) < 0.1, np.nan, IRIS)
    ae = AutoencoderTransformer(2, **BRIEF)
    filled = make_pipeline(SimpleImputer(), ae)
    with pytest.warns(UserWarning, match="AutoencoderTransformer has no error .*add_indicator"):
        found = compare([filled], rows, SPECIES, cv=2)
    assert list(found.index) == ["AutoencoderTransformer", "PCA(2) after SimpleImputer"]
    assert found["error"].isna().all()
    assert (found["accuracy"] > 0.5).all()
    assert list(compare([ae], rows, cv=2).index) == ["AutoencoderTransformer"]


def test_a_name_that_is_taken_gets_a_number():
    models = {"PCA(2)": AutoencoderTransformer(2, **BRIEF)}
    assert list(compare(models, IRIS, cv=2).index) == ["PCA(2)", "PCA(2) (2)"]


def test_steps_whose_representations_are_cut_are_told_apart():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 45)) * np.linspace(1, 2, 45)
    ae = AutoencoderTransformer(2, **BRIEF)
    columns = [list(range(45)), [*range(40), 44, 43, 42, 41, 40]]
    models = {
        f"order {i}": make_pipeline(ColumnTransformer([("kept", "passthrough", one)]), ae)
        for i, one in enumerate(columns)
    }
    assert len(compare(models, rows, cv=2)) == 4


def test_pca_has_no_more_components_than_there_are_windows():
    recording = np.sin(np.arange(640) / 5)
    model = make_pipeline(Windows(64, step=64), AutoencoderTransformer(8, **BRIEF))
    assert list(compare([model], recording, cv=2).index) == ["AutoencoderTransformer"]


class FailsLater(TransformerMixin, BaseEstimator):
    """A transformer whose way back fails for rows above a limit."""

    def fit(self, X, y=None):
        self.limit_ = X.max()
        return self

    def transform(self, X):
        return X[:, :1]

    def inverse_transform(self, Z):
        if Z.max() > 0:
            raise NotImplementedError
        return np.repeat(Z, 2, axis=1)


def test_an_estimator_that_fails_in_one_fold_has_no_error():
    rows = np.where(np.arange(20)[:, None] < 10, -1.0, 1.0) + np.array([[0.0, 0.1]])
    with pytest.warns(UserWarning, match="FailsLater has no error .*NotImplementedError"):
        found = compare([FailsLater()], rows, cv=2)
    assert np.isnan(found.loc["FailsLater", "error"])


def test_truth_values_in_an_array_are_numbers():
    rows = np.random.default_rng(0).random((40, 3)) < 0.5
    ae = AutoencoderTransformer(2, **BRIEF)
    one, other = (compare([ae], X, cv=2)["error"] for X in (rows, rows.astype(float)))
    assert_allclose(one, other)


def test_answers_of_another_length_are_named():
    model = make_pipeline(Windows(20, step=10), AutoencoderTransformer(3, **BRIEF))
    with pytest.raises(ValueError, match="There are 167 rows, and 166 came back"):
        compare([model], np.sin(np.arange(333)), cv=2)
