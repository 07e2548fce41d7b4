"""Estimators as files that are safe to load: a manifest, the arrays that it names, and a digest."""

import hashlib
import json
import os
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load as read_arrays
from safetensors.numpy import save as write_arrays
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

import skae
from skae._atomic import write_atomically

from ._annotation_check import check_fitted
from ._build import build
from ._container import pack, unpack
from ._errors import ModelFileError, errors_of
from ._other_files import is_a_directory, no_such_file, other_kind_of
from ._registry import estimators
from ._tree import DTYPES, TreeReader, TreeWriter

# Raised when files look different, so that a version that does not know them says so.
FORMAT_VERSION = 1
_FORMAT = "skae model"

# Far more than any autoencoder of rows needs; zip archives change beyond it.
_LARGEST_FILE = 2**31 - 1
_LARGEST_MANIFEST, _MOST_BRACKETS = 2**24, 2**20


def save(estimator: BaseEstimator, path: str | os.PathLike) -> str:
    """Write a fitted estimator to a file that is safe to load.

    The file is a zip archive of two members, stored uncompressed: ``manifest.json``, the
    description of the model, and ``weights.safetensors``, its arrays. Nothing in it is a program,
    so that loading it takes less trust in its author than a pickle does. The same model makes the
    same bytes. The file is written as a whole or not at all: if writing fails, the old file stays.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of this package, or the ``encoder_`` or ``decoder_`` of one, of which
        only this half is written.
    path : str or PathLike
        The file to write. By convention its name ends in ``.skae``.

    Returns
    -------
    sha256 : str
        The SHA-256 digest of the file, in hexadecimal digits, for ``expected_sha256`` of
        :func:`load`.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is none of this package, or holds functions or networks of your own.
    ModelFileError
        If it has attributes that its class does not declare, or is too large.

    Warns
    -----
    UserWarning
        If the file leaves out callbacks, random states that are no seeds, a `validation_fraction`
        that is no number, or requests of metadata.

    See Also
    --------
    load : Reads the file.

    Notes
    -----
    A loaded estimator gives the same bits as the saved one on the same machine, and its training
    goes on as that would have. To keep files small, most autoencoders leave out the codes of
    training rows and keep only the Gaussian mixture that `sample` fits on them (the first call of
    `sample` or of `save` takes the time to fit it). If `partial_fit` follows a `fit` from before
    loading, samples, and `active_units_` of a variational autoencoder, follow the later rows alone.

    Pipelines and estimators of other packages go through `skops
    <https://skops.readthedocs.io>`_: ``skops.io.dump(pipeline, path)``, and
    ``skops.io.load(path, trusted=skae.persistence.TRUSTED_TYPES)``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> import skae
    >>> X, _ = load_iris(return_X_y=True)
    >>> ae = skae.AutoencoderTransformer(2, max_iter=10, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     digest = skae.save(ae, Path(folder) / "iris.skae")
    ...     loaded = skae.load(Path(folder) / "iris.skae", expected_sha256=digest)
    >>> bool((loaded.transform(X) == ae.transform(X)).all())
    True
    """
    if type(estimator) not in estimators().values():
        raise TypeError(
            f"estimator must be one of skae's, got {type(estimator).__name__}. Pipelines and "
            f"estimators of other packages, and Windows and Patches, are kept by "
            f"skops.io.dump(estimator, path)."
        )
    check_is_fitted(estimator)
    data, left_out = _to_bytes(estimator)
    if left_out:
        what = " and ".join(sorted(left_out))
        warnings.warn(
            f"A model file does not hold {what}. Set what is still needed again after loading.",
            stacklevel=2,
        )
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def load(
    path: str | os.PathLike,
    expected_sha256: str | None = None,
    device: str | torch.device | None = None,
) -> Any:
    """Read an estimator from a file that :func:`save` wrote.

    Nothing in the file is executed or imported. Before an object is made, its content is checked:
    the digest, the classes (those of this package, by name), the parameters, and the shape and
    type of each array. A file that was altered is refused.

    Parameters
    ----------
    path : str or PathLike
        The file.
    expected_sha256 : str or None, default=None
        Digest of the file, as :func:`save` returned it. The digest inside the file shows that it
        is whole; only a digest that comes another way shows that nobody exchanged the file.
    device : str, torch.device or None, default=None
        Device of the networks: any torch device, or "auto" for a GPU if there is one. None is the
        device that they were on when the file was written, or the CPU where that is absent.

    Returns
    -------
    estimator : estimator
        The fitted estimator.

    Raises
    ------
    ModelFileError
        If this is no model file, was altered, has another digest than expected, or is of a later
        version of the format.
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If there is no such device.

    See Also
    --------
    save : Writes the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> import skae
    >>> X, _ = load_iris(return_X_y=True)
    >>> ae = skae.AutoencoderTransformer(2, max_iter=10, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = skae.save(ae.encoder_, Path(folder) / "encoder.skae")
    ...     encoder = skae.load(Path(folder) / "encoder.skae", device="cpu")
    >>> encoder.transform(X[:5]).shape
    (5, 2)
    """
    try:
        data = _read(path)
        if kind := other_kind_of(path, data):
            raise ModelFileError(f"it is no model file of skae, but seems to be {kind}")
        if expected_sha256 is not None:
            found = hashlib.sha256(data).hexdigest()
            if found != str(expected_sha256).lower():
                raise ModelFileError(f"its SHA-256 is {found}, expected {expected_sha256}")
        return build(_from_bytes(data), len(data), device)
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)!r} cannot be loaded: {error}.") from error


