"""Inputs of a linear code as a sparse matrix, beside those of the first layer of the network."""

import numpy as np
import torch

from skae.networks import ColumnInput
from skae.tables._one_hot import one_hot, rows_of_budget


def test_it_is_what_the_first_layer_makes():
    rng = np.random.default_rng(0)
    shares = [np.array([0.5, 0.3, 0.2]), np.array([0.9, 0.1])]
    rows = np.column_stack(
        [rng.normal(size=50), rng.integers(-1, 3, 50), rng.normal(size=50), rng.integers(0, 2, 50)]
    ).astype(float)
    rows[rng.uniform(size=rows.shape) < 0.2] = np.nan
    made = one_hot(rows[:, [0, 2]], rows[:, [1, 3]], shares, np.ones(len(shares)))
    layer = ColumnInput([0, 3, 0, 2], np.concatenate(shares))
    np.testing.assert_allclose(made.toarray(), layer(torch.from_numpy(rows)).numpy(), atol=1e-12)


def test_tables_without_categories_or_numbers():
    numbers, none = np.array([[1.0], [np.nan]]), np.empty((2, 0))
    np.testing.assert_array_equal(one_hot(numbers, none, [], np.ones(0)).toarray(), [[1.0], [0.0]])
    share = [np.array([0.25, 0.75])]
    made = one_hot(none, np.array([[0.0], [np.nan]]), share, np.ones(1))
    np.testing.assert_allclose(made.toarray(), [[2.0, 0.0], [0.5, 0.75**0.5]])


def test_wide_rows_are_few():
    assert len(range(100_000)[rows_of_budget(100_000, 10)]) == 20_000
    assert 250 < len(range(100_000)[rows_of_budget(100_000, 1e6)]) <= 500
    assert rows_of_budget(300, 1e6).step == 1
