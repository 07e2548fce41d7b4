"""Autoencoders whose decoder the classes in `y` steer."""

import pickle
from copy import deepcopy
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

import skae
from skae import AdversarialAutoencoder, VariationalAutoencoder
from skae.networks import ConvolutionalNetwork, SequenceNetwork

KINDS = VariationalAutoencoder, AdversarialAutoencoder
IMAGES, LABELS = load_digits(return_X_y=True)
ORDER = np.random.default_rng(0).permutation(len(LABELS))
X, Y = IMAGES[ORDER].astype(np.float32), LABELS[ORDER]
TRAIN, OF_TRAIN, TEST, OF_TEST = X[:1200], Y[:1200], X[1200:], Y[1200:]
# Two classes, the second of which has a constant added to half of the columns.
FEW, OF_FEW = X[:200], Y[:200] % 3
SMALL = {"n_components": 3, "hidden_layer_sizes": (16,), "max_iter": 3, "random_state": 0}


@cache
def judge():
    """A classifier that knows real digits alone."""
    return SVC(gamma=0.001).fit(X, Y)


@cache
def blob_of(kind, conditional, share_of_labels):
    y = OF_TRAIN.copy()
    y[np.random.default_rng(1).random(len(y)) > share_of_labels] = -1
    # Meeting the prior by an adversary takes longer.
    max_iter = 15 if kind is VariationalAutoencoder else 40
    params = {"hidden_layer_sizes": (64,), "max_iter": max_iter, "random_state": 0}
    model = kind(8, conditional=conditional, **params)
    return pickle.dumps(model.fit(TRAIN, y))


def on_digits(kind, conditional=True, share_of_labels=1.0):
    """A fit that is trained once."""
    return pickle.loads(blob_of(kind, conditional, share_of_labels))


def small(kind, y=OF_FEW, data=FEW, **params):
    return kind(**SMALL | {"conditional": True} | params).fit(data, y)


# -- classes steer the generator -------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_samples_of_a_class_look_like_it(kind):
    model = on_digits(kind)
    found = [judge().predict(model.sample(60, 0, y=c)) for c in model.classes_]
    shares = [np.mean(f == c) for f, c in zip(found, model.classes_, strict=True)]
    assert np.mean(shares) > 0.95
    # The same codes decoded as another class are of that one.
    asked = np.arange(60) % 10
    assert np.mean(judge().predict(model.sample(60, 0, y=asked)) == asked) > 0.9
    # Without the classes, samples follow their shares.
    control = judge().predict(on_digits(kind, conditional=False).sample(60, 0))
    assert np.mean(control == asked) < 0.4


@pytest.mark.parametrize("kind", KINDS)
def test_codes_say_what_is_left_when_the_class_is_known(kind):
    def accuracy(model):
        linear = LogisticRegression(max_iter=2000).fit(model.transform(TRAIN), OF_TRAIN)
        return linear.score(model.transform(TEST), OF_TEST)

    conditional, control = on_digits(kind), on_digits(kind, conditional=False)
    assert accuracy(conditional) < 0.35
    assert accuracy(control) > 0.7


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_keeps_its_style_in_another_class(kind):
    model = on_digits(kind)
    own = model.reconstruct(TEST, OF_TEST)
    other = model.inverse_transform(model.transform(TEST), (OF_TEST + 1) % 10)
    assert np.square(own - TEST).mean() < 0.5 * np.square(other - TEST).mean()
    assert np.mean(judge().predict(other) == (OF_TEST + 1) % 10) > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_rows_without_a_class_take_that_which_fits_best(kind):
    model = on_digits(kind)
    # Each row under each class, one class at a time.
    answers = np.stack([model.reconstruct(TEST[:50], y=c) for c in model.classes_])
    errors = np.square(answers - TEST[:50]).mean(axis=2)
    best = errors.argmin(axis=0)
    assert_allclose(model.reconstruct(TEST[:50]), answers[best, np.arange(50)], atol=1e-4)
    assert np.mean(best == OF_TEST[:50]) > 0.8
    mixed = np.where(np.arange(50) < 25, -1, OF_TEST[:50])
    some = model.reconstruct(TEST[:50], mixed)
    assert_array_equal(some[:25], model.reconstruct(TEST[:25]))
    assert_array_equal(some[25:], model.reconstruct(TEST[25:50], OF_TEST[25:50]))


