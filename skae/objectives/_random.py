"""Random numbers of an objective."""

import torch
from torch import nn


class RandomSource(nn.Module):
    """A generator that goes on in training and starts anew for every measurement.

    The training engine hands its own generator to `generator`. Measurements with the same
    random numbers can be compared.
    """

    generator: torch.Generator | None

    def __init__(self) -> None:
        super().__init__()
        self.generator = None
        self._measuring: torch.Generator | None = None

    def train(self, mode: bool = True) -> "RandomSource":
        """Switch between training and measuring."""
        self._measuring = None
        return super().train(mode)

    def generator_on(self, device: torch.device) -> torch.Generator | None:
        """Return the generator to draw from, on a device."""
        if self.training:
            return self.generator
        if self._measuring is None:
            self._measuring = torch.Generator(device).manual_seed(0)
        return self._measuring
