"""Properties of tables that hold whatever the numbers are: chunks, moments, scaling, shapes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skae import ConvolutionalAutoencoder
from skae._chunks import rows_in_chunk, slices
from skae.networks import ConvolutionalNetwork
from skae.tables import (
    CallerType,
    ColumnScaling,
    NumericTable,
    ScaledRows,
    column_extremes,
    drop_weightless_rows,
    is_memory_mapped,
    merge_moments,
    validate_rows,
)

few = settings(max_examples=20, derandomize=True, deadline=None)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@st.composite
def tables(draw, min_rows=1):
    """Columns of several sizes, some of them constant, with zeros and repeated values."""
    rng = draw(seeds)
    shape = draw(st.integers(min_rows, 12)), draw(st.integers(1, 5))
    X = rng.choice([-1.0, 0.0, 0.0, 0.5, 3.0], shape)
    X += rng.choice([0.0, 1e-3, 1.0]) * rng.normal(size=shape)
    X *= rng.choice([1e-2, 1.0, 1e3], shape[1])
    X[:, rng.random(shape[1]) < 0.2] = 7.0
    return X.astype(draw(st.sampled_from([np.float32, np.float64])))


def weights_of(X, rng):
    weight = rng.choice([0.0, 0.5, 1.0, 3.0], len(X))
    weight[rng.integers(len(X))] = 1.0
    return weight


# -- chunks ------------------------------------------------------------------------------------


@few
@given(st.integers(0, 300), st.integers(1, 90))
def test_chunks_partition_rows(n_rows, size):
    parts = list(slices(n_rows, size))
    assert [i for part in parts for i in range(n_rows)[part]] == list(range(n_rows))
    assert all(0 < part.stop - part.start <= size and part.stop <= n_rows for part in parts)
    # Only the last one may be smaller.
    assert all(part.stop - part.start == size for part in parts[:-1])


@given(st.integers(1, 10**6))
@few
def test_chunks_hold_enough_rows_and_not_too_many_cells(n_features):
    for device in ("cpu", "cuda"):
        n_rows = rows_in_chunk(n_features, torch.device(device))
        assert n_rows >= 64
        assert n_rows == 64 or n_rows * n_features <= 2**23


# -- moments -----------------------------------------------------------------------------------


def moments_of(X):
    return len(X), X.mean(axis=0), X.var(axis=0)


@few
@given(tables(min_rows=2), st.sets(st.integers(1, 11)))
def test_merged_moments_are_those_of_the_whole(X, cuts):
    X = X.astype(np.float64)
    merged = None
    for part in np.split(X, sorted(cut for cut in cuts if cut < len(X))):
        merged = merge_moments(merged, moments_of(part))
    for found, expected in zip(merged, moments_of(X), strict=True):
        assert_allclose(found, expected, rtol=1e-9, atol=1e-6)


FORMS = {
    "array": np.asarray,
    "fortran": np.asfortranarray,
    "sparse": sparse.csr_array,
    "tensor": torch.tensor,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(tables(), seeds)
@few
def test_moments_and_extremes_of_a_table_in_any_form(form, X, rng):
    weight = weights_of(X, rng)
    table, deviations = NumericTable.learn(form(X), weight, False, centered=True, scaled=True)
    wide = X.astype(np.float64)
    mean = np.average(wide, axis=0, weights=weight)
    variance = np.average((wide - mean) ** 2, axis=0, weights=weight)
    # What counts as a constant column is set apart from rounding.
    tolerance = {"rtol": 1e-5, "atol": 10 * np.finfo(X.dtype).eps * abs(X).max() + 1e-12}
    assert_allclose(table.mean, mean, **tolerance)
    assert_allclose(deviations, np.sqrt(variance), **tolerance)
    assert_allclose(table.scale, float(deviations.square().mean().sqrt()) or 1.0)
    assert_array_equal(column_extremes(form(X)), [wide.min(axis=0), wide.max(axis=0)])


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_moments_and_extremes_of_several_chunks(form):
    rng = np.random.default_rng(0)
    n_features = 3000
    X = rng.normal(size=(2 * rows_in_chunk(n_features) + 22, n_features))
    weight = rng.uniform(size=len(X))
    for given_weight in (None, weight):
        table, deviations = NumericTable.learn(
            form(X), given_weight, False, centered=True, scaled=True
        )
        mean = np.average(X, axis=0, weights=given_weight)
        variance = np.average((X - mean) ** 2, axis=0, weights=given_weight)
        assert_allclose(table.mean, mean, atol=1e-12)
        assert_allclose(deviations, np.sqrt(variance), rtol=1e-9)
    assert_array_equal(column_extremes(form(X)), [X.min(axis=0), X.max(axis=0)])


@pytest.mark.parametrize(
    ("centered", "scaled", "mean", "scale"),
    [(True, True, 2.0, 1.0), (False, True, 0.0, 2.0), (False, False, 0.0, 1.0)],
)
def test_a_loss_may_need_the_origin_or_the_unit_of_the_data(centered, scaled, mean, scale):
    X = np.array([[1.0, 3.0], [3.0, 1.0]])
    table, deviations = NumericTable.learn(X, None, False, centered=centered, scaled=scaled)
    assert_array_equal(table.mean, [mean, mean])
    assert table.scale == scale
    assert_array_equal(deviations, [1.0, 1.0])
    assert table.n_columns == table.n_inputs == table.n_outputs == 2


# -- rows on their way into the network, and back ----------------------------------------------


@pytest.mark.parametrize("limits", [None, (-1.0, 0.5)])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(tables(), seeds, st.sampled_from([0.5, 1.0, 3.0]))
@few
def test_scaled_rows_are_the_formula_in_any_selection(form, limits, X, rng, scale):
    mean = rng.normal(size=X.shape[1])
    expected = (X - mean.astype(X.dtype)) / X.dtype.type(scale)
    expected = expected if limits is None else np.clip(expected, *limits)
    rows = NumericTable(mean, scale).rows(form(X), limits)
    assert rows.shape == X.shape
    start, stop = sorted(rng.integers(len(X) + 1, size=2))
    indices = rng.integers(len(X), size=rng.integers(1, 9))
    for chosen, same in [(slice(start, stop),) * 2, (torch.from_numpy(indices), indices)]:
        found = rows[chosen]
        assert found.dtype == rows.dtype
        assert_array_equal(found, expected[same])
        assert_array_equal(rows.read(chosen, torch.empty_like(found)), expected[same])
    assert_array_equal(torch.cat([chunk for _, chunk in rows.chunks(5)]), expected)


def test_rows_without_mean_and_scale_are_read_as_they_are():
    X = np.arange(6).reshape(3, 2)
    rows = ScaledRows(X)
    assert rows.dtype == torch.float64
    assert_array_equal(rows[1:], X[1:])


@given(tables())
@few
def test_a_table_translates_there_and_back(X):
    X = X.astype(np.float64)
    table, _ = NumericTable.learn(X, None, False, centered=True, scaled=True)
    back = table.to_data(table.rows(X)[:])
    assert back.dtype == torch.float64
    assert_allclose(back, X, atol=1e-9)
    # An estimator's fitted attributes are enough, and single precision is widened first.
    again = NumericTable(table.mean.numpy(), table.scale)
    output = torch.ones(1, X.shape[1], dtype=torch.float32)
    assert_array_equal(again.to_data(output), [table.mean.numpy() + table.scale])


# -- shapes of rows ----------------------------------------------------------------------------


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.booleans())
@few
def test_rows_of_any_shape_are_flattened_and_come_back(row_shape, by_columns):
    X = np.arange(3.0 * np.prod(row_shape)).reshape(3, *row_shape)
    given_X = np.asfortranarray(X) if by_columns else X
    autoencoder, network = ConvolutionalAutoencoder(), ConvolutionalNetwork()
    rows, caller = validate_rows(autoencoder, given_X, "fit", network, reset=True)
    assert_array_equal(rows, X.reshape(3, -1))
    assert caller.row_shape == (tuple(row_shape) if len(row_shape) > 1 else None)
    assert_array_equal(caller.rows_to_caller(torch.from_numpy(rows)), X)
    assert caller == CallerType(row_shape=caller.row_shape)


# -- weights of rows ---------------------------------------------------------------------------


def mapped(X, folder):
    np.save(folder / "rows.npy", X)
    return np.load(folder / "rows.npy", mmap_mode="r")


@given(tables(), seeds)
@few
def test_rows_without_weight_are_dropped_in_any_form(tmp_path_factory, X, rng):
    weight = weights_of(X, rng)
    on_disk = mapped(X, tmp_path_factory.mktemp("rows"))
    for given_X in (X, sparse.csr_array(X), torch.tensor(X), on_disk):
        rows, found = drop_weightless_rows(given_X, weight, 1)
        assert_array_equal(ScaledRows(rows)[:], X[weight > 0])
        assert is_memory_mapped(rows) is is_memory_mapped(given_X)
        assert_allclose(found, weight[weight > 0] / weight[weight > 0].mean())
        assert drop_weightless_rows(given_X, None, 1) == (given_X, None)


@pytest.mark.parametrize(("n_left", "words"), [(1, "1 row with"), (2, "2 rows with")])
def test_weights_that_leave_too_few_rows(n_left, words):
    weight = np.arange(5) < n_left
    with pytest.raises(ValueError, match=f"leaves only {words} .* minimum of 3 is required"):
        drop_weightless_rows(np.ones((5, 2)), weight, 3)


def test_extreme_weights_stay_in_range():
    _, weight = drop_weightless_rows(np.ones((3, 1)), [1e308, 1e308, 0.0], 2)
    assert_array_equal(weight, [1.0, 1.0])


def test_columns_of_some_rows_of_a_file_are_scaled_like_those_of_an_array(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 3))
    weight = np.arange(20) % 3
    rows, of_rows = drop_weightless_rows(mapped(X, tmp_path), weight, 1)
    array, of_array = drop_weightless_rows(X, weight, 1)
    scaled = ColumnScaling(rows, of_rows, True)(rows)
    expected = ColumnScaling(array, of_array, True)(array)
    assert type(scaled) is np.ndarray
    assert_array_equal(scaled, expected)
