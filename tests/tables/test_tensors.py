"""Tensors and arrays of other libraries: what goes in comes out, with the values of NumPy."""

import pickle
import re
from functools import cache

import numpy as np
import pytest
import torch
from fused_cases import pairwise
from sklearn import config_context
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer

PARAMS = {"n_components": 3, "hidden_layer_sizes": (9,), "batch_size": 32, "max_iter": 2}
PARAMS |= {"random_state": 0}
DIGITS = np.random.default_rng(0).permutation(load_digits().data)[:200] / 16
# Powers of two, whose sums are exact in whatever order a library adds them up.
WEIGHT = 2.0 ** (np.arange(200) % 3)
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64]
METHODS = ["fit", "partial_fit", "fit_transform"]
ANSWERS = ("transform", "reconstruct", "score_samples")


def make(**params):
    return AutoencoderTransformer(**PARAMS | params)


def as_array(tensor):
    """What NumPy input stands for this tensor: float32 and float64 are kept."""
    tensor = tensor.detach()
    return (tensor if tensor.dtype == torch.float32 else tensor.double()).numpy()


def answers(ae, X):
    codes = ae.transform(X)
    found = {name: getattr(ae, name)(X) for name in ANSWERS}
    return found | {"inverse_transform": ae.inverse_transform(codes)}


def is_tensor(value, dtype, device="cpu"):
    kind = isinstance(value, torch.Tensor) and value.dtype == dtype
    return kind and value.device.type == device and not value.requires_grad


def assert_same(expected, found, dispatch):
    """Compare answers with those of NumPy, and ask for the right kind of array."""
    for name, value in expected.items():
        if dispatch:
            assert is_tensor(found[name], getattr(torch, str(value.dtype))), name
        else:
            assert type(found[name]) is np.ndarray, name
        found_value = np.asarray(found[name])
        assert found_value.dtype == value.dtype, name
        np.testing.assert_array_equal(found_value, value, err_msg=name)


@pytest.fixture(params=[False, True], ids=["no dispatch", "dispatch"])
def dispatch(request):
    with config_context(array_api_dispatch=request.param):
        yield request.param


@pytest.mark.parametrize(
    ("dtype", "method", "dispatch"),
    pairwise(TYPES, METHODS, [False, True]),
    indirect=["dispatch"],
)
def test_tensors_give_the_values_of_arrays(dtype, method, dispatch):
    tensor = torch.tensor(16 * DIGITS).to(dtype)
    # Every method meets tensors with a graph, and every type does.
    if dtype.is_floating_point and (TYPES.index(dtype) + METHODS.index(method)) % 2 == 0:
        tensor.requires_grad_()
    X, before = as_array(tensor), tensor.detach().clone()
    fitted, expected = make(), make()
    returned, expected_codes = getattr(fitted, method)(tensor), getattr(expected, method)(X)
    if method == "fit_transform":
        assert_same({"codes": expected_codes}, {"codes": returned}, dispatch)
    assert_same({"mean_": expected.mean_}, {"mean_": fitted.mean_}, dispatch)
    assert fitted.scale_ == expected.scale_
    assert fitted.loss_curve_ == expected.loss_curve_
    assert_same(answers(expected, X), answers(fitted, tensor), dispatch)
    assert fitted.score(tensor) == expected.score(X)
    assert type(fitted.score(tensor)) is float
    assert torch.equal(tensor.detach(), before)
    assert tensor.grad is None


@pytest.mark.parametrize(
    ("n_rows", "tensor_first", "dispatch"),
    pairwise([1, 20, 64, 65], [False, True], [False, True]),
    indirect=["dispatch"],
)
def test_models_of_arrays_and_of_tensors_take_both(tensor_first, n_rows, dispatch):
    tensor = torch.tensor(DIGITS)
    ae = make().fit(tensor if tensor_first else DIGITS)
    expected = answers(make().fit(DIGITS), DIGITS[:n_rows])
    assert_same(expected, answers(ae, tensor[:n_rows]), dispatch)
    assert_same(expected, answers(ae, DIGITS[:n_rows]), False)
    # Dispatch may be switched on and off between the calls.
    with config_context(array_api_dispatch=not dispatch):
        assert_same(expected, answers(ae, tensor[:n_rows]), not dispatch)


