"""Tables with and without outliers, and fast detectors, that the tests of the detector share."""

import copy

import numpy as np
from scipy.sparse import issparse
from scipy.spatial.distance import cdist

from skae import AutoencoderOutlierDetector, AutoencoderTransformer, VariationalAutoencoder
from skae.detection._fixed_chunks import in_fixed_chunks
from skae.detection._members import MemberValues

LINEAR = AutoencoderTransformer(3, hidden_layer_sizes=(), max_iter=5)
SCORINGS = ("mixture", "mahalanobis", "reconstruction", "likelihood")
MIXING = np.random.default_rng(0).normal(size=(3, 8))


def draw(rng, n_samples, *, noise=0.3, shift=0.0):
    """Eight features that come from three, and noise."""
    sources = rng.normal(shift, size=(n_samples, 3))
    return sources @ MIXING + noise * rng.normal(size=(n_samples, 8))


def draw_outliers(rng, n_samples, *, noise=0.3):
    """Rows whose features are distributed as in `draw`, but have nothing to do with each other."""
    return rng.permuted(draw(rng, n_samples, noise=noise), axis=0)


def make_detector(autoencoder=LINEAR, **params):
    """A detector of few linear members that score by one distance, unless told otherwise."""
    if params.get("scoring") == "likelihood" and autoencoder is LINEAR:
        autoencoder = VariationalAutoencoder(3, hidden_layer_sizes=(), max_iter=5, n_draws=5)
    fast = {"scoring": "mahalanobis", "n_estimators": 2, "random_state": 0}
    return AutoencoderOutlierDetector(autoencoder, **fast | params)


def moved(detector, device):
    """A copy whose networks are on a device."""
    detector = copy.deepcopy(detector)
    for member in detector.estimators_:
        member.net_.module_.to(device)
        member.net_.criterion_.to(device)
    return detector


def scores_by(member, score, rows):
    """What the score of one member says of scaled rows, but for isolation."""
    if not score.is_of_values:
        return -member.score_samples(rows)
    module, values_of = score.module_of([score]), MemberValues(member)
    return in_fixed_chunks(lambda chunk: module(values_of(chunk)[None])[0], rows)


def isolation_of(detector, rows, member):
    """The factor for isolation by one member of scaled rows, by all distances in float64."""
    reference, isolation = detector._reference, detector._scores[member].isolation_
    assert not reference.in_cluster.any()
    seen = reference.fold != detector._folds.left_out[member]
    known, folds = np.asarray(reference.rows)[seen], reference.fold[seen]
    unit = np.asarray(reference.rows).std(axis=0)
    mahalanobis = cdist(rows @ reference.whitening.T, known @ reference.whitening.T)
    distance = np.hypot(cdist(rows / unit, known / unit), mahalanobis / 4)
    # The row itself does not count.
    distance[distance < 1e-3] = np.inf
    of_folds = [distance[:, folds == fold] for fold in np.unique(folds)]
    of_parts = [part for fold in of_folds for part in np.array_split(fold, 8, axis=1)]
    nearest = np.sort([part.min(axis=1) for part in of_parts], axis=0)[:5].mean(axis=0)
    padding = 0.3 * rows.shape[1] ** 0.5
    return np.maximum((nearest + padding) / (isolation.typical_ + padding), 1) ** 4


def with_isolation(plain, factors):
    """The scores of members that multiply distances by isolation, from half their squares."""
    return np.sqrt(2 * np.asarray(plain)) * factors


def weights_of(detector):
    """Every weight of every member, in one array."""
    states = [member.net_.module_.state_dict() for member in detector.estimators_]
    return np.concatenate([w.numpy().ravel() for state in states for w in state.values()])


def answers(detector, X):
    """All that a detector says of rows, by name, and the rows that it explains others by."""
    kept, kept_weight = detector._reference.rows, detector._reference.weight
    return {
        "scores": detector.score_samples(X),
        "offset": detector.offset_,
        "p_values": detector.p_values(X),
        "kept": kept.toarray() if issparse(kept) else kept,
        "kept_weight": kept_weight,
        "codes": np.asarray(detector.transform(X)),
        "weights": weights_of(detector),
    }


def assert_same(one, other):
    """Compare what `answers` returned, to the bit."""
    for name, value in one.items():
        np.testing.assert_array_equal(other[name], value, err_msg=name)
