"""The sample of codes that a fit keeps: strided, whatever the batches, and in one piece."""

import gc

import pytest
import torch

from skae.engine._moments import CodeSample

N = 12_345
CODES = torch.randn(N, 3, generator=torch.Generator().manual_seed(0))
WEIGHT = torch.arange(N, dtype=torch.float32)


def sample_of(sizes):
    """The sample of these codes, and the numbers of tensors that were alive after each batch."""
    sample, start, alive = CodeSample(N, 3), 0, []
    for size in sizes:
        rows = slice(start, start + size)
        sample.add(CODES[rows], WEIGHT[rows])
        start += size
        alive.append(sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects()))
    assert start == N
    return sample.result(), alive


@pytest.mark.parametrize("size", [1_000, 2, N], ids=["batches", "most without a code", "one"])
def test_every_third_code_whatever_the_batches(size):
    sizes = [min(size, N - start) for start in range(0, N, size)]
    kept, _ = sample_of(sizes) if size > 2 else sample_of([2, 1, 2, N - 5])
    torch.testing.assert_close(kept, (CODES[::3], WEIGHT[::3]), rtol=0, atol=0)


def test_batches_leave_no_tensors_behind():
    _, alive = sample_of([345, *[500] * 24])
    assert len(set(alive[1:])) == 1


def test_a_rank_that_sees_some_of_the_rows_keeps_those():
    sample = CodeSample(N, 3)
    sample.add(CODES[:5_000])
    codes, weight = sample.result()
    torch.testing.assert_close(codes, CODES[:5_000:3], rtol=0, atol=0)
    assert (weight == 1).all()
