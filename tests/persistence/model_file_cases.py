"""Small estimators of every kind, what they answer, and altered model files, for several tests."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import skae
from skae.estimators.base import BaseAutoencoder
from skae.networks import SequenceNetwork
from skae.persistence import _model_file
from skae.persistence._container import pack, unpack

X = np.random.RandomState(0).uniform(size=(60, 5))
NEW = np.random.RandomState(1).uniform(size=(9, 5))
SMALL = {"n_components": 2, "hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0}
VARIATIONAL = skae.VariationalAutoencoder(n_draws=5, **SMALL)

# Of files that are altered.
TINY_ROWS = np.random.RandomState(0).uniform(size=(40, 4))
TINY = {"hidden_layer_sizes": (3,), "max_iter": 1, "random_state": 0}

# Every public estimator that is fitted on rows alone, in forms that differ in what a file holds.
ESTIMATORS = {
    "transformer": skae.AutoencoderTransformer(dropout=0.2, **SMALL),
    "linear": skae.AutoencoderTransformer(**SMALL | {"hidden_layer_sizes": ()}),
    "batch": skae.AutoencoderTransformer(normalization="batch", init="random", **SMALL),
    "poisson": skae.AutoencoderTransformer(
        loss="poisson", alpha=1e-3, normalization="layer", **SMALL
    ),
    "negative_binomial": skae.AutoencoderTransformer(loss="negative_binomial", **SMALL),
    "multinomial": skae.VariationalAutoencoder(loss="multinomial", n_draws=5, **SMALL),
    "gru": skae.AutoencoderTransformer(
        2, network=SequenceNetwork(kind="gru", hidden_size=4), max_iter=2, random_state=0
    ),
    "auto": skae.AutoencoderTransformer(max_iter=2, random_state=0),
    "adversarial": skae.AdversarialAutoencoder(prior="mixture", **SMALL),
    "contractive": skae.ContractiveAutoencoder(**SMALL),
    "convolutional": skae.ConvolutionalAutoencoder(
        2, channels=(3,), hidden_layer_sizes=(), max_iter=1, random_state=0
    ),
    "denoising": skae.DenoisingAutoencoder(noise="salt_and_pepper", **SMALL),
    "nested": skae.NestedAutoencoder(**SMALL),
    "sparse": skae.SparseAutoencoder(8, max_iter=2, random_state=0),
    "kl": skae.SparseAutoencoder(**SMALL, penalty="kl"),
    "batch_top_k": skae.SparseAutoencoder(**SMALL, penalty="batch_top_k", n_nonzero_coefs=1),
    "variational": VARIATIONAL,
    "detector": skae.AutoencoderOutlierDetector(
        skae.DenoisingAutoencoder(**SMALL), n_estimators=2, random_state=0
    ),
    "huber": skae.AutoencoderOutlierDetector(
        skae.AutoencoderTransformer(loss="huber", **SMALL),
        scoring="reconstruction",
        contamination=0.1,
        n_estimators=1,
        random_state=0,
    ),
    "mahalanobis": skae.AutoencoderOutlierDetector(
        skae.SparseAutoencoder(**SMALL, penalty="kl"),
        scoring="mahalanobis",
        max_samples=0.5,
        n_estimators=2,
        random_state=0,
    ),
    "likelihood": skae.AutoencoderOutlierDetector(
        VARIATIONAL, scoring="likelihood", n_estimators=1, random_state=0
    ),
}

# The other public autoencoders, by their names alone.
LISTED = {type(estimator) for estimator in ESTIMATORS.values()}
PUBLIC = [getattr(skae, name) for name in skae.__all__]
ESTIMATORS |= {
    kind.__name__: kind(**SMALL)
    for kind in PUBLIC
    if isinstance(kind, type) and issubclass(kind, BaseAutoencoder) and kind not in LISTED
}


def fit(**params):
    return skae.AutoencoderTransformer(**SMALL | params).fit(X)


def loaded(estimator, path):
    return skae.load(path, expected_sha256=skae.save(estimator, path))


def answers(estimator, rows=NEW):
    """Everything that a fitted estimator answers."""
    found = {"codes": estimator.transform(rows), "scores": estimator.score_samples(rows)}
    found["back"] = estimator.inverse_transform(found["codes"])
    for name in ("sample", "elbo", "jacobian_norm", "p_values", "predict", "explain"):
        method = getattr(estimator, name, None)
        if name == "sample" and method is not None:
            found[name] = method(4, random_state=0)
        elif method is not None:
            found[name] = np.asarray(method(rows))
    return found


def assert_same_answers(one, other, rows=NEW):
    expected, found = answers(one, rows), answers(other, rows)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert_array_equal(found[name], value, err_msg=name)


# -- altered files ------------------------------------------------------------------------


def refused(path, data, match=None):
    path.write_bytes(data)
    with pytest.raises(skae.ModelFileError, match=match):
        skae.load(path)


def forged(data, change):
    """Return a file that states the digest of what it holds, after a change."""
    manifest, weights = unpack(data)
    manifest = json.loads(manifest)
    del manifest["sha256"]
    arrays = {name: np.array(array) for name, array in _model_file.read_arrays(weights).items()}
    change(manifest, arrays)
    weights = _model_file.write_arrays(arrays)
    return pack([_model_file._with_digest(manifest, weights), weights])


def replaced(name, array):
    """Return a change that puts an array in the place of another."""

    def change(manifest, arrays):
        arrays[name] = array
        manifest["arrays"][name] = [array.dtype.name, list(array.shape)]

    change.__name__ = f"{name.split('/')[-1]} {array.dtype.name} {array.shape}"
    return change
