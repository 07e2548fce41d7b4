"""The kinds of files that are no model files, and the functions that open them."""

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
_TORCH = "a file of torch.save, which torch.load(path) opens"
_KERAS = "a model of Keras, which keras.saving.load_model(path) opens"
_NUMPY = "arrays of NumPy, which numpy.load(path) opens"
_WEB_PAGE = "a web page, as a failed download leaves one"

# First bytes of files. Compression is that of gzip, bzip2, xz, lzma, lz4, zstd and, of four levels,
# zlib.
_BEGINNINGS = {
    **dict.fromkeys((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"ccopy_reg"), _PICKLE),
    **dict.fromkeys((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"]\x00\x00"), _COMPRESSED),
    **dict.fromkeys((b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd"), _COMPRESSED),
    **dict.fromkeys((b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"), _COMPRESSED),
    b"\x93NUMPY": _NUMPY,
    b"\x89HDF": _KERAS,
    b"PAR1": "a table of Parquet, which pandas.read_parquet(path) opens",
    b"version https://git-lfs": "a pointer of Git LFS, for which `git lfs pull` puts the file",
    b"<!DOCTYPE": _WEB_PAGE,
    b"<html": _WEB_PAGE,
}

# Ends of the names of members of an archive.
_MEMBERS = {"schema.json": _SKOPS, "data.pkl": _TORCH, "model.weights.h5": _KERAS, ".npy": _NUMPY}

# Suffixes of files that their content does not show for sure.
_SUFFIXES = {
    **dict.fromkeys((".joblib", ".pkl", ".pickle"), _PICKLE),
    **dict.fromkeys((".pt", ".pth"), _TORCH),
    ".keras": _KERAS,
    ".onnx": "an ONNX graph, which onnxruntime.InferenceSession(path) runs and `skae serve` serves",
    ".skops": _SKOPS,
}


def other_kind_of(path: str | os.PathLike, data: bytes) -> str | None:
    """Return the kind of a file that seems to be no model file, with what opens it, or None."""
    if not data:
        return "empty"
    for beginning, kind in _BEGINNINGS.items():
        if data.startswith(beginning):
            return kind
    if data.startswith(b"PK"):
        return _kind_of_archive(data)
    if int.from_bytes(data[:8], "little") < len(data) and data[8:9] == b"{":
        return "weights alone, which safetensors.numpy.load_file(path) opens"
    return _SUFFIXES.get(Path(os.fsdecode(path)).suffix.lower())


def _kind_of_archive(data: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except Exception:
        return None
    return next((kind for end, kind in _MEMBERS.items() for n in names if n.endswith(end)), None)


def no_such_file(path: str | os.PathLike) -> FileNotFoundError:
    """Return the error for an absent file; it names models beside it."""
    path = Path(os.fsdecode(path))
    there = _models_in(path.parent, path.name)
    message = "There is no such file" + (f"; beside it are {there}" if there else "")
    return FileNotFoundError(errno.ENOENT, message, str(path))


def is_a_directory(path: str | os.PathLike) -> IsADirectoryError:
    """Return the error for a directory; it names the models in it."""
    there = _models_in(Path(os.fsdecode(path)), "")
    message = "This is a directory, expected a file of skae.save"
    message += f"; in it are {there}" if there else ""
    return IsADirectoryError(errno.EISDIR, message, os.fsdecode(path))


def _models_in(folder: Path, name: str) -> str:
    """Return the names of at most three model files in a folder, those most like `name`."""
    names = sorted(file.name for file in folder.glob("*.skae"))
    return ", ".join(get_close_matches(name, names, n=3, cutoff=0.0))
