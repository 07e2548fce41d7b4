"""Rows are scored where the networks of the members are, and one number of each comes back."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from device_cases import DeviceInName
from mixed_outlier_cases import ordinary, with_gaps
from numpy.testing import assert_allclose, assert_array_equal
from outlier_cases import SCORINGS, draw, draw_outliers, make_detector, moved
from scipy import sparse

import skae
from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.detection import EnsembleScores, _ensemble, _fixed_chunks, _members
from skae.detection._reference_distances import distances_to

RNG = np.random.default_rng(0)
X, NEW = draw(RNG, 300), np.r_[draw(RNG, 100), draw_outliers(RNG, 30)]
COUNTS = RNG.poisson(np.exp(0.3 * X))
TABLE, NEW_TABLE = with_gaps(ordinary(0, 200)), with_gaps(ordinary(1, 130))
OF_VALUES = SCORINGS[:3]
# Networks compute in float32, and a stack of them adds in another order.
RTOL = 1e-5
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 3}
PLAIN = AutoencoderTransformer(3, **SMALL)

# What detectors are fitted on, rows that they judge, and the autoencoder.
CASES = {
    "numbers": (X, NEW, PLAIN),
    "codes of several widths": (X, NEW, AutoencoderTransformer(0.845, **SMALL)),
    "counts": (COUNTS, COUNTS[:130], AutoencoderTransformer(3, loss="poisson", **SMALL)),
    "sparse": (sparse.csr_array(COUNTS * 1.0), sparse.csr_array(COUNTS[:130] * 1.0), PLAIN),
    "table with gaps": (TABLE, NEW_TABLE, PLAIN),
}


def fit(case, scoring, **params):
    return make_detector(CASES[case][2], scoring=scoring, **params).fit(CASES[case][0])


# -- the way of the data, on a device in name ------------------------------------------------


@pytest.mark.parametrize("scoring", OF_VALUES)
@pytest.mark.parametrize("case", CASES)
def test_rows_go_there_once_and_only_scores_come_back(case, scoring, monkeypatch):
    rows = CASES[case][1]
    detector = fit(case, scoring)
    expected = detector.score_samples(rows)
    monkeypatch.setattr(_fixed_chunks, "_MOST_ROWS", 64)
    with DeviceInName() as device:
        there = moved(detector, device.device)
        # Gaussians, distances and the rows between which they are go there once.
        there.score_samples(rows[:3])
        device.sent.clear(), device.fetched.clear()
        found = there.score_samples(rows)
    assert_allclose(found, expected, rtol=RTOL)
    chunk = 64, rows.shape[1]
    assert device.sent.count(chunk) == 3
    assert [shape for shape in device.fetched if shape] == [(130, 2)]
    if case != "table with gaps":
        # Gaps are filled in as many parts as rows have numbers of them, which are asked for.
        assert device.fetched == [(130, 2)]
        # The others are units of columns, and one number a member.
        others = sum(np.prod(shape) for shape in device.sent) - 3 * np.prod(chunk)
        assert 0 < others < 16 * 2 * rows.shape[1]


def test_many_rows_come_back_in_batches(monkeypatch):
    detector = fit("numbers", "mixture")
    expected = detector.score_samples(NEW)
    monkeypatch.setattr(_fixed_chunks, "_MOST_ROWS", 64)
    monkeypatch.setattr(_ensemble, "_CELLS_OF_GPU", 64 * X.shape[1])
    with DeviceInName() as device:
        found = moved(detector, device.device).score_samples(NEW)
    assert_allclose(found, expected, rtol=RTOL)
    assert device.fetched == [(64, 2), (64, 2), (2, 2)]


def test_a_row_alone_goes_the_way_of_a_row_in_a_table():
    with DeviceInName() as device:
        detector = moved(fit("numbers", "mixture"), device.device)
        assert_array_equal(detector.score_samples(NEW[7:8]), detector.score_samples(NEW)[7:8])


@pytest.mark.parametrize("case", ["numbers", "table with gaps"])
def test_scores_are_learned_there(case):
    """What a fit does after the training of the networks."""
    here, rows = fit(case, "mixture"), CASES[case][1]
    kept = here._reference
    known = kept.rows, kept.weight, kept.fold, here._folds.seen(kept.fold), _EveryRow(kept)
    with DeviceInName() as device:
        there = moved(here, device.device)
        for detector in (here, there):
            detector._learn_scores(*known, np.random.RandomState(0))
        found = there.p_values(rows)
    assert_allclose(found, here.p_values(rows), rtol=RTOL)
    assert_allclose(there.offset_, here.offset_, rtol=RTOL)


class _EveryRow:
    """Takes none of the rows that a detector keeps for an outlier."""

    def __init__(self, kept):
        self._found = np.ones(len(kept.fold), dtype=bool)

    def are_no_blatant_outliers(self):
        return self._found


def test_the_modules_of_the_cpu_stay_there():
    """Graphs are made of them, and files hold none."""
    detector = fit("numbers", "mixture")
    before = detector.score_samples(NEW)
    reference, size = detector._reference, len(pickle.dumps(detector))
    with DeviceInName() as device:
        there = moved(detector, device.device)
        there._reference = reference
        there.score_samples(NEW)
        assert distances_to(reference, device.device).unit.device == device.device
    left_out = detector._folds.left_out.tolist()
    module = EnsembleScores(detector._scores, left_out, reference)
    assert {one.device.type for one in module.buffers()} == {"cpu"}
    assert_array_equal(detector.score_samples(NEW), before)
    assert len(pickle.dumps(detector)) == size


def test_a_device_without_double_precision_only_runs_the_networks(monkeypatch):
    detector = fit("numbers", "mixture")
    with DeviceInName() as device:
        there = moved(detector, device.device)
        monkeypatch.setattr(_members, "exact_dtype", _as_on_apples_gpus)
        device.dtypes.clear()
        found = there.score_samples(NEW)
    assert torch.float64 not in device.dtypes
    assert torch.float32 in device.dtypes
    assert_allclose(found, detector.score_samples(NEW), rtol=RTOL)


def _as_on_apples_gpus(device):
    return torch.float64 if device.type == "cpu" else torch.float32


# -- a GPU -----------------------------------------------------------------------------------

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.cuda
@on_gpu
@pytest.mark.parametrize("scoring", OF_VALUES)
@pytest.mark.parametrize("case", CASES)
def test_scores_of_the_gpu_are_those_of_the_cpu(case, scoring):
    detector, rows = fit(case, scoring), CASES[case][1]
    there = moved(detector, "cuda")
    assert_allclose(there.score_samples(rows), detector.score_samples(rows), rtol=1e-4)
    assert_allclose(there.score_samples(rows[:5]), detector.score_samples(rows[:5]), rtol=1e-4)


@pytest.mark.cuda
@on_gpu
@pytest.mark.parametrize("case", ["numbers", "sparse", "table with gaps"])
def test_a_detector_that_was_fitted_on_a_gpu_judges_alike_without_one(case, tmp_path):
    train, rows, _ = CASES[case]
    params = {"n_estimators": 2, "random_state": 0, "device": "cuda"}
    detector = AutoencoderOutlierDetector(**params).fit(train)
    skae.save(detector, tmp_path / "detector.skae")
    loaded = skae.load(tmp_path / "detector.skae", device="cpu")
    assert_allclose(detector.score_samples(rows), loaded.score_samples(rows), rtol=1e-4)
    shares = [one.explain(rows[:3])["share"] for one in (detector, loaded)]
    assert_allclose(shares[0].sum(axis=1), shares[1].sum(axis=1), rtol=1e-4)


@pytest.mark.cuda
@on_gpu
def test_values_and_modules_are_on_the_gpu():
    detector = moved(fit("numbers", "mixture"), "cuda")
    detector.score_samples(NEW[:3])
    seen = []
    _, module = _ensemble._modules[detector._reference]
    module.register_forward_pre_hook(lambda _, given: seen.extend([*given[0], given[1]]))
    detector.score_samples(NEW)
    assert len(seen) == 3
    assert all(one.is_cuda for one in [*seen, *module.buffers()])


@pytest.mark.cuda
@on_gpu
@pytest.mark.parametrize("scoring", OF_VALUES)
def test_nothing_waits_within_a_chunk(scoring, monkeypatch):
    monkeypatch.setattr(_fixed_chunks, "_MOST_ROWS", 64)
    detector = moved(fit("numbers", scoring), "cuda")
    detector.score_samples(NEW)
    one, three = (_n_waits(detector, rows) for rows in (NEW[:64], NEW))
    assert one > 0
    # Each chunk is copied there.
    assert three - one <= 2


def _n_waits(detector, rows):
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            detector.score_samples(rows)
        finally:
            torch.cuda.set_sync_debug_mode(before)
    return sum("synchronizing CUDA operation" in str(w.message) for w in caught)
