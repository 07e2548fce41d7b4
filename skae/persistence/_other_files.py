"""What a file that is no model file seems to be, and what opens it."""

import errno
import io
import os
import zipfile
from difflib import get_close_matches
from pathlib import Path

_PICKLE = "a pickle, which joblib.load(path) opens, and which runs whatever program it holds"
_COMPRESSED = "compressed; if joblib.dump wrote it, joblib.load(path) opens it"
_SKOPS = (
    "a file of skops.io.dump, which skops.io.load(path, "
    "trusted=skae.persistence.TRUSTED_TYPES) opens"
)
_ONNX = "an ONNX graph, which onnxruntime.InferenceSession(path) runs and `skae serve` serves"
_TORCH = "a file of torch.save, which torch.load(path) opens"
_KERAS = "a model of Keras, which keras.saving.load_model(path) opens"
_NUMPY = "arrays of NumPy, which numpy.load(path) opens"
_SAFETENSORS = "weights alone, which safetensors.numpy.load_file(path) opens"
_WEB_PAGE = "a web page, as a failed download leaves one"

# How files begin.
_BEGINNINGS = {
    **{bytes([0x80, protocol]): _PICKLE for protocol in (2, 3, 4, 5)},
    b"ccopy_reg": _PICKLE,
    b"\x1f\x8b": _COMPRESSED,
    b"BZh": _COMPRESSED,
    b"\xfd7zXZ": _COMPRESSED,
    b"]\x00\x00": _COMPRESSED,
    b"\x04\x22\x4d\x18": _COMPRESSED,
    b"\x28\xb5\x2f\xfd": _COMPRESSED,
    **{b"\x78" + level: _COMPRESSED for level in (b"\x01", b"\x5e", b"\x9c", b"\xda")},
    b"\x93NUMPY": _NUMPY,
    b"\x89HDF": _KERAS,
    b"PAR1": "a table of Parquet, which pandas.read_parquet(path) opens",
    b"version https://git-lfs": "a pointer of Git LFS, for which `git lfs pull` puts the file",
    b"<!DOCTYPE": _WEB_PAGE,
    b"<html": _WEB_PAGE,
}

# What the names of members of an archive end in.
_MEMBERS = {
    "schema.json": _SKOPS,
    "data.pkl": _TORCH,
    "model.weights.h5": _KERAS,
    ".npy": _NUMPY,
}

# Kinds of files that their content does not tell for sure.
_SUFFIXES = {
    ".onnx": _ONNX,
    ".skops": _SKOPS,
    ".joblib": _PICKLE,
    ".pkl": _PICKLE,
    ".pickle": _PICKLE,
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".keras": _KERAS,
}


def other_kind_of(path, data):
    """Return what other kind of file this seems to be, with what opens it, or None.

    Parameters
    ----------
    path : str or PathLike
        Its name.
    data : bytes
        Its content.
    """
    if not data:
        return "empty"
    for beginning, kind in _BEGINNINGS.items():
        if data.startswith(beginning):
            return kind
    if data.startswith(b"PK"):
        return _kind_of_archive(data)
    if int.from_bytes(data[:8], "little") < len(data) and data[8:9] == b"{":
        return _SAFETENSORS
    return _SUFFIXES.get(Path(os.fsdecode(path)).suffix.lower())


def _kind_of_archive(data):
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except Exception:
        return None
    return next((kind for end, kind in _MEMBERS.items() for n in names if n.endswith(end)), None)


def no_such_file(path):
    """Return the error for a file that is not there; it names models that are.

    Parameters
    ----------
    path : str or PathLike
        The file.
    """
    path = Path(os.fsdecode(path))
    there = _models_in(path.parent, path.name)
    message = "There is no such file" + (f"; beside it are {there}" if there else "")
    return FileNotFoundError(errno.ENOENT, message, str(path))


def is_a_directory(path):
    """Return the error for a directory; it names the models in it.

    Parameters
    ----------
    path : str or PathLike
        The directory.
    """
    there = _models_in(Path(os.fsdecode(path)), "")
    message = "This is a directory, expected a file of skae.save"
    message += f"; in it are {there}" if there else ""
    return IsADirectoryError(errno.EISDIR, message, os.fsdecode(path))


def _models_in(folder, name):
    """Return the names of at most three model files in a folder, those most like `name`."""
    names = sorted(file.name for file in folder.glob("*.skae"))
    return ", ".join(get_close_matches(name, names, n=3, cutoff=0.0))
