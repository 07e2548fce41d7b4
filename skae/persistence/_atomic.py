"""Files that are written as a whole or not at all."""

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replaced(path):
    """Replace a file so that whoever opens it finds the old content or the new, never a part.

    Parameters
    ----------
    path : str or PathLike
        The file; it need not be there, but its folder must.

    Yields
    ------
    temporary : Path
        Another file beside it, to be written. It takes the place of `path` in the end; after an
        error it is removed.

    Raises
    ------
    OSError
        If there is no such folder, or `path` is one.
    """
    # What a link points to is replaced, and not the link.
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "There is no such folder", str(path.parent))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "This is a directory, expected a file", str(path))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def write_atomically(path, data):
    """Write bytes to a file, as a whole or not at all; see `replaced`."""
    with replaced(path) as temporary:
        temporary.write_bytes(data)


def _sync_folder(folder):
    """Write the name of a new file to disk; only POSIX systems open folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
