"""A fitted outlier detector as one torch module to export, from raw rows to each of its answers.

Here alone graphs read what a detector has learned.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skae.detection import (
    AutoencoderOutlierDetector,
    Calibration,
    ColumnAnswers,
    EnsembleScores,
    rows_needed,
    share_of,
)
from skae.tables import fitted_frame

from ._autoencoder_modules import AutoencoderModule, ColumnBounds, autoencoder_module
from ._gaussian_fill import GaussianFill


class DetectorModule(nn.Module):
    """Codes, reconstructions, scores and p-values of a fitted detector, which stays as it is.

    `single` means the same as for an `AutoencoderModule`.
    """

    def __init__(self, detector: AutoencoderOutlierDetector, single: bool = False):
        super().__init__()
        scaling = detector._scaling
        self.scale, self.shift = _buffer(scaling.scale), _buffer(scaling.shift)
        self.rounding = _buffer(scaling._rounding)
        # Infinite where cells may lie as far outside as they do.
        self.low, self.high = _buffer(scaling._low), _buffer(scaling._high)
        self.means = _buffer(scaling.means)
        takes_columns = detector.estimators_[0]._why_only_numbers() is None
        self.fills_gaps = takes_columns and fitted_frame(detector) is None
        members = [autoencoder_module(one, single) for one in detector.estimators_]
        self.members: Any = nn.ModuleList(members)
        self.scores: EnsembleScores | None = None
        if detector._scores[0].is_of_values:
            left_out = detector._folds.left_out.tolist()
            self.scores = EnsembleScores(detector._scores, left_out, detector._reference)
        self.calibration = CalibrationModule(detector._calibration)

    def codes(self, X: Tensor) -> Tensor:
        """Return the codes of all members, side by side, in the dtype of the rows."""
        Z = self._standardized(X)
        return torch.cat([member.codes(Z) for member in self.members], dim=1)

    def reconstruction(self, X: Tensor) -> Tensor:
        """Return the mean of the members' reconstructions."""
        Z = self._standardized(X)
        rows = torch.stack([member.reconstruction(Z) for member in self.members])
        rows = (rows.mean(dim=0) - self.shift) * self.scale
        return rows.to(X.dtype).unflatten(1, X.shape[1:])

    def score(self, X: Tensor) -> Tensor:
        """Return how ordinary rows are, in float64."""
        return -self._unusual(X).mean(dim=0)

    def p_value(self, X: Tensor) -> Tensor:
        """Return how often an ordinary row would be at least as unusual, in float64."""
        return self.calibration(self._unusual(X))

    def _unusual(self, X: Tensor) -> Tensor:
        """Return how unusual rows are to each member, of shape (n_members, n_samples)."""
        Z = self._standardized(X)
        if self.scores is None:
            return torch.stack([-member.score(Z) for member in self.members])
        Z = self._completed(Z)
        return self.scores(self._values(Z), Z.double())

    def _values(self, Z: Tensor) -> list[Tensor]:
        """Return what the scores of each member are made of, in float64."""
        return [_values(member, Z) for member in self.members]

    def _completed(self, Z: Tensor) -> Tensor:
        """Return rows without gaps."""
        return Z

    def _standardized(self, X: Tensor) -> Tensor:
        # Rows may be images or windows.
        X = X.flatten(1)
        if self.fills_gaps:
            X = torch.where(X.isnan(), self.means.to(X.dtype), X)
        Z = X.double() / self.scale + self.shift
        Z = torch.where(Z.abs() <= self.rounding, 0.0, Z)
        # NaN stays NaN: maxima and minima of runtimes may drop it.
        inside = torch.minimum(torch.maximum(Z, self.low), self.high)
        return torch.where(Z.isnan(), Z, inside).to(X.dtype)


