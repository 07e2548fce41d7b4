"""The same every time: seeds, threads, and a row alone as in a batch."""

import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import numpy as np
import pandas as pd
import pytest
import torch
from fused_cases import pairwise
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skae import AutoencoderTransformer
from skae.engine import ChunkSizes

SMALL = {"hidden_layer_sizes": (9,), "max_iter": 3, "batch_size": 32}


def make_table(n_samples, n_features, dtype=np.float64, seed=0):
    rng = np.random.RandomState(seed)
    factors = rng.normal(size=(n_samples, min(3, n_features)))
    table = factors @ rng.normal(size=(factors.shape[1], n_features))
    return (table + 0.1 * rng.normal(size=table.shape)).astype(dtype)


X = make_table(150, 6)


def outcome(ae):
    """All that training decides: curves, codes, scores and every weight."""
    weights = {name: w.numpy() for name, w in ae.net_.module_.state_dict().items()}
    curves = {"train": ae.loss_curve_, "valid": ae.validation_loss_curve_ or []}
    answers = {"codes": ae.transform(X), "scores": ae.score_samples(X)}
    return {k: np.array(v) for k, v in (weights | curves | answers).items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(other[name], value, err_msg=name)


def differs(one, other):
    return any(not np.array_equal(value, other[name]) for name, value in one.items())


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  the legacy generator is the one to leave alone
    torch.manual_seed(seed)


def global_states():
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    torch_state = torch.get_rng_state().numpy().tobytes()
    return random.getstate(), name, keys.tobytes(), rest, torch_state


@pytest.fixture(autouse=True)
def _global_generators_are_put_back():
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    torch.set_rng_state(states[2])


RANDOM_PARTS = {
    "validation": {"early_stopping": True},
    "random_init": {"init": "random"},
    "dropout": {"dropout": 0.3, "early_stopping": False},
    "batch_norm": {"normalization": "batch"},
    "all_rows_in_float64": {"batch_size": 150, "early_stopping": False},
    "more_codes_than_features": {"n_components": 11},
    "l1": {"alpha": 1e-3, "l1_ratio": 1.0, "optimizer": "adamw"},
    "share_of_variance": {"n_components": 0.8},
}


@pytest.mark.parametrize("params", RANDOM_PARTS.values(), ids=RANDOM_PARTS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_same_random_state_same_bits(params, method):
    outcomes = []
    for seed in (1, 2):
        seed_everything(seed)
        before = global_states()
        ae = AutoencoderTransformer(**SMALL | params, random_state=3)
        for _ in range(2):
            getattr(ae, method)(X)
        outcomes.append(outcome(ae))
        ae.inverse_transform(ae.transform(X))
        pickle.loads(pickle.dumps(ae))
        assert global_states() == before
    assert_same(*outcomes)
    other = AutoencoderTransformer(**SMALL | params, random_state=4)
    for _ in range(2):
        getattr(other, method)(X)
    # Without a split, without noise and without batches nothing is left to chance.
    assert differs(outcomes[0], outcome(other)) or params == RANDOM_PARTS["all_rows_in_float64"]


def test_the_global_states_would_show_a_draw():
    before = global_states()
    for draw in (random.random, np.random.rand, lambda: torch.rand(1)):
        draw()
        assert global_states() != before
        before = global_states()


def test_random_state_may_be_a_generator():
    def fit(random_state):
        return AutoencoderTransformer(**SMALL, dropout=0.2, random_state=random_state).fit(X)

    one, same = outcome(fit(np.random.RandomState(5))), outcome(fit(np.random.RandomState(5)))
    assert_same(one, same)
    # An instance moves on from fit to fit, as everywhere in scikit-learn.
    generator = np.random.RandomState(5)
    assert_same(one, outcome(fit(generator)))
    assert differs(one, outcome(fit(generator)))


def test_without_random_state_numpys_generator_decides():
    def fit(seed):
        seed_everything(seed)
        return outcome(AutoencoderTransformer(**SMALL, dropout=0.2).fit(X))

    assert_same(fit(0), fit(0))
    assert differs(fit(0), fit(1))


@pytest.mark.parametrize("call", ["fit", "partial_fit", "transform", "score_samples"])
def test_the_number_of_threads_is_put_back_and_does_not_matter(call):
    def run(n_threads):
        torch.set_num_threads(n_threads)
        ae = AutoencoderTransformer(**SMALL, random_state=0)
        if call in ("transform", "score_samples"):
            ae.fit(X)
        getattr(ae, call)(X)
        assert torch.get_num_threads() == n_threads
        with pytest.raises(ValueError, match="NaN"):
            ae.partial_fit(np.full_like(X, np.nan))
        assert torch.get_num_threads() == n_threads
        return outcome(ae)

    before = torch.get_num_threads()
    try:
        assert_same(run(2), run(1))
    finally:
        torch.set_num_threads(before)


def test_fits_in_threads_equal_fits_in_turn():
    def fit(seed):
        params = SMALL | {"dropout": 0.2, "max_iter": 6}
        return outcome(AutoencoderTransformer(**params, random_state=seed).fit(X))

    seeds = list(range(5))
    in_turn = [fit(seed) for seed in seeds]
    with ThreadPoolExecutor(4) as pool:
        for expected, result in zip(in_turn, pool.map(fit, seeds), strict=True):
            assert_same(expected, result)


def test_threads_share_one_fitted_estimator():
    ae = AutoencoderTransformer(**SMALL, random_state=0).fit(X)
    tables = [make_table(n, 6, seed=n) for n in range(1, 150, 7)] * 3
    methods = [ae.transform, ae.reconstruct, ae.score_samples]
    jobs = [(method, table) for table in tables for method in methods]
    in_turn = [method(table) for method, table in jobs]
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda job: job[0](job[1]), jobs))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)
    for expected, result in zip(in_turn, results, strict=True):
        np.testing.assert_array_equal(result, expected)


