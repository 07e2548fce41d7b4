"""Sparse input is trained and used like dense input, without ever being dense as a whole."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import MaxAbsScaler

from skae import AutoencoderTransformer

PARAMS = {"hidden_layer_sizes": (7,), "max_iter": 4, "batch_size": 32, "random_state": 0}
# Sums over sparse and dense columns are taken in another order.
ROUNDING = {"rtol": 1e-3, "atol": 1e-3}


def make_sparse(n_samples, n_features, per_row=4, seed=0):
    """Rows with a few counts each, around three kinds of favourite columns."""
    rng = np.random.RandomState(seed)
    kind = rng.randint(3, size=(n_samples, 1))
    columns = (kind * n_features // 3 + rng.randint(5, size=(n_samples, per_row))) % n_features
    rows = np.repeat(np.arange(n_samples), per_row)
    counts = rng.randint(1, 4, size=rows.shape).astype(np.float64)
    shape = (n_samples, n_features)
    return sparse.csr_array((counts, (rows, columns.ravel())), shape=shape)


TABLE = make_sparse(200, 30)
DENSE = TABLE.toarray()


def answers(ae, X):
    codes = ae.transform(X)
    return {
        "transform": codes,
        "inverse_transform": ae.inverse_transform(codes),
        "reconstruct": ae.reconstruct(X),
        "score_samples": ae.score_samples(X),
        "score": ae.score(X),
    }


def assert_close(one, other, **tolerance):
    for name, value in one.items():
        np.testing.assert_allclose(other[name], value, err_msg=name, **tolerance)


VARIANTS = {
    "plain": {},
    "all_rows_in_one_batch": {"batch_size": 200, "early_stopping": False},
    "random": {"init": "random"},
    "linear": {"hidden_layer_sizes": ()},
    "share_of_variance": {"n_components": 0.7},
    "poisson": {"loss": "poisson", "max_grad_norm": 0.1},
    "log_loss": {"loss": "log_loss"},
    "negative_binomial": {"loss": "negative_binomial"},
    "multinomial": {"loss": "multinomial"},
    "huber_with_early_stopping": {"loss": "huber", "early_stopping": True},
}


# Every two of variant, method and weights meet.
PAIRS = [
    pytest.param(params, weighted, method, id=f"{name}-{weighted}-{method}")
    for i, (name, params) in enumerate(VARIANTS.items())
    for weighted, method in [(i % 2 == 0, "fit"), (i % 2 == 1, "partial_fit")]
]


@pytest.mark.parametrize(("params", "weighted", "method"), PAIRS)
def test_sparse_equals_dense(params, weighted, method):
    table = TABLE
    if params.get("loss") == "log_loss":
        table = MaxAbsScaler().fit_transform(TABLE)
    # Plain descent does not blow rounding up, as optimizers that divide by gradients do.
    params = PARAMS | {"optimizer": "sgd", "n_components": 3} | params
    weights = np.random.RandomState(1).uniform(size=200) if weighted else None
    dense, ae = AutoencoderTransformer(**params), AutoencoderTransformer(**params)
    for _ in range(2):
        getattr(dense, method)(table.toarray(), sample_weight=weights)
        getattr(ae, method)(table, sample_weight=weights)
    assert_close(answers(dense, table.toarray()), answers(ae, table), **ROUNDING)
    np.testing.assert_allclose(ae.loss_curve_, dense.loss_curve_, rtol=1e-3)
    np.testing.assert_allclose(ae.mean_, dense.mean_, rtol=1e-6)
    np.testing.assert_allclose(ae.scale_, dense.scale_, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fitted_on", [DENSE, TABLE], ids=["dense", "sparse"])
def test_one_model_answers_sparse_and_dense_alike(fitted_on, dtype):
    ae = AutoencoderTransformer(3, **PARAMS).fit(fitted_on)
    X = TABLE.astype(dtype)
    for name, value in answers(ae, X).items():
        np.testing.assert_array_equal(value, answers(ae, X.toarray())[name], err_msg=name)
    assert ae.transform(X).dtype == ae.reconstruct(X).dtype == dtype


FORMATS = ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]


@pytest.mark.filterwarnings("ignore:Constructing a DIA matrix")
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_every_sparse_format(kind):
    ae = AutoencoderTransformer(3, **PARAMS).fit(TABLE)
    expected = answers(ae, TABLE)
    for sparse_format in FORMATS:
        convert = getattr(sparse, f"{sparse_format}_{kind}")
        other = AutoencoderTransformer(3, **PARAMS).fit(convert(TABLE))
        for name, value in answers(other, convert(TABLE)).items():
            np.testing.assert_array_equal(value, expected[name], err_msg=f"{sparse_format} {name}")


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
def test_untidy_csr(index_dtype):
    """Explicit zeros, unsorted columns, entries in parts and integer counts."""
    untidy = sparse.csr_array(
        (
            np.tile([2, 0, 1, 1], 40),
            np.tile([3, 1, 0, 3], 40).astype(index_dtype),
            (4 * np.arange(41)).astype(index_dtype),
        ),
        shape=(40, 5),
    )
    untidy.data[::8] = 5
    tidy = untidy.toarray().astype(float)
    before = untidy.data.copy(), untidy.indices.copy(), untidy.indptr.copy()
    params = PARAMS | {"optimizer": "sgd"}
    ae = AutoencoderTransformer(2, **params).fit(untidy)
    dense = AutoencoderTransformer(2, **params).fit(tidy)
    assert_close(answers(dense, tidy), answers(ae, untidy), **ROUNDING)
    for part, copy in zip((untidy.data, untidy.indices, untidy.indptr), before, strict=True):
        np.testing.assert_array_equal(part, copy)


# -- never dense as a whole ---------------------------------------------------------------


class NeverWhole(sparse.csr_array):
    """A matrix that becomes dense in no more than a million cells at once."""

    def _check(self):
        if self.shape[0] * self.shape[1] > 1_000_000:
            raise MemoryError(f"{self.shape[0]} rows at once")

    def toarray(self, *args, **kwargs):
        self._check()
        return super().toarray(*args, **kwargs)

    def todense(self, *args, **kwargs):
        self._check()
        return super().todense(*args, **kwargs)


@pytest.fixture(scope="module")
def tall():
    return NeverWhole(make_sparse(12_000, 100))


def test_never_whole_notices_the_whole(tall):
    for make_dense in (tall.toarray, tall.todense, tall[1:].toarray, (tall * 2).toarray):
        with pytest.raises(MemoryError, match="rows at once"):
            make_dense()
    assert tall[:10].toarray().shape == (10, 100)


# The range of a loss, the moments, the start, training and scoring each read all rows.
@pytest.mark.parametrize(
    ("params", "weighted"),
    [
        ({"early_stopping": True}, True),
        ({"early_stopping": False, "n_components": 0.2}, False),
        ({"init": "random", "normalization": "batch"}, True),
        ({"loss": "poisson", "max_grad_norm": 0.1}, False),
        ({"loss": "negative_binomial"}, True),
        ({"loss": "multinomial", "early_stopping": False}, False),
    ],
)
def test_the_table_is_never_made_dense_as_a_whole(tall, params, weighted):
    weights = np.arange(12_000.0) if weighted else None
    params = {"n_components": 2} | PARAMS | {"max_iter": 1, "batch_size": 4096} | params
    ae = AutoencoderTransformer(**params).fit(tall, sample_weight=weights)
    ae.partial_fit(tall, sample_weight=weights)
    ae.set_params(warm_start=True).fit(tall, sample_weight=weights)
    assert ae.transform(tall).shape == (12_000, ae.n_components_)
    assert ae.reconstruct(tall).shape == tall.shape
    assert np.isfinite(ae.score(tall))


@pytest.fixture(scope="module")
def wide():
    """A table of 1 MB that would be 80 MB in float64."""
    table = make_sparse(4000, 2500, per_row=20)
    assert table.data.nbytes + table.indices.nbytes + table.indptr.nbytes < 1.5e6
    # What the first fit of a process imports is none of the memory that is measured.
    AutoencoderTransformer(3, **PARAMS).fit(TABLE).score_samples(TABLE)
    return table


def peak_of(call):
    """The most memory, in bytes, that numpy and Python held during a call."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_peak_shows_a_dense_copy(wide):
    part = wide[:2000]
    assert peak_of(part.toarray) >= 2000 * 2500 * 8


