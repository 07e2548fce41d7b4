"""Where an objective's random numbers come from."""

import torch
from torch import nn


class RandomSource(nn.Module):
    """A generator that goes on in training and starts anew for every measurement.

    The training engine hands its own generator to `generator`. What is measured with the same
    random numbers every time can be compared.
    """

    def __init__(self):
        super().__init__()
        self.generator = None
        self._measuring = None

    def train(self, mode=True):
        """Switch between training and measuring."""
        self._measuring = None
        return super().train(mode)

    def on(self, device):
        """Return the generator to draw from, on a device."""
        if self.training:
            return self.generator
        if self._measuring is None:
            self._measuring = torch.Generator(device).manual_seed(0)
        return self._measuring
