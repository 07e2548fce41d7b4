"""Estimators as files that are safe to load: the manifest, what it promises, and the weights."""

import hashlib
import json
import math
import os
import warnings

import numpy as np
from safetensors.numpy import load as read_arrays
from safetensors.numpy import save as write_arrays
from sklearn.utils.validation import check_is_fitted

import skae

from ._atomic import write_atomically
from ._build import build
from ._container import pack, unpack
from ._errors import ModelFileError
from ._registry import ESTIMATORS
from ._schema import check_fitted
from ._tree import TreeWriter, decode

# Raised when files look different, so that a version that does not know them says so.
FORMAT_VERSION = 1
_FORMAT = "skae model"

# Far more than any autoencoder of rows needs; zip archives change beyond it.
_LARGEST_FILE = 2**31 - 1
_LARGEST_MANIFEST = 2**26


def save(estimator, path):
    """Write a fitted estimator to a file that is safe to load.

    The file is a zip archive of two members, stored uncompressed: ``manifest.json``, which says
    what the model is, and ``weights.safetensors``, its arrays. Nothing in it is a program, so
    that whoever loads it need not trust who wrote it as far as with a pickle. The same model
    makes the same bytes. The file is written as a whole or not at all: if writing fails, what was
    there stays.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of this package, or the ``encoder_`` or ``decoder_`` of one, of which
        only this half is written.
    path : str or PathLike
        Where. By convention the name ends in ``.skae``.

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
        If it is none of this package, or holds what such files cannot: functions, and networks of
        your own.
    ModelFileError
        If it has attributes that estimators of its class do not have, or is too large.

    Warns
    -----
    UserWarning
        If something is left out that only training would use: callbacks, and random states that
        are no seeds.

    See Also
    --------
    load : Reads the file.

    Notes
    -----
    Everything that the estimator answers after loading has the same bits on the same machine, and
    training goes on as it would have. One thing is left behind to keep files small: of the codes of
    training rows, from which `sample` of most autoencoders finds the Gaussian mixture that it
    draws from, a file holds that mixture only (the first call of `sample` or of `save` takes the
    time to find it). If `partial_fit` follows a `fit` from before loading, samples are like the
    later rows.

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
    if type(estimator) not in ESTIMATORS.values():
        raise TypeError(
            f"estimator must be one of skae's, got {type(estimator).__name__}. Pipelines and "
            f"estimators of other packages are kept by skops.io.dump(estimator, path)."
        )
    check_is_fitted(estimator)
    data, left_out = _to_bytes(estimator)
    if left_out:
        what = " and ".join(sorted(left_out))
        warnings.warn(
            f"A model file does not hold {what}, which only training uses: set them again after "
            f"loading, before training goes on.",
            stacklevel=2,
        )
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def load(path, expected_sha256=None, device=None):
    """Read an estimator from a file that :func:`save` wrote.

    Nothing in the file is executed or imported, and nothing is made of it before all that it says
    was compared: the digest of its content, the classes (those of this package, by name), the
    parameters, and the shape and type of each array. A file that was altered is refused.

    Parameters
    ----------
    path : str or PathLike
        The file.
    expected_sha256 : str or None, default=None
        Digest of the file, as :func:`save` returned it. The digest inside the file shows
        that it is whole; only one that comes another way shows that it is the one that was
        written.
    device : str, torch.device or None, default=None
        Where the networks are to be: any torch device, or "auto" for a GPU if there is one.
        None is where they were when the file was written, or the CPU where there is no such
        device.

    Returns
    -------
    estimator : estimator
        The fitted estimator.

    Raises
    ------
    ModelFileError
        If this is no model file, was altered, has another digest than expected, or was
        written by a later version of the format.
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
    data = _read(path)
    try:
        if expected_sha256 is not None:
            _compare_digests(hashlib.sha256(data).hexdigest(), expected_sha256)
        stored, n_arrays = _from_bytes(data)
        return build(stored, n_arrays, len(data), device)
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)!r} cannot be loaded: {error}.") from error