def test_the_likelihood_of_a_row_is_the_sum_over_classes():
    model = on_digits(VariationalAutoencoder)
    of_classes = np.stack([model.score_samples(TEST[:20], c) for c in model.classes_])
    log_shares = np.log(np.bincount(OF_TRAIN) / len(OF_TRAIN))
    expected = np.logaddexp.reduce(of_classes + log_shares[:, None], axis=0)
    assert_allclose(model.score_samples(TEST[:20]), expected, rtol=1e-5)
    assert (model.elbo(TEST[:20], OF_TEST[:20]) <= of_classes.max(axis=0) + 1e-6).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_score_takes_the_classes(kind):
    model = on_digits(kind)
    own = np.mean(model.score_samples(TEST, OF_TEST))
    assert_allclose(model.score(TEST, OF_TEST), own)
    assert own > model.score(TEST, (OF_TEST + 1) % 10)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_without_a_class_are_learned_from(kind):
    model = on_digits(kind, share_of_labels=0.2)
    found = [np.mean(judge().predict(model.sample(60, 0, y=c)) == c) for c in model.classes_]
    assert np.mean(found) > 0.85


# -- the conventions -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_parameter_y_is_ignored(kind):
    one = small(kind, conditional=False)
    other = small(kind, y=None, conditional=False)
    assert_array_equal(one.transform(FEW), other.transform(FEW))
    assert not hasattr(one, "classes_")
    make_pipeline(clone(one), LogisticRegression()).fit(FEW, OF_FEW)
    with pytest.raises(ValueError, match="conditional=True"):
        one.sample(2, y=1)
    with pytest.raises(ValueError, match="conditional=True"):
        one.reconstruct(FEW, OF_FEW)
    # A fit without classes forgets those of the one before.
    model = small(kind)
    assert not hasattr(model.set_params(conditional=False).fit(FEW, OF_FEW), "classes_")


@pytest.mark.parametrize("kind", KINDS)
def test_samples_without_a_class_follow_the_shares(kind):
    y = np.repeat([0, 1], [150, 50])
    data = FEW + 40 * y[:, None]
    model = small(kind, y=y, data=data, max_iter=30)
    means = model.sample(400, 0).mean(axis=1)
    assert 0.15 < np.mean(means > 25) < 0.35
    assert_array_equal(model.sample(5, 3), model.sample(5, 3))
    assert_array_equal(model.sample(5, 3, y=1), model.sample(5, 3, y=[1] * 5))


@pytest.mark.parametrize("kind", KINDS)
def test_classes_may_be_text(kind):
    names = np.array(["a", "b", "c"], dtype=object)[OF_FEW]
    names[:20] = -1
    model = small(kind, y=names)
    assert model.classes_.tolist() == ["a", "b", "c"]
    numbers = small(kind, y=np.where(np.arange(200) < 20, -1, OF_FEW))
    assert_array_equal(model.sample(4, 0, y="c"), numbers.sample(4, 0, y=2))


