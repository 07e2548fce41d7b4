"""Losses over the cells that have a value, beside the losses of these cells alone."""

import pytest
import torch

from skae.objectives import LOSSES, Loss, over_observed

# The others are of counts, whose rows have no gaps.
OF_CELLS = [name for name, loss in LOSSES.items() if isinstance(loss, Loss)]


@pytest.mark.parametrize("name", OF_CELLS)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_row_is_the_mean_over_its_cells_with_a_value(name, weighted):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(6, 5, generator=generator, dtype=torch.float64)
    output = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    x[0, 1] = x[0, 3] = x[2, 4] = x[5, 0] = torch.nan
    weight = torch.rand(6, generator=generator, dtype=torch.float64) if weighted else None
    loss, observed = LOSSES[name], over_observed(LOSSES[name])
    assert over_observed(LOSSES[name]) is observed
    of_rows = torch.stack(
        [loss.function(o[~r.isnan()], r[~r.isnan()]) for o, r in zip(output, x, strict=True)]
    )
    cells = observed.cells(output, x)
    assert torch.equal(cells.isnan(), x.isnan())
    torch.testing.assert_close(cells.nanmean(dim=1), of_rows)
    expected = (of_rows if weight is None else of_rows * weight).mean()
    output.requires_grad_()
    by_row = observed.function(output, x, reduction="none").mean(dim=1)
    (by_row if weight is None else by_row * weight).mean().backward()
    value, gradient = observed.value_and_gradient(output.detach().clone(), x, weight)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient, output.grad)
    assert (gradient[x.isnan()] == 0).all()
