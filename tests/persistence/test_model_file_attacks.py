"""No file that was damaged or made otherwise loads, and nothing but a ModelFileError leaves."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_file_cases import TINY, TINY_ROWS, refused
from model_file_processes import write_and_be_killed
from process_cases import Process

import skae
from skae.persistence._container import unpack

# -- damage -------------------------------------------------------------------------------


def flipped(data, place, mask):
    changed = bytearray(data)
    changed[place] ^= mask
    return bytes(changed)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(draw=st.data())
def test_every_change_of_a_byte_is_noticed(draw, files, tmp_path_factory):
    data = files["autoencoder"]
    place = draw.draw(st.integers(0, len(data) - 1))
    path = tmp_path_factory.getbasetemp() / "flipped.skae"
    refused(path, flipped(data, place, draw.draw(st.integers(1, 255))))


def test_every_change_of_what_is_around_the_contents_is_noticed(files, path):
    """Headers and directory of the archive, which no digest covers, and the length of arrays."""
    data = files["autoencoder"]
    manifest, weights = unpack(data)
    places = [
        *range(data.index(manifest)),
        *range(data.index(manifest) + len(manifest), data.index(weights) + 8),
        *range(data.index(weights) + len(weights), len(data)),
    ]
    for place in places:
        # Each of the eight bits in turn, and all of them.
        for mask in (1 << (place % 8), 255):
            refused(path, flipped(data, place, mask))


def test_every_truncation_and_addition_is_noticed(files, path):
    data = files["autoencoder"]
    for length in range(0, len(data), 97):
        refused(path, data[:length])
    refused(path, data[:-1])
    for more in (b"\0", b"PK", data):
        refused(path, data + more)
        refused(path, more + data)


def test_bytes_at_random_are_refused(path):
    rng = np.random.RandomState(0)
    for length in (0, 1, 22, 100, 5000):
        refused(path, rng.bytes(length))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_killed_writer_leaves_a_whole_file(tiny_model, path):
    ready = []
    for seed in (1, 2):
        other = path.with_name(f"{seed}.skae")
        fitted = skae.AutoencoderTransformer(2, **{**TINY, "random_state": seed}).fit(TINY_ROWS)
        skae.save(fitted, other)
        ready.append(str(other))
    skae.save(tiny_model, path)
    with Process(write_and_be_killed, path, ready) as process:
        errors = process.stderr.read()
        assert process.wait() == 0, errors
        found = process.stdout.read().split()
    assert len(found) == 12
    # Both writers got as far as to replace the file.
    assert {"1", "2"} <= set(found) <= {"0", "1", "2"}


# -- archives that were made by hand ------------------------------------------------------


def archive_of(members, **kwargs):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **kwargs) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_other_archives_are_refused(files, path):
    manifest, weights = unpack(files["autoencoder"])
    ours = [("manifest.json", manifest), ("weights.safetensors", weights)]
    for name in ("../evil", "/tmp/evil", "evil"):
        refused(path, archive_of([*ours, (name, b"")]), "no archive of")
    refused(path, archive_of(ours[:1]), "no archive of")
    refused(path, archive_of(ours[::-1]), "no archive of")
    refused(path, archive_of(ours, compression=zipfile.ZIP_DEFLATED), "stored uncompressed")
    # The same members as zipfile writes them by itself, with the time of today.
    refused(path, archive_of(ours), "was altered, or was not written by skae.save")
    assert sorted(p.name for p in path.parent.iterdir()) == ["model.skae"]


def test_a_bomb_is_refused_before_it_is_unpacked(path):
    bomb = archive_of(
        [("manifest.json", b"{" * 10**8), ("weights.safetensors", b"")],
        compression=zipfile.ZIP_DEFLATED,
    )
    assert len(bomb) < 10**6
    refused(path, bomb, "stored uncompressed")


class Trap:
    """A pickle that leaves a file behind when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_is_not_run(path):
    trap = path.with_name("sprung")
    pickle.loads(pickle.dumps(Trap(trap))).close()
    assert trap.exists()
    trap.unlink()
    refused(path, pickle.dumps(Trap(trap)), "no model file")
    assert not trap.exists()


def test_what_is_no_file_is_said_by_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        skae.load(tmp_path / "absent.skae")
    with pytest.raises(OSError, match="directory"):
        skae.load(tmp_path)