class ColumnDetectorModule(DetectorModule):
    """The same of a table with columns of several types or with gaps, whose rows are float64.

    Scores are those of rows whose gaps are filled, as by `completed` of the detector.
    """

    def __init__(self, detector: AutoencoderOutlierDetector, single: bool = False):
        super().__init__(detector, single)
        columns: Any = detector._reference.columns
        frame: Any = fitted_frame(detector)
        self.column_values: Any = columns.values
        self.gaussian, self.telling = GaussianFill(columns.gaussian), nn.Buffer(columns.telling)
        tables: list[Any] = [one._mixed for one in detector.estimators_]
        self.bounds = ColumnBounds(frame.schema)
        losses = [member.objective.heads[0].loss for member in self.members]
        self.answers = ColumnAnswers(losses, tables)

    def codes(self, X: Tensor) -> Tensor:
        """Return the codes of all members, side by side, in the dtype of the rows."""
        return super().codes(X).to(X.dtype)

    def reconstruction(self, X: Tensor) -> Tensor:
        """Return the numbers and the likeliest categories that the members answer on average."""
        rows = (self._answered(self._standardized(X)) - self.shift) * self.scale
        return self.bounds(rows).to(X.dtype)

    def _standardized(self, X: Tensor) -> Tensor:
        return super()._standardized(X.double())

    def _values(self, Z: Tensor) -> list[Tensor]:
        answered = [member.codes_and_output(Z) for member in self.members]
        codes, outputs, scaled = zip(*answered, strict=True)
        residuals = self.answers.residuals(torch.stack(outputs), torch.stack(scaled))
        numbers = Z.index_select(1, self.answers.numbers)
        of_members = zip(residuals, codes, strict=True)
        return [torch.cat([one, of_one.double(), numbers], dim=1) for one, of_one in of_members]

    def _completed(self, Z: Tensor) -> Tensor:
        missing, numbers = Z.isnan(), self.answers.numbers
        values, of_values = self.column_values(Z), self.column_values.missing(Z)
        values, of_values = (one.index_select(1, self.telling) for one in (values, of_values))
        values = self.gaussian(values, of_values)
        is_gap, known = (one.index_select(1, numbers) for one in (missing, Z))
        guess = Z.clone()
        guess[:, numbers] = torch.where(is_gap, values[:, : len(numbers)], known)
        return torch.where(missing, self._answered(guess), Z)

    def _answered(self, Z: Tensor) -> Tensor:
        """Return the mean answers of the members, with the codes of the likeliest categories."""
        outputs = torch.stack([member.codes_and_output(Z)[1] for member in self.members])
        # The losses of columns leave numbers as they are.
        return self.answers.losses.to_data(self.answers.shares(outputs).mean(dim=0))


def detector_module(detector: AutoencoderOutlierDetector, single: bool = False) -> DetectorModule:
    """Return the module of a fitted detector."""
    kind = DetectorModule if fitted_frame(detector) is None else ColumnDetectorModule
    return kind(detector, single)


class CalibrationModule(nn.Module):
    """P-values of rows, by how unusual held-out rows are.

    Scores that differ by nothing but rounding are equal, as in `Calibration`.
    """

    def __init__(self, calibration: Calibration):
        super().__init__()
        self.groups: Any = nn.ModuleList(_HeldOut(*group) for group in calibration._groups)
        self.n_rows = len(calibration)

    def forward(self, unusual: Tensor) -> Tensor:
        """Return a tensor of shape (n_samples,) for one of shape (n_members, n_samples)."""
        at_least = torch.stack([group(unusual) for group in self.groups]).sum(dim=0)
        total = sum(group.above[0] for group in self.groups)
        return (1 + self.n_rows * at_least / total) / (1 + self.n_rows)


class _HeldOut(nn.Module):
    """Held-out rows that the same members have not seen."""

    def __init__(self, members: np.ndarray, unusual: np.ndarray, above: np.ndarray):
        super().__init__()
        self.n_levels = len(unusual).bit_length()
        # A search by halves needs one row less than a power of two.
        padding = np.full(2**self.n_levels - 1 - len(unusual), np.inf)
        self.members, self.above = _buffer(members), _buffer(above)
        self.unusual = _buffer(np.r_[unusual, padding])

    def forward(self, unusual: Tensor) -> Tensor:
        """Return the total weight of the held-out rows that are at least as unusual as each row."""
        unusual = unusual[self.members].mean(dim=0)
        least = unusual - Calibration.ROUNDING * unusual.abs()
        # ONNX has no searchsorted.
        below = torch.zeros_like(unusual, dtype=torch.int64)
        for level in reversed(range(self.n_levels)):
            further = below + 2**level
            below = torch.where(self.unusual[further - 1] < least, further, below)
        return self.above[below]


def _values(member: AutoencoderModule, Z: Tensor) -> Tensor:
    """Return the residual, the code and the row itself of rows, side by side."""
    codes = member.codes(Z)
    residual = Z.double() - member.rows(codes, Z).double()
    return torch.cat([residual, codes.double(), Z.double()], dim=1)


def _buffer(values: Any) -> nn.Buffer:
    return nn.Buffer(torch.tensor(np.asarray(values)))


def offset_for(detector: AutoencoderOutlierDetector, scores: np.ndarray) -> float:
    """Return the threshold for a detector if ordinary rows score this in a quantized graph.

    The detector was not trained on these rows; its contamination is the share of them below the
    threshold.
    """
    level = detector._level
    if len(scores) < rows_needed(level):
        raise ValueError(
            f"quantize=True finds the threshold anew, from the scores of X_sample: contamination="
            f"{share_of(level)} needs at least {rows_needed(level)} rows, X_sample has "
            f"{len(scores)}. Give ordinary rows that the detector was not trained on, a few "
            f"hundred of them."
        )
    calibration = Calibration()
    calibration.add(np.array([0]), -scores[:, None], np.ones(len(scores)))
    return -calibration.threshold(level)
