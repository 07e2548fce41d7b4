"""Validation of rows and codes, as scikit-learn does it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skae._chunks import rows_in_chunk, slices
from skae._compat import check_same_namespace, get_namespace_and_device, supported_float_dtypes

from ._caller_frame import (
    CallerFrame,
    fitted_frame,
    has_columns,
    holds_single_precision,
    learn_frame,
    names_categories,
)
from ._caller_type import CallerType, caller_type, detached
from ._mapped_files import is_memory_mapped
from ._observed_moments import has_gaps
from ._output_frames import column_names
from ._row_shapes import TakesRows, flatten_rows
from ._table_errors import (
    check_dimensions,
    check_kind,
    check_mask,
    check_names,
    check_no_series,
    check_table,
    counting_from,
    naming_cells,
)
from .sources import is_mapped_without_gaps, source_of, validate_source

_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))

# Up to this many rows, typical requests of a service, validation takes as long as the network.
_FEW_ROWS = 64


def validate_rows(
    estimator: BaseEstimator,
    X: Any,
    method: str,
    network: TakesRows,
    *,
    reset: bool = False,
    ensure_min_samples: int = 1,
    sample_weight: Any = None,
) -> tuple[Any, CallerType]:
    """Return the rows that a method was given as (n_samples, n_features), and the caller's type.

    They are validated as scikit-learn does it, but tensors and mapped files are not converted:
    float32, float64, or the type that the file holds. Images and windows are flattened; the network
    description says whether they are allowed, and of which shape. `reset` sets the number and the
    names of features, which are compared otherwise. Gaps stay NaN where training knows them; after
    a fit without gaps they become the means of their columns. Rows of `sample_weight` zero are not
    looked at for the categories that there are.
    """
    source = source_of(X)
    has_types = names_categories(estimator) if reset else fitted_frame(estimator) is not None
    if source is not None and (has_types or not is_mapped_without_gaps(X)):

        def validate(part: Any, frame: CallerFrame | None) -> tuple[Any, CallerType]:
            check_names(part)
            frame = frame if reset else fitted_frame(estimator)
            return _validate_in_memory(estimator, part, method, network, frame, reset, 1)

        return validate_source(
            estimator, source, validate, reset, ensure_min_samples, sample_weight
        )
    given = detached(X, caller_type(X))
    check_kind(given)
    check_no_series(given)
    check_names(given)
    frame = learn_frame(estimator, given, sample_weight) if reset else fitted_frame(estimator)
    return _validate_in_memory(estimator, X, method, network, frame, reset, ensure_min_samples)


def _validate_in_memory(
    estimator: BaseEstimator,
    X: Any,
    method: str,
    network: TakesRows,
    frame: CallerFrame | None,
    reset: bool,
    ensure_min_samples: int,
) -> tuple[Any, CallerType]:
    """Validate rows of which the columns are known, None for those of numbers alone."""
    caller = caller_type(X)
    given = detached(X, caller)
    if frame is not None:
        return _validate_frame(estimator, given, caller, frame, reset, ensure_min_samples)
    check_table(given)
    if not reset:
        _check_namespace(estimator, X, method)
    name = type(estimator).__name__
    n_features = None if reset else estimator.n_features_in_
    X, caller = flatten_rows(given, caller, network, name, n_features)
    mapped = is_memory_mapped(X)
    in_memory = caller.namespace is None and not mapped and not sparse.issparse(X)
    may_have_gaps = in_memory and _may_have_gaps(estimator, method, reset)
    with naming_cells(given, _cure_of_gaps(estimator, given, caller, in_memory)):
        X = validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=_float_dtypes(X, caller),
            ensure_all_finite="allow-nan" if may_have_gaps else not mapped,
            ensure_min_samples=ensure_min_samples,
        )
        if sparse.issparse(X):
            assert_all_finite(X.data, estimator_name=name, input_name="X")
    if mapped:
        # As validation does it, but a part at a time.
        for part in slices(len(X), rows_in_chunk(X.shape[1])):
            with counting_from(part.start), naming_cells(np.array(X[part])):
                assert_all_finite(X[part], estimator_name=name, input_name="X")
    if may_have_gaps and has_gaps(X):
        X, caller = _with_gaps(X, caller, estimator, reset)
    return caller.from_caller(X), caller


def _cure_of_gaps(estimator: BaseEstimator, X: Any, caller: CallerType, in_memory: bool) -> str:
    """Return what to do about gaps where rows may have none."""
    needs_all = estimator._why_no_gaps()
    if needs_all is not None:
        return f"{needs_all} takes no gaps: fill them, for example with SimpleImputer"
    if in_memory:
        return "The rows of fit had none: fill them, for example with SimpleImputer, or fit anew"
    cure = "X.toarray()" if sparse.issparse(X) else "an array of NumPy"
    return f"Gaps are taken in dense tables in memory: give {cure}, fill them"


def _may_have_gaps(estimator: BaseEstimator, method: str, reset: bool) -> bool:
    """Return whether rows of numbers may have gaps.

    After a fit without gaps new rows to train on may not, and others where means are known.
    """
    if reset:
        return estimator._why_no_gaps() is None
    if fitted_means(estimator) is not None:
        return True
    return method not in ("fit", "partial_fit") and estimator._fills_gaps


def _with_gaps(
    X: np.ndarray, caller: CallerType, estimator: BaseEstimator, reset: bool
) -> tuple[np.ndarray, CallerType]:
    """Return rows in which gaps stay, or are the means of their columns if training knows none."""
    _check_not_empty(X)
    if reset:
        empty = np.flatnonzero(np.isnan(X).all(axis=0))
        if len(empty):
            name = column_names(estimator, X.shape[1])[empty[0]]
            raise ValueError(f"Column {name!r} has no value in any row. Leave it out, or fill it.")
    if reset or fitted_means(estimator) is not None:
        return X, replace(caller, has_gaps=True)
    return _with_means(X, detached(estimator.mean_)), caller


def _with_means(X: np.ndarray, means: np.ndarray) -> Any:
    """Return rows in which a gap is the mean of its column, which says nothing of the row."""
    return np.where(np.isnan(X), means.astype(X.dtype), X)


def fitted_means(estimator: BaseEstimator) -> np.ndarray | None:
    """Return the means of the columns of rows of numbers with gaps, None if `fit` saw none."""
    return vars(estimator).get("_means")


def _check_not_empty(X: np.ndarray) -> None:
    empty = np.flatnonzero(np.isnan(X).all(axis=1))
    if len(empty):
        raise ValueError(
            f"Row {empty[0]} of X, counted from 0, has no value in any column. Leave such rows out."
        )


def _validate_frame(
    estimator: BaseEstimator,
    X: Any,
    caller: CallerType,
    frame: CallerFrame,
    reset: bool,
    ensure_min_samples: int,
) -> tuple[np.ndarray, CallerType]:
    """Return a table with columns of several types as codes and numbers, NaN where it has gaps."""
    check_dimensions(X)
    check_mask(X, "X")
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    encoded, frame = frame.read(X)
    encoded = check_array(
        encoded,
        ensure_all_finite="allow-nan",
        ensure_min_samples=ensure_min_samples,
        estimator=estimator,
        input_name="X",
    )
    _check_not_empty(encoded)
    return encoded, replace(caller, frame=frame)


def validate_new_rows(estimator: BaseEstimator, X: Any, method: str) -> tuple[Any, CallerType]:
    """Validate rows for an estimator that must be fitted; see `validate_rows`."""
    if _needs_no_validation(estimator, X):
        return X, CallerType()
    check_is_fitted(estimator, "net_")
    return validate_rows(estimator, X, method, estimator.network_)


def validate_table(
    estimator: BaseEstimator,
    X: Any,
    network: TakesRows,
    *,
    reset: bool,
    ensure_min_samples: int,
    columns: BaseEstimator | CallerFrame | None = None,
    means: np.ndarray | None = None,
    sample_weight: Any = None,
) -> tuple[Any, CallerType]:
    """Validate rows for an estimator that works with NumPy's arrays; see `validate_rows`.

    Returns an array or CSR matrix of float32 or float64, and the type of the table. `columns` are
    those that `fit` has seen or, in `fit`, an estimator whose parameters tell which are
    categories; rows of `sample_weight` zero are not looked at for these. Gaps in a table of numbers
    are filled with `means`, where these are given.
    """
    given, caller = detached(X), CallerType()
    check_kind(given)
    check_no_series(given)
    check_names(given)
    frame = columns
    if isinstance(columns, BaseEstimator):
        frame = learn_frame(columns, given, sample_weight)
    if frame is not None:
        return _validate_frame(estimator, given, caller, frame, reset, ensure_min_samples)
    check_table(given)
    n_features = None if reset else estimator.n_features_in_
    X, caller = flatten_rows(given, caller, network, type(estimator).__name__, n_features)
    with naming_cells(given):
        X = validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=_FLOATS,
            ensure_all_finite=True if means is None else "allow-nan",
            ensure_min_samples=ensure_min_samples,
        )
        if sparse.issparse(X):
            assert_all_finite(X.data, estimator_name=type(estimator).__name__, input_name="X")
    if means is None or sparse.issparse(X) or not np.isnan(X).any():
        return X, caller
    _check_not_empty(X)
    return _with_means(X, means), caller


def validate_codes(estimator: BaseEstimator, X: Any, method: str) -> tuple[Any, CallerType]:
    """Validate codes for an estimator that must be fitted; see `validate_rows`."""
    check_is_fitted(estimator, "net_")
    _check_namespace(estimator, X, method)
    caller = caller_type(X)
    X = detached(X, caller)
    return caller.from_caller(_checked_codes(X, _float_dtypes(X, caller))), caller


def validate_code_table(X: Any) -> np.ndarray:
    """Validate codes for an estimator that works with NumPy's arrays; see `validate_table`."""
    return _checked_codes(detached(X), _FLOATS)