@pytest.mark.parametrize("kind", KINDS)
def test_copies_and_files_keep_the_classes(kind, tmp_path):
    model = small(kind)
    skae.save(model, tmp_path / "model.skae")
    for copied in (
        deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        skae.load(tmp_path / "model.skae"),
    ):
        assert_array_equal(copied.classes_, model.classes_)
        assert_array_equal(copied.sample(6, 0), model.sample(6, 0))
        assert_array_equal(copied.reconstruct(FEW), model.reconstruct(FEW))
        assert_array_equal(copied.reconstruct(FEW, OF_FEW), model.reconstruct(FEW, OF_FEW))
    decoder = pickle.loads(pickle.dumps(model.decoder_))
    codes = model.transform(FEW)
    assert_array_equal(decoder.inverse_transform(codes, OF_FEW), model.reconstruct(FEW, OF_FEW))
    assert_array_equal(pickle.loads(pickle.dumps(model.encoder_)).transform(FEW), codes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_alone_is_the_row_in_a_table(kind):
    model = small(kind)
    assert_array_equal(model.reconstruct(FEW)[7:8], model.reconstruct(FEW[7:8]))
    assert_array_equal(
        model.score_samples(FEW, OF_FEW)[7:8], model.score_samples(FEW[7:8], OF_FEW[7:8])
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize(
    "network", [None, ConvolutionalNetwork((8, 8), (4,), (8,)), SequenceNetwork()]
)
def test_every_network(kind, init, network):
    params = {"network": network, "hidden_layer_sizes": (256, 128)} if network else {}
    model = small(kind, init=init, max_iter=8, learning_rate_init=1e-2, **params)
    assert model.sample(3, 0, y=1).shape == (3, 64)


@pytest.mark.parametrize("kind", KINDS)
def test_training_goes_on_with_the_classes_of_the_first_call(kind):
    model = kind(**SMALL, conditional=True, warm_start=True)
    model.partial_fit(FEW, OF_FEW).partial_fit(FEW[:50], OF_FEW[:50])
    before = model.transform(FEW)
    with pytest.raises(ValueError, match="none of classes_"):
        model.partial_fit(FEW, OF_FEW + 1)
    assert_array_equal(model.transform(FEW), before)
    model.fit(FEW, OF_FEW)
    with pytest.raises(ValueError, match="conditional changed"):
        model.set_params(conditional=False).fit(FEW, OF_FEW)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_weight_zero_do_not_count(kind):
    weight = np.repeat([1.0, 0.0], 100)
    y = np.r_[OF_FEW[:100], np.full(100, -1)]
    one = kind(**SMALL, conditional=True).fit(FEW, y, sample_weight=weight)
    other = kind(**SMALL, conditional=True).fit(FEW[:100], y[:100], sample_weight=np.ones(100))
    assert_array_equal(one.transform(FEW), other.transform(FEW))


@pytest.mark.parametrize("kind", KINDS)
def test_classes_are_those_of_rows_that_count(kind):
    model = kind(**SMALL, conditional=True)
    weight = (OF_FEW > 0) * 1.0
    assert clone(model).fit(FEW, OF_FEW, sample_weight=weight).classes_.tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"y has no label: .* sample_weight of zero"):
        model.fit(FEW, np.where(OF_FEW > 0, -1, 0), sample_weight=weight)


@pytest.mark.parametrize("kind", KINDS)
def test_nullable_classes_keep_their_type(kind):
    model = small(kind, y=pd.Series(OF_FEW, dtype="Int64"))
    assert model.classes_.dtype.kind == "i"
    assert_array_equal(model.sample(2, 0, y=np.array(1)), model.sample(2, 0, y=[1, 1]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_search_hands_on_the_classes(kind):
    search = GridSearchCV(kind(**SMALL, conditional=True), {"n_components": [2, 3]}, cv=2)
    search.fit(FEW, OF_FEW)
    assert search.best_estimator_.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_tables_with_columns_of_several_types(kind):
    frame = pd.DataFrame(FEW[:, 10:14]).astype(np.float64)
    frame.columns = list("abcd")
    frame["kind"] = np.where(FEW[:, 20] > 8, "high", "low")
    frame.loc[3, "a"] = None
    model = small(kind, data=frame)
    new = model.sample(5, 0, y=2)
    assert list(new.columns) == list(frame.columns)
    assert model.reconstruct(frame, OF_FEW).shape == frame.shape
    assert model.reconstruct(frame).notna().all(axis=None)


def test_counts():
    model = small(VariationalAutoencoder, data=FEW.round(), loss="negative_binomial")
    assert (model.reconstruct(FEW.round(), OF_FEW) >= 0).all()
    assert_allclose(model.reconstruct(FEW.round()).sum(1), FEW.round().sum(1), rtol=1e-3)


# -- what is refused -------------------------------------------------------------------------

BAD = {
    "requires y": None,
    "for 200 rows": OF_FEW[:-1],
    "NaN": np.where(np.arange(200) == 3, np.nan, OF_FEW),
    "continuous": np.linspace(0, 1, 200),
    "one class only": np.zeros(200, dtype=int),
    "marked by -1": np.full(200, -1),
    "text '-1'": np.where(OF_FEW == 0, "-1", "a"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("message", BAD)
def test_bad_classes(kind, message):
    model = small(kind)
    before = model.transform(FEW)
    with pytest.raises(ValueError, match=message):
        model.fit(FEW, BAD[message])
    assert_array_equal(model.transform(FEW), before)


@pytest.mark.parametrize("kind", KINDS)
def test_classes_that_were_not_seen(kind):
    model = small(kind)
    codes = model.transform(FEW)
    for call in (
        lambda: model.sample(2, y=7),
        lambda: model.reconstruct(FEW, np.full(200, 7)),
        lambda: model.inverse_transform(codes, 7),
        lambda: model.score_samples(FEW, "a"),
    ):
        with pytest.raises(ValueError, match="none of classes_"):
            call()
    for call in (
        lambda: model.sample(2, y=-1),
        lambda: model.inverse_transform(codes),
        lambda: model.decoder_.inverse_transform(codes),
    ):
        with pytest.raises(ValueError, match="give y"):
            call()
    with pytest.raises(ValueError, match="3 classes for 2 rows"):
        model.sample(2, y=[0, 1, 2])


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_classes_refuses_them(kind):
    unfitted = kind(**SMALL, conditional=True)
    with pytest.raises(ValueError, match="requires y"):
        skae.AutoencoderOutlierDetector(unfitted, n_estimators=2).fit(FEW)
    with pytest.raises(ValueError, match="requires y"):
        clone(unfitted).partial_fit(iter([FEW]))


@pytest.mark.usefixtures("torchlib_is_parsed_once")
@pytest.mark.parametrize("kind", KINDS)
def test_graphs_have_codes_alone(kind):
    pytest.importorskip("skl2onnx")
    reference = pytest.importorskip("onnx.reference")
    model = small(kind)
    graph = skae.to_onnx(model, FEW[:5])
    (codes,) = reference.ReferenceEvaluator(graph.SerializeToString()).run(None, {"X": FEW})
    assert_allclose(codes, model.transform(FEW), atol=1e-4)
    for output in ("reconstruction", "score"):
        with pytest.raises(ValueError, match="conditional autoencoder has no graph"):
            skae.to_onnx(model, FEW[:5], output=output)
