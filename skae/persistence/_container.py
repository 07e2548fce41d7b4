"""A zip archive of two members, stored as they are, of which every byte is determined."""

import io
import zipfile

from ._errors import ModelFileError

MEMBERS = ("manifest.json", "weights.safetensors")

# The first moment that a zip archive can name: files of the same model are the same bytes.
_TIME = (1980, 1, 1, 0, 0, 0)

_UNIX, _VERSION, _MODE = 3, 20, 0o100644


def pack(contents):
    """Return an archive.

    Parameters
    ----------
    contents : iterable of bytes
        What each of `MEMBERS` holds.

    Returns
    -------
    archive : bytes
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in zip(MEMBERS, contents, strict=True):
            member = zipfile.ZipInfo(name, _TIME)
            member.create_system = _UNIX
            member.create_version = member.extract_version = _VERSION
            member.external_attr = _MODE << 16
            archive.writestr(member, content)
    return buffer.getvalue()


def unpack(data):
    """Return what each of `MEMBERS` holds.

    Nothing is unpacked but these two, which are not compressed, and only if there is no byte
    in the archive that `pack` would not have written.

    Raises
    ------
    ModelFileError
        If this is any other archive, or none.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            plain = all(m.compress_type == zipfile.ZIP_STORED for m in members)
            plain = plain and sum(m.file_size for m in members) <= len(data)
            if not plain or tuple(m.filename for m in members) != MEMBERS:
                raise ModelFileError(
                    f"it is no archive of {' and '.join(MEMBERS)} alone, stored uncompressed"
                )
            contents = [archive.read(member) for member in members]
    except ModelFileError:
        raise
    except Exception as error:
        raise ModelFileError(f"it is damaged, or no model file ({error})") from error
    if pack(contents) != data:
        raise ModelFileError("it was altered, or was not written by skae.save")
    return contents
