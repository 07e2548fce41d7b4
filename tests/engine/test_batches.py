"""Batches cut an epoch into parts, and what is summed up in parts is that of the whole."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_allclose

from skae.engine import TrainingRows
from skae.engine._batches import Batches, MeasuredBatches
from skae.engine._moments import CodeMoments
from skae.engine.distributed import ONE_RANK, Ranks
from skae.tables import ScaledRows, merge_moments

QUICK = settings(max_examples=40, derandomize=True, deadline=None)


def rows_of(n_rows):
    table = ScaledRows(np.arange(n_rows, dtype=np.float32)[:, None], np.zeros(1), 1.0)
    return TrainingRows(table, None, torch.float32, torch.device("cpu"))


def batches_of(n_rows, batch_size, seed, ranks=ONE_RANK):
    return Batches(rows_of(n_rows), batch_size, torch.Generator().manual_seed(seed), ranks)


@QUICK
@given(
    n_rows=st.integers(1, 300),
    batch_size=st.integers(1, 320),
    seed=st.integers(0, 2**31 - 1),
)
def test_batches_partition_the_rows(n_rows, batch_size, seed):
    batches = batches_of(n_rows, batch_size, seed)
    # A batch is overwritten by the next one.
    parts = [batch.x.clone() for batch in batches]
    assert len(parts) == len(batches)
    assert torch.equal(torch.cat(parts).ravel().sort().values, torch.arange(n_rows).float())
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    # Rather one row too many than a batch of one row.
    if batch_size > 1 and n_rows > 1:
        assert min(sizes) > 1
    assert max(sizes) <= max(batch_size, 3 if n_rows % 2 and batch_size == 2 else 1)


@QUICK
@given(
    n_rows=st.integers(6, 3000),
    batch_size=st.integers(6, 320),
    size=st.integers(2, 3),
    measured=st.booleans(),
)
def test_the_parts_of_ranks_make_up_the_batches_of_one_process(n_rows, batch_size, size, measured):
    def cut(ranks):
        batches = (
            MeasuredBatches(rows_of(n_rows), ranks)
            if measured
            else batches_of(n_rows, batch_size, 0, ranks)
        )
        return [batch.x.clone() for batch in batches]

    parts = [cut(Ranks(SimpleNamespace(rank=rank, size=size))) for rank in range(size)]
    whole = cut(ONE_RANK)
    for batch, *of_batch in zip(whole, *parts, strict=True):
        assert torch.equal(torch.cat(of_batch), batch)
        sizes = [len(part) for part in of_batch]
        assert max(sizes) - min(sizes) <= 1
        assert min(sizes) > 0
    # Batches that measure have equal sizes, too.
    sizes = [len(batch) for batch in whole]
    assert max(sizes) - min(sizes) <= 1


VALUES = st.floats(-1e3, 1e3, width=32)


@QUICK
@given(data=st.data(), n_rows=st.integers(2, 40), weighted=st.booleans())
def test_merged_code_moments_are_those_of_the_whole(data, n_rows, weighted):
    codes = data.draw(arrays.arrays(np.float64, (n_rows, 2), elements=VALUES))
    weight = np.ones(n_rows)
    if weighted:
        weight = data.draw(arrays.arrays(np.float64, n_rows, elements=st.floats(0.125, 8)))
    cuts = sorted(data.draw(st.sets(st.integers(1, n_rows - 1), max_size=3)))
    merged = None
    for rows in np.split(np.arange(n_rows), cuts):
        moments = CodeMoments()
        for batch in np.array_split(rows, min(2, len(rows))):
            given_weight = torch.tensor(weight[batch]) if weighted else None
            moments.add(torch.tensor(codes[batch]), given_weight)
        merged = merge_moments(merged, moments.result())
    total, mean, variance = merged
    expected = np.average(codes, axis=0, weights=weight)
    assert_allclose(total, weight.sum())
    assert_allclose(mean, expected, rtol=1e-9, atol=1e-9)
    spread = np.average((codes - expected) ** 2, axis=0, weights=weight)
    assert_allclose(variance, spread, rtol=1e-8, atol=1e-6)


def test_the_order_is_the_generators():
    first, same, other = (
        torch.cat([batch.x.clone() for batch in batches_of(50, 8, seed)]) for seed in (0, 0, 1)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("n_rows", [2, 3, 101])
def test_one_row_too_many_rather_than_a_batch_of_one(n_rows):
    sizes = [len(batch) for batch in batches_of(n_rows, max(2, n_rows - 1), 0)]
    assert min(sizes) > 1
    assert [len(batch) for batch in batches_of(n_rows, 1, 0)] == [1] * n_rows
