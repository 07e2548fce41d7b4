"""Terms that grow to their full strength during training."""

from torch import nn


class WarmUp(nn.Module):
    """A factor that grows from zero to one over the first share of the planned steps.

    The training engine keeps `progress` up to date, the share of the steps that are done.
    Measurements are at full strength, so that they can be compared.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.progress = 1.0

    def forward(self) -> float:
        """Return the factor."""
        if not self.training or self.progress >= self.share:
            return 1.0
        return self.progress / self.share
