"""Files that are written as a whole or not at all."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_atomically(path, data):
    """Write a file so that whoever opens it finds the old content or the new, never a part.

    Parameters
    ----------
    path : str or PathLike
        Where; what is there is replaced. Its folder must exist.
    data : bytes
        The new content.
    """
    # What a link points to is replaced, and not the link.
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder):
    """Write the name of a new file to disk; only POSIX systems open folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
