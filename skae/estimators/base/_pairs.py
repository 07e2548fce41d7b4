"""The table and the start of an autoencoder that learns from pairs of rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy import sparse

from skae.networks import Autoencoder, start_linear_path
from skae.objectives import ColumnLosses, Loss
from skae.tables import (
    MixedTable,
    NumericTable,
    ScaledRows,
    TargetRows,
    check_mask,
    columns_that_are_not_numeric,
    detached,
    is_memory_mapped,
    source_of,
)

from ._link_start import means_of
from ._mixed_start import learn_mixed_table

# Strength of the normal prior on a coefficient: its precision for each row of weight one.
_PRIOR = 1e-3


def pairs_of(X: Any, y: Any) -> Any:
    """Return `y` if it holds what each row of `X` should become, None if it is of another use.

    Numbers that are neither that nor one for each row are refused.
    """
    if _is_read_in_parts(y) or (_is_read_in_parts(X) and len(_shape(y)) > 1):
        raise ValueError(
            "Pairs of rows, fit(X, y), are taken of two tables in memory, or of two arrays that "
            "are mapped from files: numpy.load(file, mmap_mode='r'). Read X and y first."
        )
    if says_what_rows_become(X, y):
        check_mask(y, "y")
        return y
    shape = _shape(y)
    if len(shape) > 1 and max(shape[1:]) > 1 and shape != _shape(X) and _kind(y) == "f":
        raise ValueError(
            f"y has the shape {shape}, expected that of X, {_shape(X)}, for pairs of rows and what "
            f"they should become. Labels for later steps, one for each row, are ignored."
        )
    return None


def _is_read_in_parts(table: Any) -> bool:
    """Return whether a table is a source other than an array that is mapped from a file."""
    if isinstance(table, list | tuple):
        # Words are labels.
        return bool(table) and all(str(one).endswith(".parquet") for one in table)
    return not is_memory_mapped(table) and source_of(table) is not None


def says_what_rows_become(X: Any, y: Any) -> bool:
    """Return whether `y` holds numbers in the shape of `X`, other than those of `X`.

    Truth values are labels, and so are whole numbers that are all zero or one, as those of
    scikit-learn's indicators.
    """
    if y is X or _is_read_in_parts(y) or len(_shape(y)) < 2 or _shape(y) != _shape(X):
        return False
    kind = _kind(y)
    if kind not in "iuf":
        return False
    if sparse.issparse(X) or sparse.issparse(y):
        return not (sparse.issparse(X) and sparse.issparse(y) and abs(X - y).max() == 0)
    if is_memory_mapped(X) or is_memory_mapped(y):
        # Files may be larger than memory: nobody compares them.
        return True
    X, y = np.asarray(detached(X)), np.asarray(detached(y))
    if kind in "iu" and y.max() <= 1 and y.min() >= 0:
        return False
    # A y equal to X asks for what happens anyway.
    are_numbers = X.dtype.kind in "biuf" and y.dtype.kind in "iuf"
    return not (are_numbers and np.allclose(X, y, equal_nan=True))


def _shape(values: Any) -> tuple[int, ...]:
    if isinstance(values, list | tuple):
        try:
            return np.shape(values)
        except ValueError:
            return ()
    return tuple(getattr(values, "shape", ()))


def _kind(values: Any) -> str:
    """Return the kind of cells of an array or a table; nullable numbers are floats."""
    if sparse.issparse(values):
        return values.dtype.kind
    cells = np.asarray(detached(values))
    if cells.dtype == object and hasattr(type(values), "columns"):
        return "O" if columns_that_are_not_numeric(values) else "f"
    return cells.dtype.kind


def learn_target_table(target: TargetRows, weight: Any, loss: Loss) -> NumericTable | MixedTable:
    """Return the table of the second rows of pairs, which may have another unit than the first."""
    if target.schema is not None:
        return learn_mixed_table(target.Y, weight, target.schema, loss)
    how = {"centered": loss.centered, "scaled": loss.scaled}
    table, _ = NumericTable.learn(target.Y, weight, target.has_gaps, **how)
    return replace(table, center=table.mean.numpy())


@torch.no_grad()
def start_at_targets(
    autoencoder: Autoencoder,
    rows: ScaledRows,
    targets: ScaledRows,
    sample_weight: Any,
    loss: Loss | ColumnLosses,
) -> None:
    """Set the decoder's linear path to the regression of targets on the codes of the rows.

    With an encoder that starts at PCA this is principal component regression. Gaps in targets count
    as their mean. A normal prior on the coefficients keeps those of codes without variance small.
    """
    weight = torch.ones(len(rows)) if sample_weight is None else torch.as_tensor(sample_weight)
    weight = weight.double().cpu()[:, None] / len(rows)
    layer, means = next(autoencoder.parameters()), means_of(targets, sample_weight)
    n_components = len(autoencoder.code_mean)
    squares = torch.zeros(n_components + 1, n_components + 1, dtype=torch.float64)
    products = torch.zeros(n_components + 1, len(means), dtype=torch.float64)
    autoencoder.eval()
    for selection, x in rows.chunks():
        codes = autoencoder.latent(autoencoder.encoder(x.cpu().to(layer))).double()
        inputs = torch.cat([codes, codes.new_ones(len(codes), 1)], dim=1)
        deviations = (targets[selection].cpu().double() - means).nan_to_num(nan=0.0)
        squares += inputs.T @ (weight[selection] * inputs)
        products += inputs.T @ (weight[selection] * deviations)
    autoencoder.train()
    squares.diagonal()[:n_components] += _PRIOR
    coefficients = torch.linalg.solve(squares, products)
    linear, intercept = loss.linear_output(coefficients[:-1].T, means + coefficients[-1])
    start_linear_path(autoencoder.decoder, linear.numpy(), intercept.numpy())