def _read(path):
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > _LARGEST_FILE:
            raise ModelFileError(
                f"{os.fspath(path)!r} cannot be loaded: it has {size} bytes, expected at most "
                f"{_LARGEST_FILE}."
            )
        return file.read(_LARGEST_FILE + 1)


def _to_bytes(estimator):
    """Return an estimator as a file, and the names of what is left out."""
    writer = TreeWriter()
    model = writer.write(estimator, "model")
    # What cannot be loaded is not written.
    check_fitted(decode(model, {**writer.arrays}))
    weights = write_arrays(writer.arrays)
    manifest = {
        "format": _FORMAT,
        "format_version": FORMAT_VERSION,
        "skae_version": skae.__version__,
        "model": model,
        "arrays": _described(writer.arrays),
    }
    data = pack([_signed(manifest, weights), weights])
    if len(data) > _LARGEST_FILE:
        raise ModelFileError(
            f"The model makes a file of {len(data)} bytes, expected at most {_LARGEST_FILE}."
        )
    return data, writer.left_out


def _described(arrays):
    return {name: [array.dtype.name, list(array.shape)] for name, array in arrays.items()}


def _signed(manifest, weights):
    """Return the manifest as bytes, with the digest of itself and of the weights."""
    digest = hashlib.sha256(_as_json(manifest))
    digest.update(weights)
    return _as_json({**manifest, "sha256": digest.hexdigest()})


def _as_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _from_bytes(data):
    """Return what is in a file as `Stored`, once all of it was compared, and how many arrays."""
    try:
        manifest_bytes, weights = unpack(data)
        manifest = _parse(manifest_bytes)
        unsigned = {key: value for key, value in manifest.items() if key != "sha256"}
        if _signed(unsigned, weights) != manifest_bytes:
            raise ModelFileError("its content does not have the digest that it states")
        arrays = _arrays(manifest["arrays"], weights)
        stored = decode(manifest["model"], arrays)
        if arrays:
            raise ModelFileError(f"it holds arrays that belong to nothing: {', '.join(arrays)}")
        check_fitted(stored)
    except ModelFileError:
        raise
    except Exception as error:
        raise ModelFileError(f"it is no model file ({type(error).__name__}: {error})") from error
    return stored, len(manifest["arrays"])


def _parse(manifest):
    if len(manifest) > _LARGEST_MANIFEST:
        raise ModelFileError(f"its manifest has {len(manifest)} bytes")
    try:
        parsed = json.loads(manifest, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except RecursionError as error:
        raise ModelFileError("its manifest is nested too deeply") from error
    if not isinstance(parsed, dict) or parsed.get("format") != _FORMAT:
        raise ModelFileError("it is no model file of skae")
    version = parsed.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"it is of version {version} of the format, and skae {skae.__version__} reads version "
            f"{FORMAT_VERSION}. Install a later skae"
        )
    return parsed


def _no_key_twice(pairs):
    parsed = dict(pairs)
    if len(parsed) != len(pairs):
        raise ModelFileError("its manifest holds a key twice")
    return parsed


def _no_constant(name):
    raise ModelFileError(f"its manifest holds {name}, which is not JSON")


def _arrays(promised, weights):
    """Return the arrays, if they are those that the manifest promises."""
    n_bytes = sum(np.dtype(dtype).itemsize * math.prod(shape) for dtype, shape in promised.values())
    header = int.from_bytes(weights[:8], "little")
    if 8 + header + n_bytes != len(weights):
        raise ModelFileError("its arrays are not as large as its manifest says")
    arrays = read_arrays(weights)
    if _described(arrays) != promised:
        raise ModelFileError("its arrays are not those that its manifest names")
    return arrays


def _compare_digests(found, expected):
    if found != str(expected).lower():
        raise ModelFileError(f"its SHA-256 is {found}, expected {expected}")
