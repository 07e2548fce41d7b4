"""What data comes in as, and how results leave as the same: arrays, tensors, mapped files."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn import get_config
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skae._chunks import rows_in_chunk, slices
from skae._compat import (
    check_same_namespace,
    check_sample_weight,
    get_namespace_and_device,
    move_to,
    supported_float_dtypes,
)

from ._mapped_files import is_memory_mapped
from ._row_shapes import flatten_rows
from ._table_errors import check_table, naming_cells

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))

# Up to this many rows, as a service answers them, validation takes as long as the network.
_FEW_ROWS = 64


@dataclass(frozen=True)
class Container:
    """The kind of array that the caller works with.

    Parameters
    ----------
    namespace : module or None, default=None
        Its array API namespace; None for NumPy and whatever becomes NumPy's.
    device : object, default=None
        Where its arrays are.
    row_shape : tuple of int or None, default=None
        Shape of a row in an array of more than two dimensions; None in a table.
    """

    namespace: object = None
    device: object = None
    row_shape: tuple | None = None

    def open(self, X):
        """Return validated data as they are, or, of another library, as torch's on the CPU."""
        if self.namespace is None or isinstance(X, torch.Tensor):
            return X
        return move_to(X, xp=get_namespace_and_device(torch.empty(0))[0], device="cpu")

    def close(self, result):
        """Return a tensor as the caller's kind of array, where the caller's arrays are."""
        if self.namespace is None:
            return result.cpu().numpy()
        return move_to(result, xp=self.namespace, device=self.device)

    def close_rows(self, rows):
        """Return a tensor of rows in the shape that the caller's have; see `close`."""
        if self.row_shape is not None:
            rows = rows.view(len(rows), *self.row_shape)
        return self.close(rows)


def container_of(X):
    """Return what the caller works with: NumPy, unless array API dispatch is switched on."""
    if get_config()["array_api_dispatch"]:
        namespace, is_array, device = get_namespace_and_device(X)
        if is_array and "numpy" not in namespace.__name__:
            return Container(namespace, device)
    return Container()


def as_tensor(fitted):
    """Return a fitted array as a tensor, whatever library it is of."""
    if isinstance(fitted, np.ndarray):
        # A copy, as the array may be mapped from a file that must not be written.
        return torch.from_numpy(fitted.copy())
    return torch.from_dlpack(fitted)


def validate_rows(estimator, X, method, *, reset=False, ensure_min_samples=1):
    """Validate rows as scikit-learn does; keep tensors and mapped files what they are.

    Parameters
    ----------
    estimator : BaseEstimator
        Whose number and names of features are set or compared.
    X : {array-like, sparse matrix, tensor}
        The rows.
    method : str
        The method that was called, for errors.
    reset : bool, default=False
        Whether to set them.
    ensure_min_samples : int, default=1
        Rows that are needed.

    Returns
    -------
    X : ndarray, CSR matrix or tensor of shape (n_samples, n_features)
        The rows, flattened if they are images or windows: float32, float64, or what a mapped
        file holds.
    container : Container
        What results are to be returned as.

    Raises
    ------
    TypeError
        If `X` is no table.
    """
    container = container_of(X)
    given = detached(X, container)
    check_table(given)
    if not reset:
        _check_namespace(estimator, X, method)
    X, container = flatten_rows(estimator, given, container, reset)
    with naming_cells(given):
        X = validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=_float_dtypes(X, container),
            ensure_all_finite=not is_memory_mapped(X),
            ensure_min_samples=ensure_min_samples,
        )
    if is_memory_mapped(X):
        # As validation does it, but a part at a time.
        for part in slices(len(X), rows_in_chunk(X.shape[1])):
            assert_all_finite(X[part], estimator_name=type(estimator).__name__, input_name="X")
    return container.open(X), container


def validate_new_rows(estimator, X, method):
    """Validate rows for a fitted estimator; see `validate_rows`.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator, which may turn out not to be fitted.
    X : {array-like, sparse matrix, tensor}
        The rows.
    method : str
        The method that was called, for errors.
    """
    if _needs_no_validation(estimator, X):
        return X, Container()
    check_is_fitted(estimator, "net_")
    return validate_rows(estimator, X, method)


def validate_codes(estimator, X, method):
    """Validate codes for a fitted estimator; see `validate_rows`."""
    check_is_fitted(estimator, "net_")
    _check_namespace(estimator, X, method)
    container = container_of(X)
    X = detached(X, container)
    check_table(X)
    with naming_cells(X):
        X = check_array(X, dtype=_float_dtypes(X, container), input_name="X")
    return container.open(X), container


def validate_weight(sample_weight, X):
    """Return the weights of validated rows as float64, where the rows are.

    Parameters
    ----------
    sample_weight : array-like or tensor of shape (n_samples,)
        The weights.
    X : {ndarray, CSR matrix, tensor} of shape (n_samples, n_features)
        What `validate_rows` returned.
    """
    if isinstance(sample_weight, str):
        raise ValueError(
            f"sample_weight must hold a number for each row, or be None, got {sample_weight!r}."
        )
    if isinstance(sample_weight, list | tuple):
        sample_weight = np.asarray(sample_weight)
    sample_weight = detached(sample_weight, container_of(X))
    return check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)


def _needs_no_validation(estimator, X):
    """Whether these are a few clean rows, which validation would return as they are."""
    fitted = vars(estimator)
    return (
        type(X) is np.ndarray
        and X.dtype in FLOATS
        and X.ndim == 2
        and 0 < len(X) <= _FEW_ROWS
        and "net_" in fitted
        and X.shape[1] == fitted["n_features_in_"]
        and type(fitted["mean_"]) is np.ndarray
        and "feature_names_in_" not in fitted
        and bool(np.isfinite(X).all())
    )


def detached(X, container=Container()):
    """Return a tensor without its graph, and, where NumPy is wanted, as an array."""
    if not isinstance(X, torch.Tensor):
        return X
    X = X.detach()
    if container.namespace is not None:
        return X
    X = X.cpu()
    return (X.double() if X.dtype == torch.bfloat16 else X).numpy()


def _float_dtypes(X, container):
    """Return the types that are kept, the first of them for all others."""
    if container.namespace is not None:
        found = supported_float_dtypes(container.namespace, container.device)
        return [dtype for dtype in found if "float16" not in str(dtype)]
    if is_memory_mapped(X):
        # Converting here would read the whole file; rows are converted as they are read.
        return "numeric"
    return FLOATS


def _check_namespace(estimator, X, method):
    """Refuse arrays of another library than in `fit`; NumPy and torch go together."""
    if not get_config()["array_api_dispatch"]:
        return
    namespaces = [get_namespace_and_device(array)[0] for array in (X, estimator.mean_)]
    names = {namespace.__name__.split(".")[-1] for namespace in namespaces}
    if not names <= {"numpy", "torch"}:
        check_same_namespace(X, estimator, attribute="mean_", method=method)
