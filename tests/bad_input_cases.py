"""A table and a fit of it that must survive bad input."""

import numpy as np
import pytest

PARAMS = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}


def make_table(n_samples=60):
    rng = np.random.RandomState(0)
    table = rng.uniform(size=(n_samples, 2)) @ rng.uniform(size=(2, 4)) / 2
    return (table + 0.1 * rng.uniform(size=table.shape)).clip(0, 1)


X = make_table()


def everything(ae):
    """What a fitted model answers, and what it says of itself."""
    return {
        "codes": ae.transform(X),
        "scores": ae.score_samples(X),
        "reconstructed": ae.reconstruct(X),
        "curve": np.array(ae.loss_curve_),
        "loss": np.array([ae.loss_, ae.n_iter_, ae.n_features_in_, ae.n_components_]),
    }


def assert_survives(ae, error, match, call):
    """Run a call that must fail; the fitted model must answer as before, to the last bit."""
    before = everything(ae)
    with pytest.raises(error, match=match):
        call()
    after = everything(ae)
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


def with_value(value, dtype=np.float64):
    bad = X.astype(dtype)
    bad[3, 1] = value
    return bad
