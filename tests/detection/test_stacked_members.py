"""On a GPU members whose networks are dense and of the same shapes run as one stack."""

import numpy as np
import pytest
import torch
from device_cases import DeviceInName
from mixed_outlier_cases import ordinary, with_gaps
from numpy.testing import assert_allclose, assert_array_equal
from outlier_cases import LINEAR, draw, draw_outliers, make_detector, moved

from skae import AutoencoderTransformer, VariationalAutoencoder
from skae.detection._members import MemberValues, values_by
from skae.estimators.base import RowsAtOnce
from skae.networks import SequenceNetwork
from skae.objectives import SQUARED_ERROR, Head

RNG = np.random.default_rng(0)
X, NEW = draw(RNG, 300), np.r_[draw(RNG, 100), draw_outliers(RNG, 30)]
COUNTS = RNG.poisson(np.exp(0.3 * X))
TABLE = with_gaps(ordinary(0, 200))
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 3}
PLAIN = AutoencoderTransformer(3, **SMALL)
# Networks compute in float32, and a stack of them adds in another order.
RTOL = 1e-5


def members_of(detector):
    return [MemberValues(member) for member in detector.estimators_]


def are_stacked(detector):
    return RowsAtOnce.of_stack(detector.estimators_, detector._ensemble.device) is not None


def add_hook(detector, hook):
    detector.estimators_[1].net_.module_.encoder.register_forward_hook(hook)


# -- members of the same shapes ----------------------------------------------------------------

# Rows, and the autoencoder: None is the detector's own.
DENSE = {
    "default": (X, None),
    "deep and linear": (X, PLAIN),
    "linear": (X, LINEAR),
    "large values": (1e6 + 1e3 * X, PLAIN),
    "counts": (COUNTS, AutoencoderTransformer(3, loss="poisson", **SMALL)),
}


@pytest.mark.parametrize("case", DENSE)
def test_a_stack_gives_the_values_of_each_member(case):
    rows, autoencoder = DENSE[case]
    detector = make_detector(autoencoder, n_estimators=3).fit(rows)
    with DeviceInName() as device, torch.inference_mode():
        there = moved(detector, device.device)
        assert are_stacked(there)
        Z = torch.from_numpy(detector._scaling(rows)).to(device.device)
        for chosen in (members_of(there), members_of(there)[1:2]):
            stack = values_by(chosen)(Z)
            alone = torch.stack([values_of(Z) for values_of in chosen])
            assert_allclose(stack.cpu(), alone.cpu(), rtol=RTOL, atol=1e-5)


def test_a_stack_takes_fewer_kernels():
    detector = make_detector(None, n_estimators=5).fit(X)
    with DeviceInName() as device:
        as_stack, one_by_one = moved(detector, device.device), moved(detector, device.device)
        # It changes nothing, but is to be called.
        calls = []
        add_hook(one_by_one, lambda *given: calls.append(given))
        scores, n_kernels = [], []
        for one in (as_stack, one_by_one):
            # Gaussians and distances go there once.
            one.score_samples(NEW[:3])
            device.n_kernels = 0
            scores.append(one.score_samples(NEW))
            n_kernels.append(device.n_kernels)
    assert_allclose(*scores, rtol=RTOL)
    assert n_kernels[1] - n_kernels[0] > 20
    assert len(calls) == 2


def test_on_the_cpu_members_run_one_by_one():
    """A row has the same bits there in every batch, and by a member alone."""
    detector = make_detector(PLAIN).fit(X)
    members, Z = members_of(detector), torch.from_numpy(detector._scaling(NEW))
    assert not are_stacked(detector)
    with torch.inference_mode():
        for values, values_of in zip(values_by(members)(Z), members, strict=True):
            assert_array_equal(values, values_of(Z))


# -- members that cannot be stacked --------------------------------------------------------------


def learned_dispersion():
    return AutoencoderTransformer(3, loss="negative_binomial", init="random", **SMALL)


def recurrent():
    network = SequenceNetwork(kind="gru", hidden_size=4)
    return AutoencoderTransformer(3, network=network, max_iter=1)


OTHERS = {
    "codes of several widths": (X, NEW, AutoencoderTransformer(0.845, **SMALL)),
    "table with gaps": (TABLE, TABLE, PLAIN),
    "learned dispersion": (COUNTS, COUNTS[:130], learned_dispersion()),
    "recurrent": (X, NEW, recurrent()),
    "codes are means": (X, NEW, VariationalAutoencoder(3, **SMALL)),
}


@pytest.mark.parametrize("case", OTHERS)
def test_others_run_one_by_one(case):
    train, rows, autoencoder = OTHERS[case]
    detector = make_detector(autoencoder).fit(train)
    with DeviceInName() as device:
        there = moved(detector, device.device)
        assert not are_stacked(there)
        found = there.score_samples(rows)
    assert_allclose(found, detector.score_samples(rows), rtol=RTOL)


def zero_codes(detector):
    add_hook(detector, lambda module, x, codes: torch.zeros_like(codes))


def judge_otherwise(detector):
    """As if a member had been fitted with another loss."""
    detector.estimators_[1].net_.criterion_.heads = (Head(SQUARED_ERROR),)


@pytest.mark.parametrize("change", [zero_codes, judge_otherwise])
def test_a_change_of_one_member_counts(change):
    detector = make_detector(DENSE["counts"][1]).fit(COUNTS)
    with DeviceInName() as device:
        there, before = moved(detector, device.device), detector.score_samples(COUNTS)
        assert are_stacked(there)
        change(detector), change(there)
        assert not are_stacked(there)
        found, expected = there.score_samples(COUNTS), detector.score_samples(COUNTS)
    assert_allclose(found, expected, rtol=RTOL)
    assert np.abs(expected / before - 1).max() > 0.01
