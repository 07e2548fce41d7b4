"""Fixtures of the tests of model files."""

import pytest
from model_file_cases import TINY, TINY_ROWS

import skae


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skae"


@pytest.fixture(scope="session")
def tiny_model():
    return skae.AutoencoderTransformer(2, **TINY).fit(TINY_ROWS)


@pytest.fixture(scope="session")
def files(tiny_model, tmp_path_factory):
    """The bytes of model files by the kind of model."""
    models = {
        "autoencoder": tiny_model,
        "variational": skae.VariationalAutoencoder(2, **TINY).fit(TINY_ROWS),
        "stream": skae.AutoencoderTransformer(2, **TINY).partial_fit(TINY_ROWS),
        "detector": skae.AutoencoderOutlierDetector(
            skae.DenoisingAutoencoder(2, **TINY), n_estimators=2, random_state=0
        ).fit(TINY_ROWS),
        "encoder": tiny_model.encoder_,
    }
    path = tmp_path_factory.mktemp("files") / "model.skae"
    found = {}
    for name, one in models.items():
        skae.save(one, path)
        found[name] = path.read_bytes()
    return found
