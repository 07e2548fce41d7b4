"""Files and pickles that were made on a GPU load where there is none.

The states are as a GPU writes them: PyTorch reads a generator's state back only where it is from.
"""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from model_file_cases import ESTIMATORS, SMALL, X, assert_same_answers, fit, forged, refused
from numpy.testing import assert_array_equal
from sklearn.base import clone

import skae
from skae.engine import existing_device, net_to_state, state_for

# On a machine with a GPU, "cuda" would be there.
pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="acts as if there was no GPU")

# Devices, and the bytes of the state of one of their generators.
STATES = {
    "cuda": 16,
    "cuda:1": 16,
    "xpu": 16,
    "mps": 44,
    "mps:0": 44,
    "hpu": 100,
}


def moved_file(data, device, n_bytes):
    """Return a model file as it were if the model had been trained on a device."""

    def rename(node):
        if isinstance(node, list):
            if node[:1] == ["device"]:
                node[1] = device
            for item in node:
                rename(item)
        elif isinstance(node, dict):
            if "device" in node:
                node["device"] = device
            for item in node.values():
                rename(item)

    def change(manifest, arrays):
        for name in arrays:
            if name.endswith("net_/generators/1"):
                arrays[name] = np.arange(n_bytes, dtype=np.uint8)
                manifest["arrays"][name] = ["uint8", [n_bytes]]
        rename(manifest["model"])

    return forged(data, change)


def moved_pickle(estimator, device, n_bytes):
    """Return a pickle of an autoencoder as it were if it had been trained on a device."""
    state = estimator.__getstate__()
    state["device"] = state["_fitted_params"]["device"] = state["net_"]["device"] = device
    state["net_"]["generators"][1] = np.arange(n_bytes, dtype=np.uint8)
    for optimizer in state["net_"]["optimizers"]:
        for group in optimizer["param_groups"]:
            group["lr"] = np.array(group["lr"], dtype=np.float32)
            if "capturable" in group:
                group["capturable"] = True
    return pickle.dumps((type(estimator), state))


def unpickled(data):
    """Do what pickle does with an object."""
    cls, state = pickle.loads(data)
    estimator = cls.__new__(cls)
    estimator.__setstate__(state)
    return estimator


@pytest.mark.parametrize(
    "name",
    [
        *("transformer", "denoising", "nested", "sparse", "contractive", "variational"),
        *("adversarial", "convolutional", "likelihood"),
    ],
)
def test_every_estimators_file_from_a_gpu_loads(name, path):
    model = clone(ESTIMATORS[name]).fit(X)
    skae.save(model, path)
    path.write_bytes(moved_file(path.read_bytes(), "cuda:1", 16))
    for device in (None, "cpu"):
        back = skae.load(path, device=device)
        assert_array_equal(back.transform(X), model.transform(X))
        for member in getattr(back, "estimators_", [back]):
            assert str(member.net_.device) == "cpu"
    assert_same_answers(model, back, X[:9])
    # It is trained further, and saved again.
    skae.save(back.partial_fit(X), path)
    assert_array_equal(skae.load(path).transform(X), back.transform(X))


@pytest.mark.parametrize("device", STATES)
def test_a_file_from_any_device_loads(device, path):
    model = skae.DenoisingAutoencoder(**SMALL).partial_fit(X)
    skae.save(model, path)
    path.write_bytes(moved_file(path.read_bytes(), device, STATES[device]))
    for where in (None, "cpu"):
        back = skae.load(path, device=where)
        assert_same_answers(model, back, X[:9])
        assert (back.device, str(back.net_.device)) == (device if where is None else "cpu", "cpu")
        # The order of the rows goes on; noise starts where the seed says, always alike.
        order, noise = back.net_.generator_states()
        assert_array_equal(order, model.net_.generator_states()[0])
        expected = torch.Generator().manual_seed(back.net_.random_state + 1).get_state()
        assert_array_equal(noise, expected)


