"""The datasets that callbacks see are torch's, and the net predicts for them."""

import numpy as np
import pytest
import skorch
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.metrics import mean_squared_error, r2_score
from skorch.callbacks import BatchScoring, Callback, EpochScoring
from torch.utils.data import DataLoader, Subset, TensorDataset

from skae import AutoencoderTransformer

X = load_digits().data[:120]
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 2, "early_stopping": True, "random_state": 0}
WEIGHT = np.arange(120) % 4 + 1.0


class Look(Callback):
    """Calls a function with the net and both datasets at the end of the last epoch."""

    def __init__(self, function):
        self.function = function
        self.n_calls_ = 0

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        for dataset in (dataset_train, dataset_valid):
            self.function(net, dataset)
            self.n_calls_ += 1


def look(function, rows=X, sample_weight=None, **params):
    callback = Look(function)
    params = SMALL | params | {"callbacks": [callback]}
    ae = AutoencoderTransformer(2, **params).fit(rows, sample_weight=sample_weight)
    assert callback.n_calls_ == 4
    return ae


def mapped(folder):
    np.save(folder / "rows.npy", X)
    return np.load(folder / "rows.npy", mmap_mode="r")


TABLES = {
    "array": lambda folder: X,
    "float32": lambda folder: X.astype(np.float32),
    "tensor": lambda folder: torch.as_tensor(X),
    "sparse": lambda folder: sparse.csr_array(X),
    "mapped": mapped,
}


@pytest.mark.parametrize("sample_weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("table", TABLES)
def test_a_dataset_is_indexed_as_torchs_are(table, sample_weight, tmp_path):
    seen = []

    def check(net, dataset):
        rows = np.asarray(dataset)
        n = len(dataset)
        assert rows.shape == (n, 64)
        for index in (0, 5, -1, -n, np.int64(2), torch.tensor(3)):
            x, target = dataset[index]
            assert x.shape == target.shape == (64,)
            assert_array_equal(x, rows[int(index)])
            assert_array_equal(target, rows[int(index)])
        some = [slice(2, 6), slice(None, None, -2), [3, 1], np.array([-1]), np.arange(n) % 3 == 0]
        for index in (*some, torch.tensor([2, 0])):
            x, target = dataset[index]
            expected = rows[index.numpy() if isinstance(index, torch.Tensor) else index]
            assert_array_equal(x, expected)
            assert_array_equal(target, expected)
        for beyond in (n, -n - 1, [0, n]):
            with pytest.raises(IndexError):
                dataset[beyond]
        # An item is not overwritten by the next one.
        pairs = list(dataset)
        assert_array_equal(torch.stack([x for x, _ in pairs]), rows)
        loader = DataLoader(dataset, batch_size=7, generator=torch.Generator())
        assert_array_equal(torch.cat([x for x, _ in loader]), rows)
        assert np.asarray(dataset, dtype=np.float64).dtype == np.float64
        seen.append(rows)

    ae = look(check, TABLES[table](tmp_path), sample_weight)
    # Together they are the rows as the network sees them.
    expected = np.sort(((X - ae.mean_) / ae.scale_).sum(axis=1))
    found = np.sort(np.concatenate(seen[:2]).sum(axis=1))
    assert_allclose(found, expected, atol=1e-3)


def test_looking_changes_nothing():
    plain = AutoencoderTransformer(2, **SMALL).fit(X)
    watched = look(lambda net, dataset: [*dataset, np.asarray(dataset), net.predict(dataset)])
    assert_array_equal(watched.transform(X), plain.transform(X))


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "poisson"])
def test_the_net_predicts_rows(loss):
    """In the scale of the dataset, whatever link the loss has."""
    predicted = []

    def predict(net, dataset):
        rows, found = np.asarray(dataset), net.predict(dataset)
        assert_allclose(net.predict(rows), found, atol=1e-6)
        assert_allclose(net.predict(rows.tolist()), found, atol=1e-6)
        assert_allclose(net.predict(dataset[:9][0]), found[:9], atol=1e-6)
        assert_allclose(net.predict(Subset(dataset, [4, 2])), found[[4, 2]], atol=1e-6)
        assert_allclose(net.predict(TensorDataset(torch.tensor(rows))), found, atol=1e-6)
        assert_allclose(net.predict(skorch.dataset.Dataset(rows)), found, atol=1e-6)
        predicted.append((rows, found))

    ae = look(predict, X / 16, loss=loss, learning_rate="cosine", learning_rate_init=1e-9)
    for rows, found in predicted[-2:]:
        # Training at such a rate moves nothing, so that the fitted estimator answers the same.
        expected = ae.reconstruct(rows * ae.scale_ + ae.mean_)
        assert_allclose(found * ae.scale_ + ae.mean_, expected, atol=1e-3)


class Keep(Callback):
    """Keeps what the last epoch's validation rows and the network's answers were."""

    def on_epoch_end(self, net, dataset_valid=None, **kwargs):
        self.rows_, self.found_ = np.asarray(dataset_valid), net.predict(dataset_valid)


@pytest.mark.parametrize("sample_weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_scorers_of_scikit_learn(sample_weight):
    """Their targets are the rows, and neither nothing nor the weights."""

    def r2(net, D, y=None):
        return float(r2_score(np.asarray(D), net.predict(D), multioutput="variance_weighted"))

    keep = Keep()
    scores = [
        ("cached", EpochScoring("neg_mean_squared_error", name="cached")),
        ("function", EpochScoring(mean_squared_error, name="function")),
        ("batches", BatchScoring("neg_mean_squared_error", name="batches")),
        ("own", EpochScoring(r2, name="own", use_caching=False)),
        ("train", EpochScoring("r2", name="train", on_train=True)),
    ]
    ae = AutoencoderTransformer(2, callbacks=[keep, *scores], **SMALL)
    ae.fit(X, sample_weight=sample_weight)
    last = ae.net_.history[-1]
    expected = ((keep.rows_ - keep.found_) ** 2).mean()
    assert_allclose(last["cached"], -expected, rtol=1e-5)
    assert_allclose(last["function"], expected, rtol=1e-5)
    assert_allclose(last["batches"], -expected, rtol=1e-5)
    expected = r2_score(keep.rows_, keep.found_, multioutput="variance_weighted")
    assert_allclose(last["own"], expected, rtol=1e-5)
    assert np.isfinite(last["train"])


def test_that_callbacks_listen_to_batches_changes_nothing():
    """Batch normalisation and dropout are told nothing of what is predicted for them."""

    class Listen(Callback):
        def on_batch_end(self, net, batch=None, y_pred=None, **kwargs):
            assert not y_pred.requires_grad
            net.predict(batch[0])

    params = SMALL | {"normalization": "batch", "dropout": 0.3, "init": "random"}
    plain, watched = (
        AutoencoderTransformer(2, callbacks=callbacks, **params).fit(X)
        for callbacks in (None, [Listen()])
    )
    assert_allclose(watched.transform(X), plain.transform(X), atol=1e-5)
