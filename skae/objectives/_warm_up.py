"""Terms that grow to their full strength during training."""

from torch import nn


class WarmUp(nn.Module):
    """A factor that grows from zero to one over the first share of the planned steps.

    The training engine keeps `progress` up to date, the share of the steps that are done.
    What is measured is measured at full strength, so that it can be compared.

    Parameters
    ----------
    share : float
        Share of the steps after which the factor is one, in [0, 1].
    """

    def __init__(self, share):
        super().__init__()
        self.share = share
        self.progress = 1.0

    def forward(self):
        """Return the factor."""
        if not self.training or self.progress >= self.share:
            return 1.0
        return self.progress / self.share
