"""The classifier: what labels, rows without labels, and each of its terms do."""

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from skae import (
    AdversarialAutoencoder,
    AutoencoderClassifier,
    AutoencoderTransformer,
    DenoisingAutoencoder,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.networks import SequenceNetwork
from skae.supervised import score_labelled

SMALL = AutoencoderTransformer(3, hidden_layer_sizes=(16,), max_iter=5, random_state=0)
TINY = {"hidden_layer_sizes": (8,), "max_iter": 2}


@cache
def half_moons():
    """Two classes that no line parts, in a table of 400 rows; 16 labels, and new rows."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, np.pi, 600)
    y = rng.integers(0, 2, 600)
    moon = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    moon[y == 1] = [1, 0.5] - moon[y == 1]
    some = np.where(np.arange(400) < 16, y[:400], -1)
    X = moon + rng.normal(scale=0.08, size=moon.shape)
    return X[:400], some, y, X[400:]


def fitted_on_moons(**params):
    """A classifier of the moons."""
    X, some, _, _ = half_moons()
    autoencoder = AutoencoderTransformer(2, hidden_layer_sizes=(32, 32), random_state=0)
    return AutoencoderClassifier(autoencoder, random_state=0, **params).fit(X, some)


def test_rows_without_labels_tell_what_few_labels_do_not():
    X, some, y, new = half_moons()
    model = fitted_on_moons(max_iter=30)
    alone = clone(model).fit(X[some >= 0], some[some >= 0])
    assert model.score(new, y[400:]) > alone.score(new, y[400:]) + 0.02
    assert (model.transduction_ == y[:400]).mean() > 0.97
    assert (model.transduction_[some >= 0] == some[some >= 0]).all()


def test_guesses_help_without_the_consistency_term():
    _, _, y, new = half_moons()
    guessed, neither = (
        fitted_on_moons(max_iter=60, consistency=0.0, n_propagations=n) for n in (1, 0)
    )
    assert guessed.score(new, y[400:]) > neither.score(new, y[400:]) + 0.03


def test_the_consistency_term_helps_without_guesses():
    digits = load_digits()
    X, y = digits.data, digits.target
    some = np.where(np.arange(600) < 60, y[:600], -1)
    autoencoder = AutoencoderTransformer(16, hidden_layer_sizes=(64,), max_iter=10)
    consistent, without = (
        AutoencoderClassifier(autoencoder, consistency=weight, n_propagations=0, random_state=0)
        .fit(X[:600], some)
        .score(X[600:], y[600:])
        for weight in (1.0, 0.0)
    )
    assert consistent > without + 0.02


@cache
def iris():
    """Rows of iris in random order, with 20 labels, and all of them."""
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    return X, np.where(np.arange(len(y)) < 20, y, -1), y


@cache
def of_iris():
    """A classifier fitted on 20 labels of iris."""
    X, some, _ = iris()
    return AutoencoderClassifier(SMALL, max_iter=3, n_propagations=1, random_state=0).fit(X, some)


def test_the_answers_agree_with_each_other():
    X, some, _ = iris()
    model = of_iris()
    logits, shares = model.decision_function(X), model.predict_proba(X)
    assert logits.shape == shares.shape == (150, 3)
    np.testing.assert_allclose(np.log(shares), log_softmax(logits, axis=1), rtol=1e-6)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(shares), rtol=1e-6)
    np.testing.assert_array_equal(model.predict(X), model.classes_[shares.argmax(axis=1)])
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    unlabelled = some < 0
    np.testing.assert_array_equal(model.transduction_[unlabelled], model.predict(X[unlabelled]))


def test_the_head_is_one_of_codes_that_are_standardised():
    X, _, _ = iris()
    model = of_iris()
    codes = model.transform(X)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(codes.std(axis=0), 1, atol=1e-5)
    (weight,), (bias,) = model._head.weights, model._head.biases
    np.testing.assert_allclose(model.decision_function(X), codes @ weight.T + bias, atol=1e-4)
    np.testing.assert_array_equal(model.autoencoder_.transform(X), codes)
    np.testing.assert_array_equal(model.reconstruct(X), model.autoencoder_.reconstruct(X))
    np.testing.assert_allclose(
        model.inverse_transform(codes), model.reconstruct(X), rtol=1e-5, atol=1e-5
    )


def test_two_classes_have_one_logit():
    X, some, y = iris()
    two = y < 2
    model = AutoencoderClassifier(SMALL, max_iter=2, random_state=0).fit(X[two], some[two])
    logits, shares = model.decision_function(X[two]), model.predict_proba(X[two])
    assert logits.shape == (100,)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), shares[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(model.predict(X[two]), (logits > 0).astype(int))


def test_text_classes_and_marks_in_one_column():
    X, some, y = iris()
    names = np.array(["setosa", "versicolor", "virginica"])
    given = np.where(some < 0, -1, names[some].astype(object))
    model = clone(of_iris()).fit(X, given)
    np.testing.assert_array_equal(model.predict(X), names[of_iris().predict(X)])
    assert set(model.transduction_) == set(names)
    assert model.score(X, names[y].astype(object)) == of_iris().score(X, y)


@pytest.mark.parametrize(
    "autoencoder",
    [
        AdversarialAutoencoder(2, **TINY),
        NestedAutoencoder(2, **TINY),
        SparseAutoencoder(8, **TINY),
        SparseAutoencoder(8, penalty="batch_top_k", **TINY),
        VariationalAutoencoder(2, **TINY),
        AutoencoderTransformer(2, loss="huber", alpha=1e-3, l1_ratio=0.5, **TINY),
        AutoencoderTransformer(2, normalization="batch", **TINY),
        DenoisingAutoencoder(
            2, network=SequenceNetwork(channels=(4,), hidden_layer_sizes=(8,)), max_iter=2
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_every_variant_learns_the_labels(autoencoder):
    X, some, y = iris()
    X = StandardScaler().fit_transform(X)
    model = AutoencoderClassifier(autoencoder, n_propagations=1, max_iter=40, random_state=0)
    assert model.fit(X, some).score(X, y) > 0.8
    assert type(model.autoencoder_) is type(autoencoder)
    assert not hasattr(autoencoder, "net_")


def test_images_choose_convolutions_by_default():
    digits = load_digits()
    images, y = digits.images[:300], digits.target[:300]
    model = AutoencoderClassifier(max_iter=1, n_propagations=1, random_state=0)
    model.fit(images, np.where(np.arange(300) < 100, y, -1))
    assert type(model.autoencoder_.network_).__name__ == "ConvolutionalNetwork"
    assert model.score(images[100:], y[100:]) > 0.8
    assert model.reconstruct(images[:2]).shape == (2, 8, 8)


def test_tables_with_categories_and_gaps():
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b", "c"], 300)
    size = rng.normal(size=300)
    y = (kind == "a").astype(int)
    size[::7] = np.nan
    X = pd.DataFrame({"kind": kind, "size": size})
    model = AutoencoderClassifier(SMALL, max_iter=3, random_state=0)
    model.fit(X, np.where(np.arange(300) < 30, y, -1))
    assert model.score(X, y) == 1
    assert list(model.feature_names_in_) == ["kind", "size"]
    assert list(model.reconstruct(X).columns) == ["kind", "size"]


@pytest.mark.parametrize(
    ("dtype", "classes"), [("Int64", [2**53, 2**53 + 1, 2**53 + 2]), ("boolean", [False, True])]
)
def test_nullable_labels_keep_their_type(dtype, classes):
    X, _, y = iris()
    given = pd.Series(np.array(classes)[np.minimum(y, len(classes) - 1)], dtype=dtype)
    model = clone(of_iris()).fit(X, given)
    np.testing.assert_array_equal(model.classes_, np.array(classes), strict=True)
    assert set(model.predict(X)) == set(classes)


def test_weights_that_leave_no_label_or_are_none():
    X, some, _ = iris()
    model = clone(of_iris())
    with pytest.raises(ValueError, match=r"all rows are marked by -1, .* sample_weight of zero"):
        model.fit(X, some, sample_weight=(some < 0) * 1.0)
    with pytest.raises(ValueError, match=r"one class only, 0, .* rows of sample_weight zero"):
        model.fit(X, some, sample_weight=(some < 1) * 1.0)
    for weight in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"class_weight=.* negative or not finite"):
            model.set_params(class_weight={0: weight, 1: 1.0, 2: 1.0}).fit(X, some)


def test_weights_of_classes_and_rows():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [180, 20])
    X = rng.normal(size=(200, 2)) + y[:, None]
    model = AutoencoderClassifier(SMALL, max_iter=20, random_state=0)
    rare = {
        name: (clone(model).set_params(class_weight=weight).fit(X, y).predict(X) == 1).mean()
        for name, weight in (("none", None), ("balanced", "balanced"), ("dict", {0: 10 / 18, 1: 5}))
    }
    assert rare["none"] < 0.15
    assert rare["balanced"] > 2 * rare["none"]
    assert rare["dict"] == rare["balanced"]
    weighted = clone(model).fit(X, y, sample_weight=np.where(y == 1, 9.0, 1.0))
    assert (weighted.predict(X) == 1).mean() > 2 * rare["none"]


def test_a_row_of_weight_two_is_two_rows():
    X, _, y = iris()
    X, y = X[:20], y[:20]
    weight = np.arange(20) % 3
    model = AutoencoderClassifier(SMALL, consistency=0.0, max_iter=5, random_state=0)
    weighted = clone(model).fit(X, y, sample_weight=weight)
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6)


def test_held_out_labels_stop_and_choose():
    digits = load_digits()
    rng = np.random.default_rng(0)
    # Half of the labels are wrong: more epochs learn them by heart.
    y = np.where(rng.random(len(digits.target)) < 0.5, rng.integers(0, 10, 1797), digits.target)
    model = AutoencoderClassifier(
        AutoencoderTransformer(16, max_iter=2), max_iter=30, n_iter_no_change=3, random_state=0
    )
    model.fit(digits.data[:1000], y[:1000])
    assert model.n_iter_ < 30
    assert len(model.validation_loss_curve_) == model.n_iter_
    longer = clone(model).set_params(early_stopping=False).fit(digits.data[:1000], y[:1000])
    assert longer.validation_loss_curve_ is None
    new = digits.data[1000:], digits.target[1000:]
    assert model.score(*new) > longer.score(*new)


def test_the_scorers_leave_out_rows_without_a_label():
    X, some, _y = iris()
    model = of_iris()
    known = some >= 0
    assert model.score(X, some) == model.score(X[known], some[known])
    area = score_labelled("roc_auc_ovr")
    assert area(model, X, some) == area(model, X[known], some[known])
    weight = np.arange(150) % 4
    expected = model.score(X[known], some[known], sample_weight=weight[known])
    assert model.score(X, some, sample_weight=weight) == expected
    with pytest.raises(ValueError, match="y has no label, so nothing can be scored"):
        model.score(X, np.full(150, -1))
    other = SelfTrainingClassifier(LogisticRegression(max_iter=1000))
    accuracy = cross_val_score(other, X, some, scoring=score_labelled("accuracy"), cv=3)
    assert accuracy.mean() > 0.7


def test_a_search_over_the_bottleneck_is_one_line():
    X, some, _ = iris()
    model = AutoencoderClassifier(SMALL, max_iter=2, n_propagations=1, random_state=0)
    search = GridSearchCV(model, {"autoencoder__n_components": [1, 3]}, cv=2).fit(X, some)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.autoencoder_.n_components_ in (1, 3)


def test_in_a_pipeline_and_in_a_pickle():
    X, some, _ = iris()
    model = AutoencoderClassifier(SMALL, max_iter=2, n_propagations=1, random_state=0)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, some)
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict_proba(X), pipeline.predict_proba(X))


def test_the_same_seed_gives_the_same_answers():
    X, some, _ = iris()
    first, second, other = (
        AutoencoderClassifier(SMALL, max_iter=2, random_state=seed).fit(X, some).predict_proba(X)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_one_row_is_answered_as_in_a_batch():
    X, _, _ = iris()
    together = of_iris().decision_function(X)
    alone = np.concatenate([of_iris().decision_function(row[None]) for row in X])
    np.testing.assert_array_equal(alone, together)


def test_float32_stays_in_the_codes():
    X, some, _ = iris()
    model = clone(of_iris()).fit(X.astype(np.float32), some)
    assert model.transform(X.astype(np.float32)).dtype == np.float32
    assert model.predict_proba(X.astype(np.float32)).dtype == np.float64


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(150, -1), "all rows are marked by -1"),
        (np.where(iris()[1] == 0, 0, -1), "y has one class only, 0"),
        (np.where(iris()[1] < 0, "-1", "a"), "y holds the text '-1'"),
        (np.where(iris()[1] < 0, "-1.0", "a"), "y holds the text '-1.0'"),
        (
            np.ma.array(iris()[2], mask=iris()[1] < 0),
            r"masked array, of which 130 .*y\.filled\(-1\)",
        ),
        (iris()[2][:100], "inconsistent numbers of samples"),
        (np.where(iris()[1] < 0, np.nan, iris()[1]), "Input y contains NaN, first in row 20"),
        (np.where(iris()[1] < 0, np.inf, iris()[1]), "Input y contains infinity"),
        (np.where(iris()[1] < 0, None, iris()[1]), "Input y contains NaN, first in row 20"),
        (iris()[2] + 0.5, "Unknown label type: continuous"),
        (np.array(["a", 5, -1], dtype=object)[iris()[2]], "both text and numbers, .*'a' and 5"),
        (None, "requires y to be passed"),
    ],
)
def test_labels_that_are_none(y, message):
    X, _, _ = iris()
    model = clone(of_iris())
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "autoencoder_")


def test_a_failed_fit_leaves_the_classifier_as_it_was():
    X, some, _ = iris()
    model = pickle.loads(pickle.dumps(of_iris()))
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="one class only"):
        model.fit(X, np.zeros(150))
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.full_like(X, np.inf), some)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_columns_are_those_of_fit():
    X, _, _ = iris()
    with pytest.raises(
        ValueError, match="X has 3 features, but AutoencoderClassifier is expecting 4"
    ):
        of_iris().predict(X[:, :3])
    with pytest.raises(NotFittedError):
        AutoencoderClassifier().predict(X)


def test_images_have_no_names_of_an_earlier_table():
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = AutoencoderClassifier(SMALL, n_propagations=0, max_iter=1).fit(X, y)
    assert list(model.feature_names_in_) == list(X.columns)
    digits = load_digits()
    model.set_params(autoencoder=None).fit(digits.images[:50], digits.target[:50])
    assert not hasattr(model, "feature_names_in_")
