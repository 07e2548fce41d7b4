"""Estimators and pipelines from files of either kind."""

import os
import shlex
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skae._extras import require

from ._errors import ModelFileError
from ._model_file import load
from ._trusted_types import trusted_types


def load_estimator(path: str | os.PathLike, trusted: Collection[str] = ()) -> Any:
    """Load an estimator of skae, or a pipeline around one.

    Neither file runs what it holds, unless types in `trusted` do.

    Parameters
    ----------
    path : str or PathLike
        A file of ``skops.io.dump`` if its name ends in ``.skops``, else one of :func:`skae.save`.
    trusted : collection of str, default=()
        Types to trust in a file of skops beside `TRUSTED_TYPES`, by their full names.

    Returns
    -------
    estimator : estimator
        Fitted.

    Raises
    ------
    ModelFileError
        If it is none of :func:`skae.save`, or no estimator of skops.
    NotFittedError
        If the estimator in it is not fitted.
    ImportError
        If it needs skops, which is not installed.
    ValueError
        If `trusted` are no full names of types, or the file is none of skops.
    UntrustedTypesFoundException
        If skops finds types in it that are not trusted.

    See Also
    --------
    skae.load : Loads files of skae alone; it can check a digest and choose a device.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> import skae
    >>> from skae.persistence import load_estimator
    >>> X, _ = load_iris(return_X_y=True)
    >>> ae = skae.AutoencoderTransformer(2, max_iter=10, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = skae.save(ae, Path(folder) / "iris.skae")
    ...     load_estimator(Path(folder) / "iris.skae").transform(X).shape
    (150, 2)
    """
    path = Path(os.fsdecode(path))
    if path.suffix == ".skops":
        return _load_skops(path, trusted)
    if trusted:
        raise ValueError(
            f"{path} is no file of skops, and only those have types to trust. Leave out "
            f"{_as_options(trusted)}."
        )
    return load(path)


def _load_skops(path: Path, trusted: Collection[str]) -> BaseEstimator:
    skops = require("skops.io", "cli")
    for name in trusted:
        if "." not in name.strip("."):
            raise ValueError(
                f"{name!r} is no type to trust: expected its full name, such as "
                f"sklearn.tree._tree.Tree."
            )
    all_trusted = [*trusted_types(), *trusted]
    try:
        estimator = skops.load(path, trusted=all_trusted)
    except skops.exceptions.UntrustedTypesFoundException as error:
        found = [name for name in skops.get_untrusted_types(file=path) if name not in all_trusted]
        error.args = (_untrusted(path, found),)
        raise
    except OSError:
        raise
    except Exception as error:
        # An altered file can raise any of them.
        raise ModelFileError(
            f"{path} cannot be loaded: it is damaged, no file of skops.io.dump, or needs code that "
            f"is not installed ({type(error).__name__}: {error})."
        ) from error
    if not isinstance(estimator, BaseEstimator):
        raise ModelFileError(
            f"{path} holds a {type(estimator).__name__}, expected a fitted estimator."
        )
    check_is_fitted(estimator)
    return estimator


def _untrusted(path: Path, names: list[str]) -> str:
    """Return a message that names the types that are not trusted, and how to trust them."""
    return (
        f"{path} needs types that are not trusted: {', '.join(names)}. With them a file that is "
        f"made for it could run code or crash the process. If you trust its author, name them: "
        f"{_as_options(names)} on the command line, or "
        f"skae.persistence.load_estimator(path, trusted=[...]) in Python."
    )


def _as_options(names: Iterable[str]) -> str:
    """Return names of types as the command line takes them."""
    return " ".join(f"--trust {shlex.quote(name)}" for name in names)
