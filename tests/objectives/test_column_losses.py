"""Losses of columns of several types, beside autograd and beside their definitions."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from skae.objectives import LOSSES, ColumnLosses

LEVELS = [0, 3, 0, 5, 2]
SHARES = np.r_[[0.5, 0.3, 0.2], [0.2] * 5, [0.9, 0.1]]
BASES = np.array([1.0, 1.03, 0.8, 1.6, 0.325])
GENERATOR = torch.Generator().manual_seed(0)


def losses_of(name="squared_error"):
    return ColumnLosses(LOSSES[name], LEVELS, BASES, SHARES, of_unknown=3.0).double()


def rows(n_rows=7):
    x = torch.randn(n_rows, 5, generator=GENERATOR, dtype=torch.float64)
    for column, n_levels in enumerate(LEVELS):
        if n_levels:
            codes = torch.randint(n_levels, (n_rows,), generator=GENERATOR)
            x[:, column] = codes.to(x)
    x[0, 0] = x[1, 1] = x[2, 3] = torch.nan
    x[4, :4] = torch.nan
    x[3, 4] = -1
    return x


def outputs(*shape):
    return torch.randn(*shape, 12, generator=GENERATOR, dtype=torch.float64)


@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_is_that_of_autograd(name, weighted):
    losses, x, output = losses_of(name), rows(), outputs(7).requires_grad_()
    weight = torch.rand(7, generator=GENERATOR, dtype=torch.float64) if weighted else None
    of_rows = losses.function(output, x, reduction="none").mean(dim=1)
    (of_rows if weight is None else of_rows * weight).mean().backward()
    value, gradient = losses.value_and_gradient(output.detach().clone(), x, weight)
    expected = of_rows if weight is None else of_rows * weight
    torch.testing.assert_close(value, expected.mean().detach())
    torch.testing.assert_close(gradient, output.grad)


def test_several_networks_at_once():
    losses, x, output = losses_of(), torch.stack([rows(), rows()]), outputs(2, 7)
    together = losses.value_and_gradient(output.clone(), x)
    for i in range(2):
        value, gradient = losses.value_and_gradient(output[i].clone(), x[i])
        torch.testing.assert_close(together[0][i], value)
        torch.testing.assert_close(together[1][i], gradient)


def test_cells_are_relative_to_knowing_nothing():
    losses, x, output = losses_of(), rows(), outputs(7)
    cells = losses.cells(output, x)
    assert torch.equal(cells.isnan(), x.isnan())
    seen = ~x[:, 0].isnan()
    squares = (output[:, 0] - x[:, 0]) ** 2
    torch.testing.assert_close(cells[seen, 0], squares[seen])
    seen = ~x[:, 3].isnan()
    entropy = F.cross_entropy(output[seen, 5:10], x[seen, 3].long(), reduction="none")
    torch.testing.assert_close(cells[seen, 3], entropy / 1.6)
    assert cells[3, 4] == pytest.approx(3.0 / 0.325)
    # The constant answer has a loss of one, on average over rows with the shares.
    constant = losses.from_data(torch.zeros(5, dtype=torch.float64)).expand(10, -1)
    x = torch.zeros(10, 5, dtype=torch.float64)
    x[:, 1] = torch.tensor([0] * 5 + [1] * 3 + [2] * 2)
    assert losses.cells(constant, x)[:, 1].mean() == pytest.approx(1.0, rel=2e-3)


def test_a_row_is_the_mean_over_its_known_cells():
    losses, x, output = losses_of(), rows(), outputs(7)
    of_rows = losses.function(output, x, reduction="none").mean(dim=1)
    torch.testing.assert_close(of_rows, losses.cells(output, x).nanmean(dim=1))


def test_hidden_values_have_no_gradient_and_do_not_matter():
    losses, x = losses_of(), rows()
    value, gradient = losses.value_and_gradient(outputs(7), x)
    assert torch.isfinite(value)
    assert gradient[0, 0] == 0
    assert (gradient[2, 5:10] == 0).all()
    assert (gradient[4, :10] == 0).all()
    assert (gradient[4, 10:] != 0).all()


def test_far_logits_stay_numbers():
    losses, x = losses_of(), rows()
    value, gradient = losses.value_and_gradient(1000 * outputs(7), x)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


def test_back_to_codes_and_numbers():
    output = outputs(3)
    back = losses_of().to_data(output)
    torch.testing.assert_close(back[:, [0, 2]], output[:, :2])
    assert torch.equal(back[:, 3], output[:, 5:10].argmax(dim=1).double())
