"""Likelihoods of columns of several types, beside those of torch.distributions."""

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Normal

from skae.objectives._column_likelihoods import ColumnLikelihoods

LEVELS = [0, 3, 0, 2]
SHARES = np.r_[[0.5, 0.3, 0.2], [0.9, 0.1]]
VARIANCES = torch.tensor([0.5, 0.02], dtype=torch.float64)
GENERATOR = torch.Generator().manual_seed(0)


def likelihoods():
    made = ColumnLikelihoods(
        LEVELS, SHARES, of_unknown=3.0, column_weights=None, variance=1.0
    ).double()
    made.variance.copy_(VARIANCES)
    return made


def rows():
    x = torch.randn(6, 4, generator=GENERATOR, dtype=torch.float64)
    x[:, 1] = torch.tensor([0, 1, 2, 0, 1, 2])
    x[:, 3] = torch.tensor([0, 1, 0, 1, 0, 1])
    x[0, 0] = x[1, 1] = x[4, 2] = torch.nan
    x[2, 3] = -1
    return x


def outputs():
    return torch.randn(6, 7, generator=GENERATOR, dtype=torch.float64)


def test_cells_are_those_of_the_distributions():
    x, output = rows(), outputs()
    cells = likelihoods().cells(output, x)
    deviations = VARIANCES.sqrt()
    for place, column in enumerate([0, 2]):
        seen = ~x[:, column].isnan()
        normal = Normal(output[seen, place], deviations[place])
        torch.testing.assert_close(cells[seen, column], -normal.log_prob(x[seen, column]))
    seen = ~x[:, 1].isnan()
    categorical = Categorical(logits=output[seen, 2:5])
    torch.testing.assert_close(cells[seen, 1], -categorical.log_prob(x[seen, 1].long()))
    assert cells[2, 3] == 3.0
    assert torch.equal(cells.isnan(), x.isnan())


@pytest.mark.parametrize("weighted", [False, True])
def test_value_and_gradient_are_those_of_autograd(weighted):
    made, x, output = likelihoods(), rows(), outputs().requires_grad_()
    weight = torch.rand(6, generator=GENERATOR, dtype=torch.float64) if weighted else torch.ones(6)
    of_rows = made.cells(output, x).nan_to_num(0.0).sum(dim=1) / 4
    (of_rows * weight).mean().backward()
    given = weight if weighted else None
    value, gradient = made.value_and_gradient(output.detach().clone(), x, given)
    torch.testing.assert_close(value, (of_rows * weight).mean().detach())
    torch.testing.assert_close(gradient, output.grad)
    assert gradient[0, 0] == 0
    assert (gradient[1, 2:5] == 0).all()


def test_squares_are_means_over_the_cells_that_have_a_value():
    x, output = rows(), outputs()
    found = likelihoods().squares(output, x, None)
    squares = (output[:, :2] - x[:, [0, 2]]).square()
    torch.testing.assert_close(found["errors"] / found["seen"], squares.nanmean(dim=0))
