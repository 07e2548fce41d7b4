"""Missing cells by a normal distribution, in operators that ONNX has."""

import torch
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop

from skae.tables import GaussianRows

# Squared residuals that are this share of those at the start count as nothing.
_TOLERANCE = 1e-24

# Steps at most, in columns: rounding may take more steps than there are columns.
_STEPS = 4


class GaussianFill(nn.Module):
    """Fills rows with the conditional means of `GaussianRows`.

    ONNX has no solver of linear equations: conjugate gradients solve them, all rows at once, in a
    loop of the graph that ends when no row changes. Each row has its own missing cells.
    """

    def __init__(self, gaussian: GaussianRows) -> None:
        super().__init__()
        self.mean = nn.Buffer(torch.from_numpy(gaussian.mean))
        self.precision = nn.Buffer(torch.from_numpy(gaussian.covariance).inverse())
        self.most_steps = _STEPS * len(gaussian.mean)

    def forward(self, X: Tensor, missing: Tensor) -> Tensor:
        """Return float64 rows in which missing cells are as expected from the others."""
        told = torch.where(missing, 0.0, X - self.mean) @ self.precision
        shift = self._solved(torch.where(missing, told, 0.0), missing.to(X))
        return torch.where(missing, self.mean - shift, X)

    def _solved(self, told: Tensor, missing: Tensor) -> Tensor:
        """Return what the precisions among missing cells make `told`; zero in the other cells."""
        enough = told.square().sum(dim=1, keepdim=True) * _TOLERANCE
        start = torch.zeros_like(told), told, told.clone(), torch.zeros((), dtype=torch.int64)
        # skl2onnx sorts nodes without a look into loops: these refer to nothing outside.
        constants = missing, enough, self.precision
        return while_loop(self._is_far, _nearer, (*start, *constants))[0]

    def _is_far(self, *state: Tensor) -> Tensor:
        _, residual, _, step, _, enough, _ = state
        far = residual.square().sum(dim=1, keepdim=True) > enough
        return (far.double().sum() > 0) & (step < self.most_steps)


def _nearer(*state: Tensor) -> tuple[Tensor, ...]:
    """Return the state of the loop after a step of conjugate gradients."""
    shift, residual, direction, step, missing, enough, precision = state
    square = residual.square().sum(dim=1, keepdim=True)
    image = (direction @ precision) * missing
    length = (direction * image).sum(dim=1, keepdim=True)
    # A row that is solved stays as it is, whatever others are in its batch.
    far = ((square > enough) & (length > 0)).double()
    amount = far * square / (far * length + (1 - far))
    shift, residual = shift + amount * direction, residual - amount * image
    ratio = far * residual.square().sum(dim=1, keepdim=True) / (far * square + (1 - far))
    direction = residual + ratio * direction
    constants = (one.clone() for one in (missing, enough, precision))
    return shift, residual, direction, step + 1, *constants