@pytest.mark.parametrize("device", STATES)
def test_halves_from_any_device_load(device, path):
    model = clone(ESTIMATORS["transformer"]).fit(X)
    skae.save(model.encoder_, path)
    path.write_bytes(moved_file(path.read_bytes(), device, STATES[device]))
    assert_array_equal(skae.load(path).transform(X), model.transform(X))


@pytest.mark.parametrize("device", STATES)
def test_a_pickle_from_any_device_loads(device):
    model = skae.DenoisingAutoencoder(**SMALL).partial_fit(X)
    back = unpickled(moved_pickle(model, device, STATES[device]))
    assert str(back.net_.device) == "cpu"
    assert_same_answers(model, back, X[:9])
    back.partial_fit(X)


@pytest.mark.parametrize(
    "optimizer",
    ["adam", "rmsprop", partial(torch.optim.Adam, foreach=True), torch.optim.NAdam],
    ids=["adam", "rmsprop", "foreach", "nadam"],
)
def test_the_optimizer_of_a_gpu_goes_on(optimizer):
    """Its steps are this machine's own: options of kernels that only a GPU has stay there."""
    model = skae.AutoencoderTransformer(optimizer=optimizer, **SMALL).partial_fit(X)
    back = unpickled(moved_pickle(model, "cuda", 16))
    assert_array_equal(back.partial_fit(X).transform(X), model.partial_fit(X).transform(X))


def test_noise_goes_on_where_it_was(path):
    """The control: on the same device nothing starts anew."""
    model = skae.DenoisingAutoencoder(**SMALL).partial_fit(X)
    skae.save(model, path)
    for back in (skae.load(path), skae.load(path, device="cpu"), pickle.loads(pickle.dumps(model))):
        assert_array_equal(back.net_.generator_states()[1], model.net_.generator_states()[1])


@pytest.mark.parametrize(
    ("device", "n_bytes"),
    [("cuda", 5056), ("cuda", 7), ("cuda:0", 44), ("mps", 16), ("cpu", 16), ("cpu:0", 44)],
)
def test_states_that_a_device_does_not_write_are_refused(device, n_bytes, path):
    skae.save(fit(), path)
    refused(path, moved_file(path.read_bytes(), device, n_bytes), "generator")


def test_tensors_that_callbacks_recorded_are_kept_as_arrays(path):
    """On a GPU they are the GPU's."""
    model = fit()
    model.net_.history.record("weight", torch.ones(2))
    model.net_.history.record("others", [{"a": (1, 2.5)}, None])
    skae.save(model, path)
    for back in (skae.load(path), pickle.loads(pickle.dumps(model))):
        last = back.net_.history[-1]
        assert type(last["weight"]) is np.ndarray
        assert_array_equal(last["weight"], [1, 1])
        assert last["others"] == [{"a": (1, 2.5)}, None]


def test_double_precision_becomes_single_where_there_is_none():
    """A net that was trained in double precision, on its way to one of Apple's GPUs."""
    model = skae.AutoencoderTransformer(**SMALL).fit(X[:40])
    model.partial_fit(X[:40])
    state = net_to_state(model.net_)
    assert state["dtype"] == "float64"
    single = state_for(state, torch.device("mps"))
    assert single["dtype"] == "float32"
    found = single["weights"] | single["objective"] | single["optimizers"][0]["state"][0]
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}
    for device in ("cpu", "cuda"):
        assert state_for(state, torch.device(device)) is state
    # It is a state that a net in single precision takes.
    back = skae.AutoencoderTransformer.__new__(skae.AutoencoderTransformer)
    back.__setstate__({**model.__getstate__(), "net_": single})
    np.testing.assert_allclose(back.transform(X), model.transform(X), atol=1e-5)


@pytest.mark.parametrize("device", ["hpu", "privateuseone", "meta", "no device"])
def test_a_device_that_is_not_there_is_the_cpu(device):
    assert existing_device(device) == torch.device("cpu")
