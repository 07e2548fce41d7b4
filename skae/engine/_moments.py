"""Mean and variance of the codes of a table, and a subsample of them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from skae._exact_dtype import exact_dtype

# Size of the sample: codes at most, and values at most, so that models stay small.
_MOST_CODES, _MOST_VALUES = 5000, 2**19

# Codes and their weights: tensors where they were trained, or, from a pickle, arrays.
Kept = tuple[Tensor | np.ndarray, Tensor | np.ndarray]


class CodeMoments:
    """Weighted mean and variance of each code, summed up batch by batch on the device."""

    def __init__(self) -> None:
        self._total: Any = 0.0
        self._first: Any = 0.0
        self._second: Any = 0.0
        self._largest: Any = 0.0
        self._shift: Any = None

    def add(
        self, codes: Tensor, sample_weight: Tensor | None = None, spread: Tensor | float = 0.0
    ) -> None:
        """Take the codes of a batch, of shape (n_samples, n_components), as the latent gives them.

        `spread` is the variance around each code, which adds to that of all.
        """
        self._eps = torch.finfo(codes.dtype).eps
        codes = codes.detach().to(exact_dtype(codes.device))
        if self._shift is None:
            self._shift = codes.mean(dim=0)
        codes = codes - self._shift
        weight = codes.new_ones(len(codes)) if sample_weight is None else sample_weight.to(codes)
        self._total += weight.sum()
        self._first += weight @ codes
        self._second += weight @ (codes.square() + spread)
        self._largest = torch.maximum(codes.abs().amax(dim=0), torch.as_tensor(self._largest))

    def result(self) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the total weight, and mean and variance of each code in float64.

        The variance of a code that does not vary is exactly zero.
        """
        mean = self._first / self._total
        variance = (self._second / self._total - mean.square()).clamp_(min=0)
        # The deviation of a constant code is rounding. Divided by it, the code would be noise.
        rounding = self._eps * (self._shift.abs() + self._largest)
        variance[variance.sqrt() <= 10 * rounding] = 0.0
        mean = self._shift + mean
        mean, variance = (moment.cpu().double().numpy() for moment in (mean, variance))
        return float(self._total), mean, variance


class CodeSample:
    """A strided subsample of the codes of a table."""

    def __init__(self, n_rows: int, n_components: int):
        self._stride = -(-n_rows // _most_codes(n_components))
        self._most = -(-n_rows // self._stride)
        self._n_seen = self._n_kept = 0
        # In one piece: small tensors of many batches would keep the memory between them, too.
        self._codes: Any = None
        self._weights: Any = None

    def add(self, codes: Tensor, sample_weight: Tensor | None = None) -> None:
        """Take the codes of a batch; see `CodeMoments.add`."""
        chosen = slice(-self._n_seen % self._stride, None, self._stride)
        weight = codes.new_ones(len(codes)) if sample_weight is None else sample_weight
        if self._codes is None:
            self._codes = codes.new_empty((self._most, codes.shape[1]))
            self._weights = weight.new_empty(self._most)
        some = codes[chosen].detach()
        place = slice(self._n_kept, self._n_kept + len(some))
        self._codes[place], self._weights[place] = some, weight[chosen]
        self._n_seen, self._n_kept = self._n_seen + len(codes), place.stop

    def result(self) -> tuple[Tensor, Tensor]:
        """Return the kept codes, of shape (n_kept, n_components), and their weights."""
        # Of several ranks each sees some of the rows.
        return self._codes[: self._n_kept], self._weights[: self._n_kept]


def _most_codes(n_components: int) -> int:
    return min(_MOST_CODES, -(-_MOST_VALUES // n_components))


def merge_codes(
    first: Kept | None, second: tuple[Tensor, Tensor], seed: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """Return the kept codes and weights of two tables as one sample.

    If they are too many, a random part of them stays. In a stream of tables the codes of older
    weights therefore fade.
    """
    if first is None:
        return second
    codes, weight = (
        torch.cat([_as_tensor(one).to(other), other])
        for one, other in zip(first, second, strict=True)
    )
    most = _most_codes(codes.shape[1])
    if len(codes) > most:
        drawn = np.random.default_rng(seed).choice(len(codes), most, replace=False)
        chosen = torch.as_tensor(drawn).to(codes.device)
        codes, weight = codes[chosen], weight[chosen]
    return codes, weight


def _as_tensor(kept: Tensor | np.ndarray) -> Tensor:
    # Pickles hold arrays, which may be mapped from a file that must not be written.
    return kept if isinstance(kept, torch.Tensor) else torch.tensor(kept)
