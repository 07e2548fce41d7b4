"""A zip archive of two members, stored uncompressed, of which every byte is determined."""

import io
import zipfile
from collections.abc import Iterable

from ._errors import ModelFileError, errors_of

MEMBERS = ("manifest.json", "weights.safetensors")

# The first moment that a zip archive can name: files of the same model are the same bytes.
_TIME = (1980, 1, 1, 0, 0, 0)

_UNIX, _VERSION, _MODE = 3, 20, 0o100644


def pack(contents: Iterable[bytes]) -> bytes:
    """Return an archive with the contents of `MEMBERS`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in zip(MEMBERS, contents, strict=True):
            member = zipfile.ZipInfo(name, _TIME)
            member.create_system = _UNIX
            member.create_version = member.extract_version = _VERSION
            member.external_attr = _MODE << 16
            archive.writestr(member, content)
    return buffer.getvalue()


def unpack(data: bytes) -> list[bytes]:
    """Return the contents of `MEMBERS`, or raise ModelFileError if `pack` has not written this.

    Nothing is unpacked but these two, which are not compressed.
    """
    with errors_of("it is damaged, or no model file"), zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        is_plain = all(m.compress_type == zipfile.ZIP_STORED for m in members)
        is_plain = is_plain and sum(m.file_size for m in members) <= len(data)
        if not is_plain or tuple(m.filename for m in members) != MEMBERS:
            raise ModelFileError(
                f"it is no archive of {' and '.join(MEMBERS)} alone, stored uncompressed"
            )
        contents = [archive.read(member) for member in members]
    if pack(contents) != data:
        raise ModelFileError("it was altered, or was not written by skae.save")
    return contents