@pytest.mark.parametrize("loss", ["negative_binomial", "multinomial"])
def test_counts_stay_far_below_the_dense_table(wide, loss):
    params = {"hidden_layer_sizes": (), "init": "pca", "max_iter": 1, "random_state": 0}
    ae = AutoencoderTransformer(3, loss=loss, **params, batch_size=100, early_stopping=False)
    part = wide[:1000]
    dense = part.shape[0] * part.shape[1] * 8
    assert peak_of(lambda: ae.fit(part)) < dense / 3
    assert peak_of(lambda: ae.score_samples(part)) < dense / 5


def test_memory_stays_far_below_the_dense_table(wide):
    params = {"hidden_layer_sizes": (), "init": "pca", "max_iter": 1, "random_state": 0}
    ae = AutoencoderTransformer(3, **params, batch_size=500, early_stopping=False)
    dense = wide.shape[0] * wide.shape[1] * 8
    assert peak_of(lambda: ae.fit(wide)) < dense / 3
    assert peak_of(lambda: ae.partial_fit(wide)) < dense / 3
    assert peak_of(lambda: ae.transform(wide)) < dense / 20
    assert peak_of(lambda: ae.score_samples(wide)) < dense / 20


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
def test_every_kind_of_sparse_input_takes_weights(container, dtype, weighted):
    X = sparse.random(60, 9, density=0.4, random_state=0, dtype=dtype).toarray()
    weight = np.arange(60) % 3 + 1.0 if weighted else None
    params = {"hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 0}
    from_sparse = AutoencoderTransformer(3, **params).fit(container(X), sample_weight=weight)
    from_dense = AutoencoderTransformer(3, **params).fit(X, sample_weight=weight)
    np.testing.assert_allclose(
        from_sparse.transform(container(X)), from_dense.transform(X), atol=0.01
    )


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "negative_binomial", "multinomial"])
def test_a_sparse_matrix_is_read_and_never_written(loss):
    """Sorting its indices or adding up duplicates would write to what the caller owns."""
    rng = np.random.default_rng(0)
    left, right = (sparse.random_array((50, 50), density=0.2, rng=rng).tocsr() for _ in range(2))
    X = left @ right
    assert not X.has_sorted_indices
    before = X.indices.copy(), X.data.copy()
    for array in (X.data, X.indices, X.indptr):
        array.flags.writeable = False
    ae = AutoencoderTransformer(3, hidden_layer_sizes=(6,), max_iter=2, loss=loss, random_state=0)
    ae.fit(X).score_samples(X)
    np.testing.assert_array_equal(X.indices, before[0])
    np.testing.assert_array_equal(X.data, before[1])
    np.testing.assert_allclose(ae.transform(X), ae.transform(X.toarray()), atol=1e-5)
