"""Noise on the rows that a denoising autoencoder learns to remove."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from skae._exact_dtype import exact_dtype
from skae._shared_batch import all_rows, draw_rows, own_rows

from ._random import RandomSource

NoiseName = Literal["gaussian", "masking", "salt_and_pepper", "swap"]


class Corruption(nn.Module):
    """Noise drawn anew for every batch.

    While training the noise goes on from batch to batch; a measurement draws the same noise
    every time, so that losses can be compared.

    `noise` is a name in `NOISES`, or ``noise(x, generator)`` on rows in the unit of the data, and
    `level` its strength. Rows have had `mean` subtracted and were divided by `scale`. `extremes`,
    for "salt_and_pepper", is the smallest and largest value of each feature in the data, of shape
    (2, n_features). In a table with columns of several types `numbers` is one for numbers and zero
    for codes of categories, and `scale` is one for each column: masked cells are gaps, and only
    numbers get Gaussian noise.
    """

    extremes: Tensor | None
    numbers: Tensor | None

    def __init__(
        self,
        noise: NoiseName | Callable[..., Any],
        level: float,
        mean: Tensor,
        scale: Any,
        extremes: Tensor | None = None,
        numbers: Tensor | None = None,
    ) -> None:
        super().__init__()
        # In a tuple, so that noise which is a module of torch's is not trained.
        self._noise = (noise,)
        self.level = level
        self.mean, self.scale = mean, scale
        if extremes is not None:
            extremes = ((extremes - mean) / scale).float()
        self.register_buffer("extremes", extremes, persistent=False)
        self.register_buffer("numbers", numbers, persistent=False)
        self.random = RandomSource()

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Return a corrupted copy of scaled rows."""
        generator = self.random.generator_on(x.device)
        (noise,) = self._noise
        if isinstance(noise, str):
            return NOISES[noise](self, x, generator)
        return self._by_callable(noise, x, generator)

    @property
    def is_known(self) -> bool:
        """Whether the noise is one of `NOISES`; a callable of the user's may do anything."""
        return isinstance(self._noise[0], str)

    @property
    def kind(self) -> tuple[Any, float]:
        """Key that is equal for corruptions that `corrupt_stack` can apply together."""
        return self._noise, self.level

    @staticmethod
    @torch.no_grad()
    def corrupt_stack(corruptions: list["Corruption"], x: Tensor) -> Tensor:
        """Return corrupted copies of the rows of several networks, each with its own noise.

        The corruptions are of one `kind`, and `x` has the shape (n_networks, n_samples,
        n_features).
        """
        first = corruptions[0]
        if first._noise != ("masking",) or first.numbers is not None:
            return torch.stack([one(rows) for one, rows in zip(corruptions, x, strict=True)])
        # Only the random numbers are drawn one by one.
        kept = [
            _kept_cells(x[0], one.level, one.random.generator_on(x.device)) for one in corruptions
        ]
        return torch.stack(kept).mul(x)

    def _by_callable(
        self, noise: Callable[..., Any], x: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        # The unit of the data may leave the range of float32.
        exact = exact_dtype(x.device)
        x = all_rows(x)
        mean = self.mean.to(device=x.device, dtype=exact)
        noisy = noise(x.to(exact) * self.scale + mean, generator)
        is_tensor = isinstance(noisy, Tensor)
        if not is_tensor or noisy.shape != x.shape:
            found = f"shape {tuple(noisy.shape)}" if is_tensor else type(noisy).__name__
            raise ValueError(
                f"noise must return a torch tensor of the shape that it is given, "
                f"{tuple(x.shape)}, but {noise!r} returned {found}."
            )
        return own_rows(((noisy.to(mean) - mean) / self.scale).to(x))


def _gaussian(corruption: Corruption, x: Tensor, generator: torch.Generator | None) -> Tensor:
    how: dict[str, Any] = {"generator": generator, "dtype": x.dtype, "device": x.device}
    noise = draw_rows(torch.randn, x.shape, **how)
    if corruption.numbers is not None:
        return x + noise * (corruption.numbers * corruption.level / corruption.scale).to(x)
    return torch.add(x, noise, alpha=corruption.level / corruption.scale)


def _masking(corruption: Corruption, x: Tensor, generator: torch.Generator | None) -> Tensor:
    kept = _kept_cells(x, corruption.level, generator)
    if corruption.numbers is not None:
        return x.masked_fill(kept == 0, torch.nan)
    # Zero is the mean of scaled rows, or no count at all where rows may not be centred.
    return kept.mul(x)


def _kept_cells(x: Tensor, probability: float, generator: torch.Generator | None) -> Tensor:
    """Draw which cells stay, as ones and zeros: a product is faster than a choice."""
    drawn = draw_rows(torch.rand, x.shape, generator=generator, device=x.device)
    return drawn.ge_(probability)


def _salt_and_pepper(
    corruption: Corruption, x: Tensor, generator: torch.Generator | None
) -> Tensor:
    assert corruption.extremes is not None
    low, high = corruption.extremes.to(x)
    drawn = draw_rows(torch.rand, x.shape, generator=generator, device=x.device)
    noisy = torch.where(drawn < corruption.level / 2, low, x)
    return torch.where(drawn > 1 - corruption.level / 2, high, noisy)


def _swap(corruption: Corruption, x: Tensor, generator: torch.Generator | None) -> Tensor:
    x = all_rows(x)
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
    swapped = torch.rand(x.shape, generator=generator, device=x.device) < corruption.level
    return own_rows(torch.where(swapped, x.gather(0, others), x))


# Gaussian noise has `level` as its standard deviation, in the unit of the data; the others change
# each cell with probability `level`.
NOISES: dict[NoiseName, Callable] = {
    "gaussian": _gaussian,
    "masking": _masking,
    "salt_and_pepper": _salt_and_pepper,
    "swap": _swap,
}
