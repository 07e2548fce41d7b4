"""Images and windows as arrays: a detector answers as for their flat rows."""

import pickle
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from outlier_cases import LINEAR, answers, assert_same, draw, make_detector
from pandas.testing import assert_frame_equal

import skae
from skae import AutoencoderTransformer, ConvolutionalAutoencoder
from skae.networks import Network, SequenceNetwork

FAST = {"max_iter": 2, "hidden_layer_sizes": (8,), "batch_size": 30}


def images(**given):
    return ConvolutionalAutoencoder(3, channels=(2,), **FAST, **given)


def windows(**given):
    network = SequenceNetwork(channels=(2,), hidden_layer_sizes=(8,), kernel_size=3, **given)
    return AutoencoderTransformer(3, network=network, init="random", max_iter=2, batch_size=30)


# Name: the autoencoder, its parameter for the shape, that shape, and the names of its axes.
CASES = {
    "gray": (images, "image_shape", (4, 6), ["row", "column"]),
    "colour": (images, "image_shape", (4, 3, 2), ["row", "column", "channel"]),
    "windows": (windows, "window_shape", (8, 3), ["step", "channel"]),
}
ROWS = draw(np.random.default_rng(0), 120)
ROWS = np.hstack([ROWS, ROWS @ np.random.default_rng(1).normal(size=(8, 16))])


@pytest.fixture(params=CASES, scope="module")
def case(request):
    make, parameter, shape, axes = CASES[request.param]
    arrays = ROWS.reshape(-1, *shape)
    of_rows = make_detector(make(**{parameter: shape})).fit(ROWS[:100])
    of_arrays = make_detector(make()).fit(arrays[:100])
    return SimpleNamespace(
        make=make,
        given={parameter: shape},
        shape=shape,
        axes=axes,
        arrays=arrays,
        of_rows=of_rows,
        of_arrays=of_arrays,
    )


def test_arrays_and_flat_rows_are_one(case):
    """A fit on arrays is that on a table and the shape, and says the same of both."""
    fitted, arrays = case.of_arrays, case.arrays
    assert_same(answers(fitted, arrays), answers(case.of_rows, ROWS))
    assert_same(answers(fitted, arrays), answers(fitted, ROWS))
    for method in ("predict", "decision_function", "p_values", "transform"):
        of_arrays, of_rows = getattr(fitted, method)(arrays), getattr(fitted, method)(ROWS)
        assert_array_equal(of_arrays, of_rows)
    assert_array_equal(fitted.select(arrays, fdr=0.5), fitted.select(ROWS, fdr=0.5))


def test_decoded_rows_have_the_shape_of_fit(case):
    fitted, of_rows = case.of_arrays, case.of_rows
    decoded = fitted.inverse_transform(fitted.transform(ROWS[:5]))
    assert decoded.shape == (5, *case.shape)
    of_table = of_rows.inverse_transform(of_rows.transform(case.arrays[:5]))
    assert_array_equal(of_table, decoded.reshape(5, -1))


def test_explanations_name_the_axes(case):
    arrays, shape = case.arrays, case.shape
    explanation = case.of_arrays.explain(arrays[:4])
    assert list(explanation.columns.names) == ["quantity", *case.axes]
    assert explanation.columns.levshape == (3, *shape)
    of_rows = case.of_rows.explain(arrays[:4])
    assert of_rows.columns.nlevels == 2
    assert_array_equal(explanation, of_rows)
    last = tuple(n - 1 for n in shape)
    share = explanation["share"].to_numpy().reshape(-1, *shape)
    assert share[(3, *last)] == explanation.loc[3, ("share", *last)]
    assert_frame_equal(case.of_arrays.explain(ROWS[:4]), explanation)


def test_streams_and_recalibration_take_arrays(case):
    arrays = case.arrays
    of_arrays = make_detector(case.make()).partial_fit(arrays[:60]).partial_fit(arrays[60:100])
    of_rows = make_detector(case.make(**case.given))
    of_rows = of_rows.partial_fit(ROWS[:60]).partial_fit(ROWS[60:100])
    assert_same(answers(of_arrays, arrays), answers(of_rows, ROWS))
    assert of_arrays.inverse_transform(of_arrays.transform(arrays)).shape == arrays.shape
    of_arrays.recalibrate(arrays[90:])
    assert_array_equal(of_arrays.p_values(arrays), of_rows.recalibrate(ROWS[90:]).p_values(ROWS))


def test_files_and_pickles_keep_the_shape(case, tmp_path):
    arrays, fitted = case.arrays, case.of_arrays
    skae.save(fitted, tmp_path / "detector.skae")
    for loaded in skae.load(tmp_path / "detector.skae"), pickle.loads(pickle.dumps(fitted)):
        assert_same(answers(loaded, arrays), answers(fitted, arrays))
        assert loaded.inverse_transform(fitted.transform(arrays)).shape == arrays.shape


@pytest.mark.parametrize("contain", [torch.from_numpy, np.ndarray.tolist], ids=["tensor", "list"])
def test_containers_of_arrays_are_alike(case, contain):
    arrays, fitted = case.arrays, case.of_arrays
    assert_allclose(fitted.score_samples(contain(arrays)), fitted.score_samples(arrays))


def test_arrays_of_another_shape_are_refused(case):
    arrays, fitted = case.arrays, case.of_arrays
    turned = arrays.reshape(len(arrays), *case.shape[::-1])
    for one in fitted.estimators_[0], fitted:
        for method in ("score_samples", "transform"):
            with pytest.raises(ValueError, match=r"_shape=.* but X holds arrays of shape"):
                getattr(one, method)(turned)
    with pytest.raises(ValueError, match=r"give X\[None\]"):
        fitted.predict(arrays[0])


@pytest.mark.parametrize("autoencoder", [None, LINEAR], ids=["default", "dense"])
def test_dense_members_take_tables_only(autoencoder):
    detector = make_detector(autoencoder)
    with pytest.raises(ValueError, match=r"dim <= 2 .* use ConvolutionalAutoencoder"):
        detector.fit(ROWS.reshape(-1, 4, 6))
    assert not hasattr(detector, "estimators_")


@dataclass
class Stack(Network):
    """A network of a user's own that takes arrays, and does not name their axes."""

    takes_shaped_rows = True

    def build_encoder(self, n_inputs, n_outputs, generator):
        return torch.nn.Linear(n_inputs, n_outputs)

    def build_decoder(self, n_components, n_outputs, generator):
        return torch.nn.Linear(n_components, n_outputs)


def test_axes_without_names_are_numbered():
    autoencoder = AutoencoderTransformer(3, network=Stack(), init="random", max_iter=2)
    fitted = make_detector(autoencoder).fit(ROWS.reshape(-1, 2, 3, 4))
    names = ["quantity", "axis1", "axis2", "axis3"]
    assert list(fitted.explain(ROWS[:2]).columns.names) == names


def test_decoded_arrays_are_no_frames():
    fitted = make_detector(images()).fit(ROWS.reshape(-1, 4, 6)).set_output(transform="pandas")
    codes = fitted.transform(ROWS.reshape(-1, 4, 6)[:3])
    assert isinstance(codes, pd.DataFrame)
    assert fitted.inverse_transform(codes).shape == (3, 4, 6)