def _checked_codes(X: Any, dtype: Any) -> Any:
    check_table(X)
    with naming_cells(X):
        return check_array(X, dtype=dtype, input_name="X")


def _needs_no_validation(estimator: BaseEstimator, X: Any) -> bool:
    """Return whether these are a few clean rows, which validation would return as they are."""
    fitted = vars(estimator)
    return (
        type(X) is np.ndarray
        and X.dtype in _FLOATS
        and X.ndim == 2
        and 0 < len(X) <= _FEW_ROWS
        and "net_" in fitted
        and X.shape[1] == fitted["n_features_in_"]
        and type(fitted["mean_"]) is np.ndarray
        and "feature_names_in_" not in fitted
        and fitted_frame(estimator) is None
        and bool(np.isfinite(X).all())
    )


def _float_dtypes(X: Any, caller: CallerType) -> Any:
    """Return the types that are kept, the first of them for all others."""
    if caller.namespace is not None:
        found = supported_float_dtypes(caller.namespace, caller.device)
        return [dtype for dtype in found if "float16" not in str(dtype)]
    if is_memory_mapped(X):
        # Converting here would read the whole file; rows are converted as they are read.
        return "numeric"
    # scikit-learn asks the columns of pandas alone for their types.
    asks = not has_columns(X) or isinstance(X, pd.DataFrame)
    return _FLOATS if asks or not holds_single_precision(X) else np.float32


def _check_namespace(estimator: BaseEstimator, X: Any, method: str) -> None:
    """Refuse arrays of another library than in `fit`; NumPy and torch go together."""
    if not get_config()["array_api_dispatch"]:
        return
    namespaces = [get_namespace_and_device(array)[0] for array in (X, estimator.mean_)]
    names = {namespace.__name__.split(".")[-1] for namespace in namespaces}
    if not names <= {"numpy", "torch"}:
        check_same_namespace(X, estimator, attribute="mean_", method=method)
