"""Members that several jobs of joblib train are those of one job, up to rounding."""

import joblib
import numpy as np
import pytest
from mixed_outlier_cases import ordinary, with_gaps
from numpy.testing import assert_allclose
from process_cases import joblib_forks
from skorch.callbacks import Callback

from skae import AutoencoderOutlierDetector, AutoencoderTransformer, ConvolutionalAutoencoder

MEMBER = AutoencoderTransformer(2, hidden_layer_sizes=(8,), max_iter=3)
ROWS = np.random.default_rng(0).normal(size=(80, 4))
MIXED = with_gaps(ordinary(0, 80))
IMAGES = np.random.default_rng(0).normal(size=(40, 8, 8))
ONE_LAYER = ConvolutionalAutoencoder(2, channels=(4,), max_iter=2)


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.parametrize(
    ("member", "X"),
    [(MEMBER, ROWS), (MEMBER, MIXED), (ONE_LAYER, IMAGES)],
    ids=["numbers", "mixed", "images"],
)
def test_several_jobs_train_the_members_of_one(backend, member, X):
    params = {"n_estimators": 3, "random_state": 0}
    alone = AutoencoderOutlierDetector(member, **params).fit(X)
    with joblib_forks(), joblib.parallel_config(backend):
        jobs = AutoencoderOutlierDetector(member, **params, n_jobs=2).fit(X)
        # None is one job there, too: the same bits as outside.
        none = AutoencoderOutlierDetector(member, **params).fit(X)
    assert len(jobs.estimators_) == 3
    assert_allclose(jobs.score_samples(X), alone.score_samples(X), rtol=1e-4)
    np.testing.assert_array_equal(none.score_samples(X), alone.score_samples(X))
    # What was trained elsewhere goes on being trained here.
    jobs.partial_fit(X)
    assert jobs.n_samples_seen_ == 2 * len(X)


class Fails(Callback):
    def on_epoch_end(self, net, **kwargs):
        raise RuntimeError("a job fails")


def test_a_job_that_fails_leaves_the_detector_as_it_was():
    with joblib.parallel_config("threading"):
        detector = AutoencoderOutlierDetector(MEMBER, n_estimators=2, n_jobs=2, random_state=0)
        before = detector.fit(ROWS).score_samples(ROWS)
        detector.set_params(autoencoder__callbacks=[Fails()])
        with pytest.raises(RuntimeError, match="a job fails"):
            detector.fit(ROWS)
    np.testing.assert_array_equal(detector.score_samples(ROWS), before)