@pytest.mark.parametrize("params", [{"warm_start": True}, {}], ids=str)
def test_training_goes_on_with_the_other_kind(params, dispatch):
    tensor, method = torch.tensor(DIGITS), "fit" if params else "partial_fit"
    expected = make(**params)
    for _ in range(3):
        getattr(expected, method)(DIGITS)
    for order in ((tensor, DIGITS, tensor), (DIGITS, tensor, DIGITS)):
        ae = make(**params)
        for X in order:
            getattr(ae, method)(X)
        assert_same(answers(expected, DIGITS), answers(ae, tensor), dispatch)


WEIGHTS = {
    "tensor": torch.tensor(WEIGHT),
    "float32": torch.tensor(WEIGHT, dtype=torch.float32),
    "bfloat16": torch.tensor(WEIGHT, dtype=torch.bfloat16),
    "int64": torch.tensor(WEIGHT, dtype=torch.int64),
    "graph": torch.tensor(WEIGHT, requires_grad=True),
    "array": WEIGHT,
    "list": WEIGHT.tolist(),
}


ROWS = {"array": DIGITS, "tensor": torch.tensor(DIGITS)}


@pytest.mark.parametrize(
    ("weight", "method", "rows"), pairwise(WEIGHTS, ["fit", "partial_fit"], ROWS)
)
def test_weights_of_every_kind(weight, method, rows, dispatch):
    rows = ROWS[rows]
    ae = getattr(make(), method)(rows, sample_weight=WEIGHTS[weight])
    tensors = dispatch and isinstance(rows, torch.Tensor)
    expected = answers_of_arrays(method, weighted=True)
    assert_same(expected, answers(ae, rows), tensors)
    # The control: the weights count.
    unweighted = answers_of_arrays(method, weighted=False)
    assert not np.array_equal(unweighted["transform"], expected["transform"])


@cache
def answers_of_arrays(method, weighted):
    weight = WEIGHT if weighted else None
    return answers(getattr(make(), method)(DIGITS, sample_weight=weight), DIGITS)


@pytest.fixture(scope="module")
def fitted():
    return make().fit(DIGITS)


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
def test_weights_of_a_score(weight, rows, fitted, dispatch):
    expected = np.average(fitted.score_samples(DIGITS), weights=WEIGHT)
    assert fitted.score(rows, sample_weight=weight) == expected


def test_rows_without_weight_are_left_out(dispatch):
    weight = np.where(np.arange(200) < 150, 1.0, 0.0)
    ae = make().fit(torch.tensor(DIGITS), sample_weight=torch.tensor(weight))
    expected = make().fit(DIGITS, sample_weight=weight)
    assert_same(answers(expected, DIGITS), answers(ae, torch.tensor(DIGITS)), dispatch)


BAD = {
    "infinity": (lambda X: X.__setitem__((3, 5), np.inf), {}),
    "negative": (lambda X: X.__setitem__((3, 5), -0.5), {"loss": "log_loss"}),
    "too large": (lambda X: X.__setitem__((3, 5), 1.5), {"loss": "log_loss"}),
    "counts": (lambda X: X.__setitem__((3, 5), -1), {"loss": "poisson"}),
}


@pytest.mark.parametrize(("spoil", "params"), BAD.values(), ids=BAD)
def test_bad_tensors_are_refused_in_the_words_for_arrays(spoil, params, dispatch):
    bad = DIGITS.copy()
    spoil(bad)
    ae = make(**params).fit(DIGITS)
    for method in ("fit", "partial_fit", "score_samples"):
        words = []
        for rows in (bad, torch.tensor(bad)):
            with pytest.raises(ValueError, match="X") as caught:
                getattr(ae, method)(rows)
            # The libraries write the names of types in their own ways.
            words.append(re.sub(r"torch\.|dtype\('|'\)", "", str(caught.value)))
        assert words[0] == words[1]


