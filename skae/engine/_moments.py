"""Mean and variance of the codes of a table, and a sample of them."""

import numpy as np
import torch

# Size of the sample: codes at most, and values at most, so that models stay small.
_MOST_CODES, _MOST_VALUES = 5000, 2**19


class CodeMoments:
    """Weighted mean and variance of each code, summed up batch by batch on the device."""

    def __init__(self):
        self._total = self._first = self._second = self._largest = 0.0
        self._shift = None

    def add(self, codes, sample_weight=None, spread=0.0):
        """Take the codes of a batch.

        Parameters
        ----------
        codes : tensor of shape (n_samples, n_components)
            As the latent gives them.
        sample_weight : tensor of shape (n_samples,) or None, default=None
            Weights of the rows.
        spread : {float, tensor of shape (n_samples, n_components)}, default=0.0
            Variance around each of them, which adds to that of all.
        """
        self._eps = torch.finfo(codes.dtype).eps
        codes = codes.detach().to(_exact(codes.device))
        if self._shift is None:
            self._shift = codes.mean(dim=0)
        codes = codes - self._shift
        weight = codes.new_ones(len(codes)) if sample_weight is None else sample_weight.to(codes)
        self._total += weight.sum()
        self._first += weight @ codes
        self._second += weight @ (codes.square() + spread)
        self._largest = torch.maximum(codes.abs().amax(dim=0), torch.as_tensor(self._largest))

    def result(self):
        """Return what the batches have in common.

        Returns
        -------
        weight : float
            Number of rows.
        mean, variance : ndarray of shape (n_components,)
            In float64. The variance of a code that does not vary is exactly zero.
        """
        mean = self._first / self._total
        variance = (self._second / self._total - mean.square()).clamp_(min=0)
        # The deviation of a constant code is rounding. Divided by it, the code would be noise.
        rounding = self._eps * (self._shift.abs() + self._largest)
        variance[variance.sqrt() <= 10 * rounding] = 0.0
        mean = self._shift + mean
        return float(self._total), *(m.cpu().double().numpy() for m in (mean, variance))


class SomeCodes:
    """Every so many rows' codes, up to a number, as a picture of how codes are spread.

    Parameters
    ----------
    n_rows, n_components : int
        Rows of the table, and width of the code.
    """

    def __init__(self, n_rows, n_components):
        self._stride = -(-n_rows // _most_codes(n_components))
        self._seen, self._kept = 0, []

    def add(self, codes, sample_weight=None):
        """Take the codes of a batch; see `CodeMoments.add`."""
        chosen = slice(-self._seen % self._stride, None, self._stride)
        weight = codes.new_ones(len(codes)) if sample_weight is None else sample_weight
        self._kept.append((codes[chosen].detach().clone(), weight[chosen].clone()))
        self._seen += len(codes)

    def result(self):
        """Return what was kept.

        Returns
        -------
        codes : tensor of shape (n_kept, n_components)
            As the latent gives them, where it gave them.
        weight : tensor of shape (n_kept,)
            Their weights.
        """
        return tuple(torch.cat(kept) for kept in zip(*self._kept, strict=True))


def _most_codes(n_components):
    return min(_MOST_CODES, -(-_MOST_VALUES // n_components))


def _exact(device):
    # Apple's GPUs have no double precision.
    return torch.float32 if device.type == "mps" else torch.float64


def merge_codes(first, second, seed):
    """Return the codes that are kept of two tables together.

    If they are too many, chance says which ones go. In a stream of tables the older ones
    therefore fade, whose codes come from older weights.

    Parameters
    ----------
    first : tuple or None
        Codes and weights of one table, from `SomeCodes.result`; None for an empty one.
    second : tuple
        The same for the other.
    seed : tuple of int
        Of that choice.
    """
    if first is None:
        return second
    codes, weight = (
        torch.cat([_as_tensor(one).to(other), other])
        for one, other in zip(first, second, strict=True)
    )
    most = _most_codes(codes.shape[1])
    if len(codes) > most:
        chosen = np.random.default_rng(seed).choice(len(codes), most, replace=False)
        chosen = torch.as_tensor(chosen).to(codes.device)
        codes, weight = codes[chosen], weight[chosen]
    return codes, weight


def _as_tensor(kept):
    # Pickles hold arrays, which may be mapped from a file that must not be written.
    return kept if isinstance(kept, torch.Tensor) else torch.tensor(kept)
