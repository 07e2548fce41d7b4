"""Altered files of an autoencoder that is conditional on a class."""

import numpy as np
import pytest
from model_file_cases import TINY, TINY_ROWS, forged, refused, replaced

import skae

SUMS = "model/_class_sums"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "model.skae"
    model = skae.VariationalAutoencoder(2, conditional=True, **TINY)
    skae.save(model.fit(TINY_ROWS, np.arange(40) % 3), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        replaced(f"{SUMS}/0", np.full(3, -1.0)),
        replaced(f"{SUMS}/0", np.ones(2)),
        replaced(f"{SUMS}/2", np.full((3, 2, 2), -1e3)),
        replaced(f"{SUMS}/1", np.full((3, 2), np.nan)),
    ],
    ids=["weights", "number of classes", "covariances", "not finite"],
)
def test_codes_of_classes_that_cannot_be_are_refused(file, change, tmp_path):
    refused(tmp_path / "model.skae", forged(file, change))


def test_as_many_classes_as_it_was_fitted_on(file, tmp_path):
    def change(manifest, arrays):
        for i in range(3):
            replaced(f"{SUMS}/{i}", arrays[f"{SUMS}/{i}"][:2])(manifest, arrays)

    refused(tmp_path / "model.skae", forged(file, change), "weights of the classes")
