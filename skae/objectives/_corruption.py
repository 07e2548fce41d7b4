"""Noise on the rows that a denoising autoencoder learns to remove."""

import torch
from torch import nn

from ._random import RandomSource


class Corruption(nn.Module):
    """Noise drawn anew for every batch.

    While training the noise goes on from batch to batch; a measurement draws the same noise
    every time, so that losses can be compared.

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
    extremes : tensor of shape (2, n_features) or None, default=None
        Smallest and largest value of each feature in the data, for "salt_and_pepper".
    """

    def __init__(self, noise, level, mean, scale, extremes=None):
        super().__init__()
        # In a tuple, so that noise which is a module of torch's is not trained.
        self._noise = (noise,)
        self.level = level
        self.mean, self.scale = mean, scale
        if extremes is not None:
            extremes = ((extremes - mean) / scale).float()
        self.register_buffer("extremes", extremes, persistent=False)
        self.random = RandomSource()

    @torch.no_grad()
    def forward(self, x):
        """Return a corrupted copy of scaled rows.

        Parameters
        ----------
        x : tensor of shape (n_samples, n_features)
            Scaled rows.

        Raises
        ------
        ValueError
            If a callable returns anything but a tensor of the same shape, or if a batch to
            train on has one row and there is none to swap with.
        """
        generator = self.random.on(x.device)
        (noise,) = self._noise
        if isinstance(noise, str):
            return NOISES[noise](self, x, generator)
        return self._by_callable(noise, x, generator)

    @property
    def kind(self):
        """What corruptions must have in common for `together`, to compare."""
        return self._noise, self.level

    @staticmethod
    @torch.no_grad()
    def together(corruptions, x):
        """Return corrupted copies of the rows of several networks, each with its own noise.

        Parameters
        ----------
        corruptions : list of Corruption
            That of each network, all of one `kind`.
        x : tensor of shape (n_networks, n_samples, n_features)
            Scaled rows of each.
        """
        if corruptions[0]._noise != ("masking",):
            return torch.stack([one(rows) for one, rows in zip(corruptions, x, strict=True)])
        # One by one only what is left to chance.
        kept = [_kept(x[0], one.level, one.random.on(x.device)) for one in corruptions]
        return torch.stack(kept).mul(x)

    def _by_callable(self, noise, x, generator):
        # In double precision, as the unit of the data may leave the range of float32; Apple's
        # GPUs have none.
        exact = torch.float32 if x.device.type == "mps" else torch.float64
        mean = self.mean.to(device=x.device, dtype=exact)
        noisy = noise(x.to(exact) * self.scale + mean, generator)
        is_tensor = isinstance(noisy, torch.Tensor)
        if not is_tensor or noisy.shape != x.shape:
            found = f"shape {tuple(noisy.shape)}" if is_tensor else type(noisy).__name__
            raise ValueError(
                f"noise must return a torch tensor of the shape that it is given, "
                f"{tuple(x.shape)}, but {noise!r} returned {found}."
            )
        return ((noisy.to(mean) - mean) / self.scale).to(x)


def _chosen(x, probability, generator):
    return torch.rand(x.shape, generator=generator, device=x.device) < probability


def _gaussian(corruption, x, generator):
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return torch.add(x, noise, alpha=corruption.level / corruption.scale)


def _masking(corruption, x, generator):
    # Zero is the mean of scaled rows, or no count at all where rows may not be centred.
    return _kept(x, corruption.level, generator).mul(x)


def _kept(x, probability, generator):
    """Draw which cells stay, as ones and zeros: a product is faster than a choice."""
    return torch.rand(x.shape, generator=generator, device=x.device).ge_(probability)


def _salt_and_pepper(corruption, x, generator):
    low, high = corruption.extremes.to(x)
    drawn = torch.rand(x.shape, generator=generator, device=x.device)
    noisy = torch.where(drawn < corruption.level / 2, low, x)
    return torch.where(drawn > 1 - corruption.level / 2, high, noisy)


def _swap(corruption, x, generator):
    n = len(x)
    if n == 1 and not corruption.training:
        return x.clone()
    if n == 1:
        raise ValueError(
            "noise='swap' takes values from other rows of the batch, but a batch has only one row. "
            "Use a larger batch_size, or more rows."
        )
    steps = torch.randint(1, n, x.shape, generator=generator, device=x.device)
    others = torch.arange(n, device=x.device)[:, None].add(steps).remainder_(n)
    return torch.where(_chosen(x, corruption.level, generator), x.gather(0, others), x)


# Gaussian noise has `level` as its standard deviation, in the unit of the data; the others change
# each cell with probability `level`.
NOISES = {
    "gaussian": _gaussian,
    "masking": _masking,
    "salt_and_pepper": _salt_and_pepper,
    "swap": _swap,
}
