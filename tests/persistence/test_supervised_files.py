"""Model files of classifiers and regressors: the same answers, and no damaged file is loaded."""

import numpy as np
import pytest
from model_file_cases import forged, loaded, refused, replaced
from numpy.testing import assert_array_equal
from sklearn.frozen import FrozenEstimator
from supervised_cases import (
    CLASSES,
    FEW,
    IMAGES,
    NUMBERS,
    SMALL,
    SOME_NUMBERS,
    WORDS,
    X,
    autoencoder,
    classifier,
    convolutional,
    mixed_table,
    regressor,
)

import skae
from skae.networks import SequenceNetwork

WINDOWS = skae.AutoencoderTransformer(2, network=SequenceNetwork(hidden_size=4), max_iter=1)
TABLES = {"rows": X, "images": IMAGES, "columns": mixed_table()}
WEIGHTS = {"low": 1.0, "mid": 2, "upper": 0.5}

# An estimator, the table that it is fitted on, and labels.
CASES = {
    "whole numbers": (classifier(), "rows", CLASSES),
    "small whole numbers": (classifier(), "rows", CLASSES.astype(np.int8)),
    "text": (classifier(class_weight=WEIGHTS), "rows", WORDS),
    "truth values": (classifier(class_weight={True: 1, False: 2.5}), "rows", NUMBERS > 0),
    "weights of numbers": (
        classifier(class_weight=dict(zip(np.unique(CLASSES)[1:], [1, 2, 3], strict=True))),
        "rows",
        CLASSES,
    ),
    "hidden layers": (classifier(hidden_layer_sizes=(4, 3), dropout=0.1), "rows", CLASSES),
    "brier": (classifier(loss="brier", class_weight="balanced"), "rows", CLASSES),
    "no autoencoder": (skae.AutoencoderClassifier(**FEW), "rows", CLASSES),
    "variational": (classifier(skae.VariationalAutoencoder(2, **SMALL)), "rows", WORDS),
    "convolutional": (classifier(convolutional()), "images", CLASSES),
    "windows": (classifier(WINDOWS), "images", WORDS),
    "columns": (classifier(), "columns", WORDS),
    "one number": (regressor(), "rows", SOME_NUMBERS),
    "several numbers": (regressor(), "rows", X[:, :2]),
    "a column of numbers": (regressor(loss="huber"), "columns", SOME_NUMBERS[:, None]),
    "numbers of images": (skae.AutoencoderRegressor(**FEW), "images", SOME_NUMBERS),
}


def answers(estimator, rows):
    names = ("predict", "predict_proba", "decision_function", "transform")
    found = {name: getattr(estimator, name)(rows) for name in names if hasattr(estimator, name)}
    found |= {"back": estimator.reconstruct(rows), "transduction": estimator.transduction_}
    return found | {"classes": getattr(estimator, "classes_", None)}


def assert_same_answers(one, other, rows):
    expected, found = answers(one, rows), answers(other, rows)
    for name, values in expected.items():
        assert_array_equal(found[name], values, err_msg=name)
        assert getattr(found[name], "dtype", None) == getattr(values, "dtype", None)


@pytest.mark.parametrize("case", CASES)
def test_a_file_gives_the_same_answers(case, path):
    estimator, kind, y = CASES[case]
    rows = TABLES[kind]
    estimator.fit(rows, y)
    back = loaded(estimator, path)
    assert_same_answers(estimator, back, rows)
    params = {
        "class_weight",
        "loss",
        "hidden_layer_sizes",
        "freeze",
    } & estimator.get_params().keys()
    assert all(getattr(back, name) == getattr(estimator, name) for name in params)
    # What was loaded makes the same file.
    assert skae.save(back, path) == skae.save(estimator, path)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_what_was_loaded_is_fitted_as_the_saved_one(make, path):
    fitted = autoencoder().fit(X)
    y = CLASSES if make is classifier else SOME_NUMBERS
    estimator = make(fitted).fit(X, y)
    back = loaded(estimator, path)
    assert_array_equal(back.autoencoder.transform(X), fitted.transform(X))
    assert_same_answers(estimator.fit(X[1:], y[1:]), back.fit(X[1:], y[1:]), X)


def test_an_autoencoder_that_is_not_fitted_stays_so(path):
    back = loaded(classifier().fit(X, CLASSES), path)
    assert not hasattr(back.autoencoder, "net_")
    assert back.autoencoder.hidden_layer_sizes == (8,)


def test_a_frozen_autoencoder_stays_frozen(path):
    fitted = autoencoder().fit(X)
    estimator = classifier(FrozenEstimator(fitted), freeze="encoder").fit(X, WORDS)
    back = loaded(estimator, path)
    assert type(back.autoencoder) is FrozenEstimator
    assert type(back.autoencoder.estimator) is skae.AutoencoderTransformer
    assert_array_equal(back.autoencoder.estimator.transform(X), fitted.transform(X))
    assert_same_answers(estimator, back, X)


