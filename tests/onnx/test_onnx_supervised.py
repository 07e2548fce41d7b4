"""Graphs of classifiers and regressors: alone, in pipelines, of tables and of images."""

import numpy as np
import pytest
import skl2onnx
from numpy.testing import assert_allclose, assert_array_equal
from onnx_cases import answer, check_graph, error, run, session_of
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from supervised_cases import (
    CLASSES,
    IMAGES,
    IS_LABELLED,
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
from tools_cases import cells_of

import skae
from skae import to_onnx

SINGLE = X.astype(np.float32)

# Rows for batches of any size.
MANY = np.tile(X, (5, 1))


def feeds_of(frame):
    return {name: cells[:, None] for name, cells, _ in cells_of(frame)}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_classifier(dtype):
    rows = MANY.astype(dtype)
    model = classifier(hidden_layer_sizes=(4,)).fit(X, CLASSES)
    check_graph(to_onnx(model, rows, "prediction"), model.predict(rows), rows, "prediction")
    expected = model.predict_proba(rows).astype(rows.dtype)
    check_graph(to_onnx(model, rows, "probability"), expected, rows, "probability")


@pytest.mark.parametrize(
    ("y", "dtype"),
    [(1e4 + SOME_NUMBERS, np.float64), (X[:, 1:3], np.float32)],
    ids=["one", "two"],
)
def test_a_regressor(y, dtype):
    rows = MANY.astype(dtype)
    model = regressor().fit(X, y)
    expected = model.predict(rows).astype(rows.dtype)
    check_graph(to_onnx(model, rows, "prediction"), expected, rows, "prediction")


@pytest.mark.parametrize("activation", ["relu", "elu", "gelu", "leaky_relu"])
def test_activations_of_the_head(activation):
    """ONNX Runtime has no kernel in float64 for some of them."""
    model = regressor(hidden_layer_sizes=(4,), activation=activation).fit(X, SOME_NUMBERS)
    assert error(run(to_onnx(model, X, "prediction"), X), model.predict(X)) < 1e-5


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (WORDS, object),
        (NUMBERS > 0, np.int64),
        (CLASSES.astype(np.int8), np.int64),
        (1.0 * CLASSES, np.int64),
    ],
    ids=["words", "truth values", "small numbers", "whole fractions"],
)
def test_labels_are_words_or_whole_numbers(y, dtype):
    model = classifier().fit(X, y)
    found = run(to_onnx(model, X, "prediction"), X)
    assert found.dtype == dtype
    assert_array_equal(found, model.predict(X))


@pytest.mark.parametrize("output", ["prediction", "probability", "codes", "reconstruction"])
def test_behind_a_scaler(output):
    pipeline = make_pipeline(StandardScaler(), classifier()).fit(5 * X + 3, WORDS)
    found = run(to_onnx(pipeline, 5 * X + 3, output), 5 * X + 3)
    expected = answer(pipeline, 5 * X + 3, output)
    if output == "prediction":
        assert_array_equal(found, expected)
    else:
        assert error(found, expected) < 1e-5


def test_a_search_stands_for_its_best_estimator():
    grid = {"hidden_layer_sizes": [(), (3,)]}
    search = GridSearchCV(classifier(), grid, cv=2).fit(X[IS_LABELLED], CLASSES[IS_LABELLED])
    found = run(to_onnx(search, X, "probability"), X)
    assert_allclose(found, search.predict_proba(X), atol=1e-6)