def _read(path: str | os.PathLike) -> bytes:
    try:
        found = os.stat(path)
    except FileNotFoundError as error:
        raise no_such_file(path) from error
    if stat.S_ISDIR(found.st_mode):
        raise is_a_directory(path)
    if not stat.S_ISREG(found.st_mode):
        raise ModelFileError("it is a device or a pipe, expected a file")
    if found.st_size > _LARGEST_FILE:
        raise ModelFileError(f"it has {found.st_size} bytes, expected at most {_LARGEST_FILE}")
    return Path(os.fsdecode(path)).read_bytes()


def _to_bytes(estimator: BaseEstimator) -> tuple[bytes, set[str]]:
    """Return an estimator as a file, and the names of what is left out."""
    writer = TreeWriter()
    model = writer.write(estimator, "model")
    # A file that could not be loaded is not written.
    check_fitted(TreeReader(writer.arrays).read(model))
    weights = write_arrays(writer.arrays)
    manifest = {
        "format": _FORMAT,
        "format_version": FORMAT_VERSION,
        "skae_version": skae.__version__,
        "model": model,
        "arrays": _described(writer.arrays),
    }
    signed = _with_digest(manifest, weights)
    data = pack([signed, weights])
    if len(data) > _LARGEST_FILE or _is_too_large(signed):
        raise ModelFileError(
            f"The model makes a file of {len(data)} bytes, {len(signed)} of them without arrays, "
            f"expected at most {_LARGEST_FILE} and {_LARGEST_MANIFEST}. A long history, as of many "
            f"chunks, may be shortened: del model.net_.history[:-100]."
        )
    return data, writer.left_out


def _from_bytes(data: bytes) -> Any:
    """Return the content of a file as `Stored`, once it was compared with its digest."""
    with errors_of("it is no model file"):
        signed, weights = unpack(data)
        manifest = _parsed(signed)
        if _with_digest(manifest, weights) != signed:
            raise ModelFileError("its content does not have the digest that it states")
        reader = TreeReader(_arrays(manifest["arrays"], weights))
        stored = reader.read(manifest["model"])
        if reader.arrays:
            raise ModelFileError(f"it holds arrays without a place: {', '.join(reader.arrays)}")
        check_fitted(stored)
    return stored


def _described(arrays: dict[str, np.ndarray]) -> dict[str, list]:
    return {name: [array.dtype.name, list(array.shape)] for name, array in arrays.items()}


def _with_digest(manifest: dict[str, Any], weights: bytes) -> bytes:
    """Return a manifest as JSON of a single form, with the digest of itself and of the weights."""
    digest = hashlib.sha256(_as_json({**manifest, "sha256": "0" * 64}))
    digest.update(weights)
    return _as_json({**manifest, "sha256": digest.hexdigest()})


def _as_json(manifest: dict[str, Any]) -> bytes:
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def _parsed(manifest: bytes) -> dict[str, Any]:
    if _is_too_large(manifest):
        raise ModelFileError(f"its manifest is too large: {len(manifest)} bytes")
    parsed = json.loads(manifest)
    if not isinstance(parsed, dict) or parsed.get("format") != _FORMAT:
        raise ModelFileError("it is no model file of skae")
    version = parsed.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"it is of version {version} of the format, and skae {skae.__version__} reads version "
            f"{FORMAT_VERSION}. Install a later skae"
        )
    return parsed


def _is_too_large(manifest: bytes) -> bool:
    """Return whether a manifest has more bytes, or more lists and objects, than any needs."""
    n_brackets = manifest.count(b"[") + manifest.count(b"{")
    return len(manifest) > _LARGEST_MANIFEST or n_brackets > _MOST_BRACKETS


def _arrays(promised: dict[str, list], weights: bytes) -> dict[str, np.ndarray]:
    """Return the arrays, if they are those that the manifest promises."""
    arrays = read_arrays(weights)
    if _described(arrays) != promised or any(v.dtype.name not in DTYPES for v in arrays.values()):
        raise ModelFileError("its arrays are not those that its manifest names")
    return arrays