def test_a_frozen_estimator_holds_an_estimator_of_skae(path):
    twice = FrozenEstimator(FrozenEstimator(autoencoder().fit(X)))
    estimator = classifier().fit(X, CLASSES).set_params(autoencoder=twice)
    with pytest.raises(skae.ModelFileError, match="is a FrozenEstimator, expected an estimator of"):
        skae.save(estimator, path)
    assert not path.exists()


def test_a_frozen_estimator_alone_is_no_model(path):
    with pytest.raises(TypeError, match="one of skae's, got FrozenEstimator"):
        skae.save(FrozenEstimator(autoencoder().fit(X)), path)


# -- altered files ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of a classifier of words with a hidden layer, and of a regressor."""
    path = tmp_path_factory.mktemp("files") / "model.skae"
    models = {
        "classifier": classifier(hidden_layer_sizes=(4,)).fit(X, WORDS),
        "regressor": regressor().fit(X, X[:, :2]),
    }
    found = {}
    for name, model in models.items():
        skae.save(model, path)
        found[name] = path.read_bytes()
    return found


HEAD = "model/_head"


@pytest.mark.parametrize(
    ("kind", "name", "array"),
    [
        ("classifier", f"{HEAD}/weights/2", np.ones((3, 3))),
        ("classifier", f"{HEAD}/weights/2", np.ones((2, 2))),
        ("classifier", f"{HEAD}/weights/2", np.full((3, 2), np.nan)),
        ("classifier", f"{HEAD}/weights/2", np.ones((3, 2), dtype=np.int64)),
        ("classifier", f"{HEAD}/weights/0", np.ones((5, 2))),
        ("classifier", f"{HEAD}/weights/1", np.ones(3)),
        ("classifier", f"{HEAD}/biases/1", np.ones(4)),
        ("classifier", "model/classes_", np.array([0, 1, 3])),
        ("classifier", "model/classes_", np.array([-1, 0, 1])),
        ("classifier", "model/classes_", np.array([0.0, 1.0, 2.0])),
        ("classifier", "model/classes_", np.array([0, 1, 1])),
        ("classifier", "model/classes_", np.array([1, 0, 2])),
        ("classifier", "model/classes_", np.array([0, 1])),
        ("classifier", "model/transduction_", np.zeros((30, 2), dtype=np.int64)),
        ("classifier", "model/transduction_", np.full(60, 3)),
        ("regressor", f"{HEAD}/weights/0", np.ones((3, 2))),
        ("regressor", f"{HEAD}/weights/0", np.ones((2, 3))),
        ("regressor", "model/_scale/mean", np.zeros(3)),
        ("regressor", "model/_scale/mean", np.full(2, np.inf)),
        ("regressor", "model/_scale/deviation", np.ones(3)),
        ("regressor", "model/_scale/deviation", np.zeros(2)),
        ("regressor", "model/transduction_", np.zeros(60)),
        ("regressor", "model/transduction_", np.zeros((60, 3))),
    ],
)
def test_arrays_must_fit_together(kind, name, array, files, path):
    refused(path, forged(files[kind], replaced(name, array)))


def state_of(manifest):
    return manifest["model"]["object"][1]


def words(manifest, name="classes_"):
    return state_of(manifest)[name]["text"]


def with_text(change):
    return lambda manifest, arrays: change(words(manifest))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (with_text(lambda text: text[0].reverse()), "ascending order"),
        (with_text(lambda text: text[0].pop()), "places of words"),
        (with_text(lambda text: text[0].append(1)), "another kind of value"),
        (with_text(lambda text: text.__setitem__(1, [0, 1, 2])), "without the places"),
        (lambda m, _: words(m, "transduction_")[0].__setitem__(0, "a"), "not in classes_"),
        (lambda m, _: state_of(m)["_head"]["object"][1].pop("activation"), "activation"),
        (lambda m, _: state_of(m)["_head"]["object"][1].update(activation="cosine"), "one of"),
        (lambda m, _: state_of(m).update(autoencoder_=None), "autoencoder_"),
        (lambda m, _: state_of(m).update(n_features_in_=4), "n_features_in_"),
        (lambda m, _: state_of(m).update(loss="hinge"), "'loss' parameter"),
        (lambda m, _: state_of(m).update(other_=1), "other_"),
    ],
)
def test_an_altered_classifier_is_refused(change, match, files, path):
    refused(path, forged(files["classifier"], change), match)


def test_a_long_word_in_many_rows_is_refused_before_it_takes_memory(files, path):
    def change(manifest, arrays):
        words(manifest, "transduction_")[0][0] = "x" * 2**20
        replaced("model/transduction_", np.zeros(2**11, dtype=np.int64))(manifest, arrays)

    refused(path, forged(files["classifier"], change), "text of more than .* characters")


@pytest.mark.parametrize(
    "inner",
    [1, None, {"object": ["FrozenEstimator", {"estimator": None}]}],
    ids=["a number", "nothing", "another"],
)
def test_what_is_frozen_is_checked(inner, files, path):
    def change(manifest, arrays):
        frozen = {"object": ["FrozenEstimator", {"estimator": inner}]}
        state_of(manifest)["autoencoder"] = frozen

    refused(path, forged(files["classifier"], change), "an estimator of skae")
