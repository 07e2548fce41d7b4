"""Estimators as files that are safe to load: the manifest, what it promises, and the weights."""

import hashlib
import json
import math
import os
import stat
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
from ._other_files import is_a_directory, no_such_file, other_kind_of
from ._registry import ESTIMATORS
from ._schema import check_fitted
from ._tree import DTYPES, TreeWriter, decode

# Raised when files look different, so that a version that does not know them says so.
FORMAT_VERSION = 1
_FORMAT = "skae model"

# Far more than any autoencoder of rows needs; zip archives change beyond it.
_LARGEST_FILE = 2**31 - 1
_LARGEST_MANIFEST, _MOST_BRACKETS = 2**24, 2**20

_NO_DIGEST = "0" * 64


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
        If something is left out: callbacks, random states that are no seeds, and requests of
        metadata.

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
    later rows, of which alone `active_units_` of a variational one tells, too.

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
            f"A model file does not hold {what}. Set what is still needed again after loading.",
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
    try:
        data = _read(path)
        if kind := other_kind_of(path, data):
            raise ModelFileError(f"it is no model file of skae, but seems to be {kind}")
        if expected_sha256 is not None:
            _compare_digests(hashlib.sha256(data).hexdigest(), expected_sha256)
        return build(_from_bytes(data), len(data), device)
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)!r} cannot be loaded: {error}.") from error


def _read(path):
    try:
        found = os.stat(path)
    except FileNotFoundError as error:
        raise no_such_file(path) from error
    if stat.S_ISDIR(found.st_mode):
        raise is_a_directory(path)
    if stat.S_ISREG(found.st_mode) and found.st_size > _LARGEST_FILE:
        raise ModelFileError(f"it has {found.st_size} bytes, expected at most {_LARGEST_FILE}")
    if not stat.S_ISREG(found.st_mode):
        raise ModelFileError("it is a device or a pipe, expected a file")
    with open(path, "rb") as file:
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
    signed = _signed(manifest, weights)
    data = pack([signed, weights])
    if len(data) > _LARGEST_FILE or _is_too_large(signed):
        raise ModelFileError(
            f"The model makes a file of {len(data)} bytes, {len(signed)} of them without arrays, "
            f"expected at most {_LARGEST_FILE} and {_LARGEST_MANIFEST}. A long history, as of many "
            f"chunks, may be shortened: del model.net_.history[:-100]."
        )
    return data, writer.left_out


def _described(arrays):
    return {name: [array.dtype.name, list(array.shape)] for name, array in arrays.items()}


def _signed(manifest, weights):
    """Return the manifest as bytes, with the digest of itself and of the weights."""
    text = json.dumps(
        {**manifest, "sha256": _NO_DIGEST}, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    unsigned = text.encode("ascii")
    return unsigned.replace(_entry(_NO_DIGEST), _entry(_digest(unsigned, weights)))


def _is_signed(signed, digest, weights):
    """Whether a manifest states the digest of what it was before it did."""
    unsigned = signed.replace(_entry(digest), _entry(_NO_DIGEST))
    return unsigned.count(_entry(_NO_DIGEST)) == 1 and digest == _digest(unsigned, weights)


def _entry(digest):
    # Quotes within strings are escaped, and no other object in a manifest has such a key.
    return f'"sha256":"{digest}"'.encode("ascii")


def _digest(unsigned, weights):
    digest = hashlib.sha256(unsigned)
    digest.update(weights)
    return digest.hexdigest()


def _from_bytes(data):
    """Return what is in a file as `Stored`, once all of it was compared."""
    try:
        manifest_bytes, weights = unpack(data)
        manifest = _parse(manifest_bytes)
        if not _is_signed(manifest_bytes, manifest["sha256"], weights):
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
    return stored


def _parse(manifest):
    if _is_too_large(manifest):
        raise ModelFileError(f"its manifest is too large: {len(manifest)} bytes")
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


def _is_too_large(manifest):
    """Whether a manifest has more bytes, or more lists and objects, than any needs."""
    n_brackets = manifest.count(b"[") + manifest.count(b"{")
    return len(manifest) > _LARGEST_MANIFEST or n_brackets > _MOST_BRACKETS


def _no_key_twice(pairs):
    parsed = dict(pairs)
    if len(parsed) != len(pairs):
        raise ModelFileError("its manifest holds a key twice")
    return parsed


def _no_constant(name):
    raise ModelFileError(f"its manifest holds {name}, which is not JSON")


def _arrays(promised, weights):
    """Return the arrays, if they are those that the manifest promises."""
    if not all(dtype in DTYPES for dtype, _ in promised.values()):
        raise ModelFileError(f"it holds arrays of other types than {', '.join(DTYPES)}")
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
