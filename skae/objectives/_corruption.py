"""Noise on the rows that a denoising autoencoder learns to remove."""

import torch
from torch import nn


class Corruption(nn.Module):
    """Noise drawn anew for every batch.

    The training engine hands its generator to `generator`. While training the noise goes on
    from batch to batch; a measurement draws the same noise every time, so that losses can be
    compared.

    Parameters
    ----------
    noise : str or callable
        A name in `NOISES`, or ``noise(x, generator)`` on rows in the unit of the data.
    level : float
        Strength; see `NOISES`.
    mean : tensor of shape (n_features,)
        What was subtracted from the rows.
    scale : float
        What they were divided by.
    extremes : tensor of shape (2, n_features)
        Smallest and largest value of each feature in the data, for "salt_and_pepper".
    """

    def __init__(self, noise, level, mean, scale, extremes):
        super().__init__()
        self.noise = noise
        self.level = level
        self.scale = scale
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("extremes", (extremes - mean) / scale, persistent=False)
        self.generator = None
        self._measuring = None

    def train(self, mode=True):
        """Switch between training and measuring, which starts the same noise anew."""
        self._measuring = None
        return super().train(mode)

    def forward(self, x):
        """Return a corrupted copy of scaled rows.

        Parameters
        ----------
        x : tensor of shape (n_samples, n_features)
            Scaled rows.

        Raises
        ------
        ValueError
            If a callable returns anything but a tensor of the same shape.
        """
        generator = self.generator
        if not self.training:
            if self._measuring is None:
                self._measuring = torch.Generator(x.device).manual_seed(0)
            generator = self._measuring
        if isinstance(self.noise, str):
            return NOISES[self.noise](self, x, generator)
        return self._by_callable(x, generator)

    def _by_callable(self, x, generator):
        mean = self.mean.to(x)
        noisy = self.noise(x * self.scale + mean, generator)
        if not isinstance(noisy, torch.Tensor) or noisy.shape != x.shape:
            found = tuple(getattr(noisy, "shape", ())) or type(noisy).__name__
            raise ValueError(
                f"noise must return a tensor of the shape that it is given, {tuple(x.shape)}, but "
                f"{self.noise!r} returned {found}."
            )
        return (noisy.to(x) - mean) / self.scale


def _chosen(x, probability, generator):
    return torch.rand(x.shape, generator=generator, device=x.device) < probability


def _gaussian(corruption, x, generator):
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return torch.add(x, noise, alpha=corruption.level / corruption.scale)


def _masking(corruption, x, generator):
    # Zero is the mean of scaled rows, or no count at all where rows may not be centred.
    return x.masked_fill(_chosen(x, corruption.level, generator), 0.0)


def _salt_and_pepper(corruption, x, generator):
    low, high = corruption.extremes.to(x)
    drawn = torch.rand(x.shape, generator=generator, device=x.device)
    noisy = torch.where(drawn < corruption.level / 2, low, x)
    return torch.where(drawn > 1 - corruption.level / 2, high, noisy)


def _swap(corruption, x, generator):
    others = torch.randint(len(x), x.shape, generator=generator, device=x.device)
    return torch.where(_chosen(x, corruption.level, generator), x.gather(0, others), x)


# Gaussian noise has `level` as its standard deviation, in the unit of the data; the others change
# each cell with probability `level`.
NOISES = {
    "gaussian": _gaussian,
    "masking": _masking,
    "salt_and_pepper": _salt_and_pepper,
    "swap": _swap,
}