# -- a row alone, and the same row in a batch ------------------------------------------

SHAPES = [
    # n_features, n_components, hidden_layer_sizes
    *[(n, max(1, n // 3), (30,)) for n in range(1, 71, 6)],
    *[(n, 1 + n % 7, (13, 7)) for n in range(3, 71, 8)],
    *[(n, 1 + n % 5, ()) for n in range(1, 71, 10)],
    (7, 19, (5,)),
    (33, 17, (257,)),
    (64, 16, (64, 32)),
]
DTYPES = [np.float32, np.float64]


def answers(ae, rows):
    codes = ae.transform(rows)
    return {
        "transform": codes,
        "inverse_transform": ae.inverse_transform(codes),
        "reconstruct": ae.reconstruct(rows),
        "score_samples": ae.score_samples(rows),
    }


@pytest.mark.parametrize(
    ("n_features", "n_components", "hidden", "trained_in"),
    [
        (*shape, dtype)
        for i, shape in enumerate(SHAPES)
        for dtype in (DTYPES if i >= len(SHAPES) - 3 else [DTYPES[i % 2]])
    ],
)
def test_a_row_alone_equals_its_row_in_a_batch(n_features, n_components, hidden, trained_in):
    table = make_table(150, n_features, np.float64)
    # Codes and weights without structure: the start at PCA would round too benignly.
    params = {"hidden_layer_sizes": hidden, "init": "random", "max_iter": 1, "random_state": 0}
    params |= {"batch_size": 150, "early_stopping": False}
    ae = AutoencoderTransformer(n_components, **params).fit(table.astype(trained_in))
    rng = np.random.RandomState(1)
    for dtype in (np.float32, np.float64):
        rows = table.astype(dtype)
        together = answers(ae, rows)
        for i in (0, 1, 7, 63, 64, 149):
            for name, value in answers(ae, rows[i : i + 1]).items():
                assert np.array_equal(value[0], together[name][i]), (name, dtype, i)
        order = rng.permutation(150)
        for part in (order, order[:37], slice(None, None, -3)):
            for name, value in answers(ae, rows[part]).items():
                assert np.array_equal(value, together[name][part]), (name, dtype)


VARIANTS = [
    {"normalization": "batch"},
    {"normalization": "layer", "activation": "tanh"},
    {"init": "pca", "activation": "gelu"},
    {"loss": "log_loss", "init": "pca"},
    {"loss": "poisson", "activation": "logistic"},
    {"loss": "huber", "dropout": 0.3, "activation": "elu"},
    {"loss": "absolute_error", "activation": "leaky_relu"},
]


@pytest.mark.parametrize(
    ("params", "to_input"),
    [
        *zip(VARIANTS, cycle([np.asarray, sparse.csr_array]), strict=False),
        (VARIANTS[0], np.asfortranarray),
        (VARIANTS[0], sparse.csr_array),
    ],
    ids=str,
)
def test_a_row_alone_in_every_variant(params, to_input):
    table = make_table(90, 11)
    table = (table - table.min()) / np.ptp(table)
    ae = AutoencoderTransformer(3, **SMALL | params, random_state=0).fit(to_input(table))
    together = answers(ae, to_input(table))
    for i in (0, 3, 63, 64, 89):
        for name, value in answers(ae, to_input(table[i : i + 1])).items():
            assert np.array_equal(value[0], together[name][i]), (name, i)


FEW = (1, 2, 32, 33, 64, 65, 129, 257)


def rows_at_a_time(ae, n_rows):
    """The sizes of the chunks in which so many rows go through the encoder."""
    sizes = set()
    hook = lambda module, args, result: sizes.add(len(result))  # noqa: E731
    with ae.net_.module_.encoder.register_forward_hook(hook):
        ae.transform(np.zeros((n_rows, ae.n_features_in_)))
    return sizes


@pytest.mark.parametrize(
    ("shape", "trained_in", "activation"),
    pairwise(
        [(1, 1, ()), (5, 3, (9,)), (17, 4, (33, 11)), (2100, 3, (20,))],
        DTYPES,
        ["relu", "silu", "tanh"],
    ),
)
def test_few_rows_equal_their_rows_in_a_large_table(monkeypatch, shape, trained_in, activation):
    """Fewer rows take a smaller chunk, where the bits are the same in chunks of all sizes."""
    n_features, n_components, hidden = shape
    table = make_table(300, n_features)
    params = {"hidden_layer_sizes": hidden, "activation": activation, "init": "random"}
    params |= {"batch_size": 300, "early_stopping": False, "max_iter": 1, "random_state": 0}
    ae = AutoencoderTransformer(n_components, **params).fit(table.astype(trained_in))
    together = {dtype: answers(ae, table.astype(dtype)) for dtype in (np.float32, np.float64)}

    def check(n_rows, start=20):
        for dtype, expected in together.items():
            rows = table[start : start + n_rows].astype(dtype)
            for name, value in answers(ae, rows).items():
                assert np.array_equal(value, expected[name][start : start + n_rows]), name

    for n_rows in FEW:
        check(n_rows)
    # Where the check of the BLAS fails, every chunk is as large as the largest.
    monkeypatch.setattr(ChunkSizes, "_all_agree", lambda self, examples: False)
    assert len({*rows_at_a_time(ae, 1), *rows_at_a_time(ae, 1000)}) == 1
    for n_rows in FEW:
        check(n_rows)


def test_few_clean_rows_are_not_taken_on_trust():
    """Validation is left out for a few rows that it would return as they are, and only then."""
    table = make_table(150, 6)
    ae = AutoencoderTransformer(**SMALL, random_state=0).fit(table)
    named = AutoencoderTransformer(**SMALL, random_state=0).fit(
        pd.DataFrame(table, columns=[*"abcdef"])
    )
    for method in ("transform", "reconstruct", "score_samples"):
        for dtype in (np.float32, np.float64):
            for n_rows in (1, 64, 65):
                rows = table[:n_rows].astype(dtype)
                with pytest.raises(ValueError, match=r"5 features, but Autoenc.* expecting 6"):
                    getattr(ae, method)(rows[:, :5])
                with pytest.raises(ValueError, match="Expected 2D array, got 1D"):
                    getattr(ae, method)(rows[0])
                with pytest.warns(UserWarning, match="X does not have valid feature names"):
                    getattr(named, method)(rows)
                rows[-1, -1] = np.inf
                with pytest.raises(ValueError, match="infinity"):
                    getattr(ae, method)(rows)
                rows[-1] = np.nan
                with pytest.raises(ValueError, match="has no value"):
                    getattr(ae, method)(rows)
        with pytest.raises(ValueError, match="0 sample"):
            getattr(ae, method)(table[:0])
        with pytest.raises(NotFittedError):
            getattr(AutoencoderTransformer(), method)(table[:1])


@pytest.fixture(scope="module")
def large():
    """A network of more than three million weights, which is run on several threads."""
    table = make_table(130, 1100, np.float32)
    params = {"hidden_layer_sizes": (1501,), "max_iter": 1, "init": "random", "random_state": 0}
    return AutoencoderTransformer(5, **params).fit(table), table


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_a_row_alone_in_a_large_network(large, n_threads):
    ae, table = large
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        together = answers(ae, table)
        for i in (0, 1, 21, 22, 32, 63, 64, 129):
            for name, value in answers(ae, table[i : i + 1]).items():
                assert np.array_equal(value[0], together[name][i]), (name, i)
    finally:
        torch.set_num_threads(before)


def test_threads_that_start_during_a_transform_keep_the_setting():
    """Torch hands a new thread the number that was set last, wherever that was."""
    X = make_table(5000, 20, np.float32)
    ae = AutoencoderTransformer(3, hidden_layer_sizes=(8,), max_iter=1, random_state=0).fit(X)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: ae.transform(X), range(40)))
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == 3
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
