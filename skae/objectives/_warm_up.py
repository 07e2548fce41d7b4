"""Terms that grow to their full strength during training."""

from torch import Tensor, nn


class WarmUp(nn.Module):
    """A factor that grows from zero to one over the first share of the planned steps.

    The training engine keeps `progress` up to date, the share of the steps that are done. It is
    a tensor in float64 where a GPU plays recorded steps, in which a number could not change.
    Measurements are at full strength, so that they can be compared.
    """

    progress: float | Tensor

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.progress = 1.0

    def forward(self, term: Tensor, strength: float, per: int = 1) -> Tensor:
        """Return a term at its present strength; the full one is ``strength / per``."""
        if not self.training or not self.share:
            return term * (strength / per)
        if isinstance(self.progress, Tensor):
            factor = (self.progress / self.share).clamp(max=1.0)
            return term * (strength * factor / per).to(term)
        return term * (strength * min(self.progress / self.share, 1.0) / per)