def test_before_another_step_it_gives_its_codes():
    pipeline = make_pipeline(classifier(), LogisticRegression()).fit(X, CLASSES)
    found = run(to_onnx(pipeline, X, "probability"), X)
    assert_allclose(found, pipeline.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("inner", ["variational", "frozen"])
def test_other_autoencoders(inner):
    inners = {
        "variational": skae.VariationalAutoencoder(2, **SMALL),
        "frozen": FrozenEstimator(autoencoder().fit(X)),
    }
    model = classifier(inners[inner]).fit(X, CLASSES)
    found = run(to_onnx(model, X, "probability"), X)
    assert_allclose(found, model.predict_proba(X), atol=1e-6)


def test_images():
    model = classifier(convolutional()).fit(IMAGES, WORDS)
    assert_array_equal(run(to_onnx(model, IMAGES, "prediction"), IMAGES), model.predict(IMAGES))
    found = run(to_onnx(model, IMAGES, "probability"), IMAGES)
    assert_allclose(found, model.predict_proba(IMAGES), atol=1e-6)


def test_columns_of_several_types_tell_numbers():
    table = mixed_table()
    model = regressor().fit(table, SOME_NUMBERS)
    session = session_of(to_onnx(model, table, "prediction"))
    assert [one.name for one in session.get_inputs()] == list(table)
    (found,) = session.run(None, feeds_of(table))
    assert_allclose(found, model.predict(table), rtol=1e-5)


def test_columns_of_several_types_tell_classes():
    table = mixed_table()
    model = classifier().fit(table, WORDS)
    graph = to_onnx(model, table, "probability")
    assert_allclose(run(graph, feeds_of(table)), model.predict_proba(table), atol=1e-6)
    session = session_of(to_onnx(model, table, "reconstruction"))
    assert [one.name for one in session.get_outputs()] == [f"reconstruction_{k}" for k in table]


def test_networks_of_eight_bits():
    model = classifier(autoencoder(hidden_layer_sizes=(512,))).fit(X, CLASSES)
    plain, small = (to_onnx(model, X, "probability", quantize=q) for q in (False, True))
    assert small.ByteSize() < plain.ByteSize()
    far = np.abs(run(small, X) - model.predict_proba(X)).max()
    assert 0 < far < 0.1


# -- skl2onnx -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "options"), [(CLASSES, None), (WORDS, {"zipmap": False})], ids=["numbers", "words"]
)
def test_outputs_have_the_names_and_types_of_other_classifiers(y, options):
    steps = StandardScaler(), classifier()
    ours = make_pipeline(*steps).fit(SINGLE, y)
    known = y[IS_LABELLED].astype(str if y is WORDS else int)
    other = make_pipeline(StandardScaler(), LogisticRegression()).fit(SINGLE[IS_LABELLED], known)
    options = None if options is None else {id(ours[-1]): options}
    session = session_of(skl2onnx.to_onnx(ours, SINGLE[:2], options=options))
    expected = session_of(
        skl2onnx.to_onnx(other, SINGLE[:2], options={id(other[-1]): {"zipmap": False}})
    )
    for one, same in zip(session.get_outputs(), expected.get_outputs(), strict=True):
        assert (one.name, one.type, one.shape[1:]) == (same.name, same.type, same.shape[1:])
    label, probabilities = session.run(None, {"X": SINGLE})
    assert_array_equal(label, ours.predict(SINGLE))
    assert_allclose(probabilities, ours.predict_proba(SINGLE), atol=1e-5)


def test_a_regressor_has_the_output_of_other_regressors():
    model = regressor().fit(X, SOME_NUMBERS)
    session = session_of(skl2onnx.to_onnx(model, X[:2]))
    assert [(one.name, one.shape[1:]) for one in session.get_outputs()] == [("variable", [1])]
    assert_allclose(session.run(None, {"X": X})[0][:, 0], model.predict(X), rtol=1e-5)


def test_an_option_chooses_another_output():
    model = classifier().fit(X, CLASSES)
    graph = skl2onnx.to_onnx(model, X[:2], options={id(model): {"output": "codes"}})
    assert error(run(graph, X), model.transform(X)) < 1e-5


# -- refusals -----------------------------------------------------------------------------


def test_what_they_do_not_give_is_refused():
    model = regressor().fit(X, SOME_NUMBERS)
    for output in ("probability", "score", "p_value"):
        with pytest.raises(ValueError, match=r"Regressor gives\. Use output='codes' or 'recons"):
            to_onnx(model, X, output)
    with pytest.raises(NotFittedError, match="not fitted"):
        to_onnx(classifier(), X, "prediction")


def test_a_class_of_a_users_own_is_refused():
    class MyClassifier(skae.AutoencoderClassifier):
        """A classifier that may predict something else."""

    model = MyClassifier(autoencoder(), max_iter=1, n_propagations=0).fit(X, CLASSES)
    with pytest.raises(ValueError, match="MyClassifier is a class of your own"):
        to_onnx(model, X, "prediction")
