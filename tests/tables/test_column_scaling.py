"""Columns in units of their standard deviations, which a few absurd cells do not change."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skae.tables import ColumnScaling, dense

N = 1000
RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=N)
FORMS = {
    "float64": np.asarray,
    "float32": lambda X: np.asarray(X, dtype=np.float32),
    "sparse": sparse.csr_array,
}
any_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def scaling_of(columns, weight=None, form=np.asarray):
    """The scaling of a column or of columns side by side; nothing in it is infinite."""
    X = form(columns if np.ndim(columns) == 2 else np.reshape(columns, (-1, 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaling = ColumnScaling(X, weight, True)
        Z = scaling(X)
    for numbers in (scaling.scale, scaling.center, Z.data if sparse.issparse(Z) else Z):
        assert np.isfinite(numbers).all()
    assert (scaling.scale > 0).all()
    return scaling


def ones(share):
    """Zeros, and a share of ones."""
    return np.where(np.arange(N) < share * N, 1.0, 0.0)


# -- ordinary columns -------------------------------------------------------------------------

ORDINARY = {
    "normal": NORMAL,
    "uniform": RNG.uniform(size=N),
    "exponential": np.minimum(RNG.exponential(size=N), 6),
    "counts": RNG.poisson(3, size=N).astype(float),
    "two kinds": np.where(NORMAL > 0.2, NORMAL, NORMAL + 10),
    **{f"ones {share}": ones(share) for share in (0.002, 0.24, 0.25, 0.26, 0.5, 0.75, 0.76)},
    "one cell": ones(1 / N),
    "half a million": 5e5 + NORMAL,
}


@any_form
@pytest.mark.parametrize("column", ORDINARY.values(), ids=ORDINARY)
def test_an_ordinary_column_is_scaled_as_by_standard_scaler(column, form):
    scaling = scaling_of(column, form=form)
    rounded = np.asarray(column, dtype=np.float32 if form is FORMS["float32"] else None)
    assert_allclose(scaling.scale, rounded.std(dtype=np.float64), rtol=1e-9)
    assert_allclose(scaling.center, rounded.mean(dtype=np.float64) / scaling.scale, rtol=1e-9)


@any_form
def test_tables_of_few_rows(form):
    assert_allclose(scaling_of([[0.0], [1.0], [2.0], [4.0]], form=form).scale, 1.479, atol=1e-3)
    assert_allclose(scaling_of([[5.0], [7.0]], form=form).scale, 1)


# -- absurd cells -----------------------------------------------------------------------------


@any_form
@pytest.mark.parametrize("value", [1e6, -1e30, 1e300, -1.7e308])
@pytest.mark.parametrize(("n_absurd", "most"), [(1, 1.1), (12, 1.5), (100, 4.0)])
def test_absurd_cells_hardly_change_a_scale(form, value, n_absurd, most):
    if form is FORMS["float32"]:
        value = float(np.clip(value, -3e38, 3e38))
    column = NORMAL.copy()
    column[:n_absurd] = value
    scaling = scaling_of(column, form=form)
    assert NORMAL.std() < scaling.scale[0] < most * NORMAL.std()
    assert abs(scaling.center[0]) < 0.5
    # The control: they make up the whole of the plain standard deviation.
    assert (column / abs(value)).std() * abs(value) > 1e4


@pytest.mark.parametrize("value", [1e6, 1e308])
def test_in_a_column_of_mostly_one_value_the_others_are_the_scale(value):
    scale = scaling_of(np.where(ones(0.02), value, 3.0)).scale / value
    assert_allclose(scale, ones(0.02).std(), rtol=1e-4)


def test_the_scale_of_rare_values_depends_smoothly_on_their_share():
    rare = np.exp(2 * NORMAL)
    shares = np.arange(0.1, 0.5, 0.01)
    order = RNG.permutation(N)
    columns = np.transpose([np.where(order < share * N, rare, 0) for share in shares])
    scale = scaling_of(columns).scale
    assert np.abs(np.diff(np.log(scale))).max() < 0.35
    # The control: the quartiles are nothing below a share of one in four.
    quartiles = np.quantile(columns, [0.25, 0.75], axis=0)
    assert (np.ptp(quartiles, axis=0) == 0).sum() > 5
    assert (scale > 0.3).all()


# -- constant columns ---------------------------------------------------------------------------

CONSTANTS = [0.0, 0.1, 7.0, -1e6 + 0.1, 1e30, 1e-30]


@any_form
@pytest.mark.parametrize("value", CONSTANTS)
def test_rounding_of_a_constant_does_not_count_but_another_value_does(value, form):
    X = np.full((100, 1), value)
    scaling = scaling_of(X, form=form)
    for rounded in (X, X.astype(np.float32), np.nextafter(X, np.inf), sparse.csr_array(X)):
        assert_array_equal(dense(scaling(rounded)), 0)
    assert (np.abs(scaling(1.001 * X + 0.1)) > 0.05).all()
    assert_allclose(scaling.inverse(np.zeros((1, 1))), X[:1], rtol=1e-7)
    if abs(value) < 2048:
        assert_array_equal(scaling.scale, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbouring_numbers_are_one_value(dtype):
    value = dtype(0.1)
    column = np.full(N, value)
    column[::3], column[1::3] = np.nextafter(value, dtype(1)), np.nextafter(value, dtype(0))
    assert_array_equal(scaling_of(column).scale, 1)
    # One other value is the scale, as in a column of equal numbers.
    column[5] = 3
    plain = np.full(N, value)
    plain[5] = 3
    assert_allclose(scaling_of(column).scale, scaling_of(plain).scale, rtol=1e-5)


@pytest.mark.parametrize("spread", [3e-5, 6e-6])
def test_a_spread_of_a_few_roundings_is_a_spread(spread):
    column = (52.52 + spread * NORMAL).astype(np.float32)
    assert 5 < len(np.unique(column)) < 60
    assert_allclose(scaling_of(column).scale, column.std(dtype=np.float64), rtol=1e-9)


# -- units, weights and forms -------------------------------------------------------------------


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_extreme_units_side_by_side(form):
    units = np.array([1e300, 1e-300, 1e-310, 1e18, 1.0, 1e12, 1e-12])
    columns = NORMAL[:, None] * units
    columns[:, 3] += 1e20
    assert_allclose(scaling_of(columns, form=form).scale / units, NORMAL.std(), rtol=1e-4)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_the_whole_range_of_numbers(form):
    column = 1.7e308 * RNG.uniform(-1, 1, size=N)
    assert_allclose(scaling_of(column, form=form).scale, 1.7e308 / 3**0.5, rtol=0.05)
    smallest = np.where(ones(0.4), np.nextafter(0, 1), 0)
    assert_array_equal(scaling_of(smallest, form=form).scale, np.nextafter(0, 1))


def awkward_columns():
    absurd = NORMAL.copy()
    absurd[:12] = 1e6
    rare = ones(0.02)[RNG.permutation(N)]
    tails = RNG.standard_cauchy(size=N)
    return np.transpose([NORMAL, absurd, rare, rare * tails, np.round(tails), np.full(N, 0.1)])


@any_form
def test_integer_weights_are_repeated_rows(form):
    columns = awkward_columns()
    times = RNG.integers(1, 5, size=N)
    weighted = scaling_of(columns, times / times.mean(), form)
    repeated = scaling_of(np.repeat(columns, times, axis=0), form=form)
    assert_allclose(weighted.scale, repeated.scale, rtol=1e-9)
    assert_allclose(weighted.center, repeated.center, rtol=1e-9, atol=1e-12)
    assert (scaling_of(columns, form=form).scale[:5] != weighted.scale[:5]).all()


@pytest.mark.parametrize("weight", [None, RNG.uniform(1e-9, 1, size=N)], ids=["equal", "weighted"])
def test_sparse_columns_are_scaled_like_dense_ones(weight):
    columns = awkward_columns()
    dense, found = scaling_of(columns, weight), scaling_of(columns, weight, sparse.csr_array)
    assert_allclose(found.scale, dense.scale, rtol=1e-9)
    assert_allclose(found(sparse.csr_array(columns)).toarray(), dense(columns), rtol=1e-9)


def test_blocks_of_columns_are_scaled_like_one(monkeypatch):
    columns = awkward_columns()
    whole = scaling_of(columns).scale
    monkeypatch.setattr("skae.tables._robust_moments._CELLS", 2 * N)
    assert_array_equal(scaling_of(columns).scale, whole)


# -- columns that are constant at first ------------------------------------------------------------


@any_form
def test_a_column_gets_its_scale_from_the_first_rows_in_which_it_varies(form):
    """Those of a constant within reach stay where networks know them."""
    later = np.transpose([NORMAL, 5 + 1e3 * NORMAL, 1e-6 * NORMAL, np.full(N, 4.0)])
    first = form(np.column_stack([NORMAL[::-1], np.tile([5.0, 0.0, 4.0], (N, 1))]))
    before = scaling_of(first, form=form)
    scaling = before.learned_from(form(later), np.ones(N))
    assert_array_equal(scaling.scale[[0, 3]], before.scale[[0, 3]])
    assert_allclose(scaling.scale[1:3], [1e3 * NORMAL.std(), 1e-6 * NORMAL.std()], rtol=1e-4)
    known, found = dense(before(first[:1])), dense(scaling(first[:1]))
    assert_allclose(found, known, atol=1e-5)
    # The column of zeros stays sparse.
    assert scaling.shift[2] == 0
    Z = dense(scaling(form(later)))
    assert_allclose(Z.std(axis=0)[1:3], 1, rtol=1e-3)
    assert_allclose(Z.mean(axis=0), scaling.center, atol=1e-3)
    assert_allclose(scaling.inverse(Z) / scaling.scale, later / scaling.scale, atol=1e-5)
    # Scales that are known stay.
    assert scaling.learned_from(form(9 * later), np.ones(N)) is scaling


@any_form
def test_a_constant_far_from_the_later_values_is_clipped(form):
    before = scaling_of(np.full(N, 3.0), form=form)
    scaling = before.learned_from(form(1e4 + NORMAL[:, None]), np.ones(N))
    assert_array_equal(scaling.center, 0)
    assert_allclose(dense(scaling(form([[3.0], [0.0], [1e4]])))[:, 0], [-8, -8, 0], atol=0.1)


def test_rows_that_vary_no_more_or_need_their_unit_change_nothing():
    constant = np.full((9, 2), 3.0)
    scaling = scaling_of(constant)
    assert scaling.learned_from(constant + 2, np.ones(9)) is scaling
    unscaled = ColumnScaling(constant, None, False)
    assert unscaled.learned_from(NORMAL[:18].reshape(9, 2), np.ones(9)) is unscaled