def tensors_in(value):
    """All tensors in what a pickle would hold."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return []
    return [tensor for item in value for tensor in tensors_in(item)]


def test_a_pickle_holds_no_tensor():
    with config_context(array_api_dispatch=True):
        ae = make().fit(torch.tensor(DIGITS), sample_weight=torch.tensor(WEIGHT))
    assert tensors_in(vars(ae))
    assert not tensors_in(ae.__getstate__())
    # Pickling leaves the model as it is.
    assert isinstance(ae.mean_, torch.Tensor)
    loaded = pickle.loads(pickle.dumps(ae))
    assert type(loaded.mean_) is np.ndarray
    expected = answers(make().fit(DIGITS, sample_weight=WEIGHT), DIGITS)
    for on in (False, True):
        with config_context(array_api_dispatch=on):
            assert_same(expected, answers(loaded, DIGITS), False)
            assert_same(expected, answers(loaded, torch.tensor(DIGITS)), on)


# -- no trip through the host ----------------------------------------------------------------


@pytest.fixture
def trips(monkeypatch):
    """The number of rows of each tensor that becomes an array or moves to the CPU."""
    rows = []

    def watched(original):
        def call(self, *args, **kwargs):
            rows.append(self.shape[0] if self.ndim else 0)
            return original(self, *args, **kwargs)

        return call

    for name in ("numpy", "cpu", "tolist", "__array__", "__dlpack__"):
        monkeypatch.setattr(torch.Tensor, name, watched(getattr(torch.Tensor, name)))
    return rows


@pytest.mark.parametrize("method", ANSWERS)
def test_tensors_make_no_trip_through_the_host(method, trips, dispatch):
    tensor = torch.tensor(DIGITS)
    ae = make().fit(tensor)
    codes = ae.transform(tensor)
    trips.clear()
    getattr(ae, method)(tensor)
    ae.inverse_transform(codes)
    # Without dispatch the same calls go through NumPy: the recorder would see it.
    assert (len(tensor) in trips) is not dispatch


def test_training_on_tensors_makes_no_trip_through_the_host(trips, dispatch):
    make().fit(torch.tensor(DIGITS), sample_weight=torch.tensor(WEIGHT))
    assert (len(DIGITS) in trips) is not dispatch


# -- other libraries -------------------------------------------------------------------------


def test_arrays_of_another_library_come_back_as_such():
    strict = pytest.importorskip("array_api_strict")
    expected = answers(make().fit(DIGITS), DIGITS)
    with config_context(array_api_dispatch=True):
        X = strict.asarray(DIGITS)
        ae = make().fit(X)
        found = answers(ae, X)
        for name, value in found.items():
            assert type(value) is type(X), name
            np.testing.assert_array_equal(np.asarray(value), expected[name], err_msg=name)
        assert ae.score(X) == make().fit(DIGITS).score(DIGITS)
        for method in ANSWERS:
            for rows in (DIGITS, DIGITS[:5], torch.tensor(DIGITS)):
                with pytest.raises(ValueError, match="must use the same namespace"):
                    getattr(ae, method)(rows)
        with pytest.raises(ValueError, match="must use the same namespace"):
            make().fit(DIGITS).transform(X)


@pytest.mark.parametrize("first", [StandardScaler, lambda: PCA(10, svd_solver="full")])
def test_tensors_pass_a_pipeline(first, dispatch):
    X = DIGITS + np.random.default_rng(0).normal(size=DIGITS.shape)
    expected = make_pipeline(first(), make()).fit(X)
    pipeline = make_pipeline(first(), make()).fit(torch.tensor(X))
    codes, expected_codes = pipeline.transform(torch.tensor(X)), expected.transform(X)
    assert isinstance(codes, torch.Tensor) is dispatch
    np.testing.assert_allclose(codes, expected_codes, rtol=1e-3, atol=1e-3)
    back = pipeline.inverse_transform(codes)
    assert isinstance(back, torch.Tensor) is dispatch
    np.testing.assert_allclose(back, expected.inverse_transform(expected_codes), atol=1e-2)
    assert abs(pipeline.score(torch.tensor(X)) / expected.score(X) - 1) < 1e-3


MODES = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "another default device": lambda: torch.device("meta"),
}


@pytest.mark.parametrize(
    ("mode", "params"),
    [
        *zip(MODES.values(), ({}, {"dropout": 0.1}, {"normalization": "layer"}), strict=True),
        (torch.inference_mode, {"dropout": 0.1}),
    ],
)
def test_the_callers_mode_of_torch_changes_nothing(mode, params):
    expected = make(**params).fit(DIGITS)
    with mode():
        ae = make(**params).fit(DIGITS)
        found = answers(ae, DIGITS)
    for name, value in answers(expected, DIGITS).items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    # Training goes on outside of it.
    ae.partial_fit(DIGITS)
    assert ae.loss_ == expected.partial_fit(DIGITS).loss_
