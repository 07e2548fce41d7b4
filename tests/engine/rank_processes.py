"""What each of several ranks does in the tests of training together."""

import os
import pickle
import time
import warnings
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
from skorch.callbacks import Callback
from torch import nn

import skae
from skae.engine.distributed import _groups


def run_rank(work, rank, size, folder, *args):
    """Join the ranks, do what `work` is, and leave what it returns, or its error, in a file."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    store = dist.FileStore(f"{folder}/store", size)
    dist.init_process_group(
        "gloo", store=store, rank=rank, world_size=size, timeout=timedelta(seconds=60)
    )
    start = time.monotonic()
    try:
        answer = work(rank, *args)
    except Exception as error:
        answer = error
    # Another rank may be gone: no farewell to it.
    with open(f"{folder}/answer-{rank}", "wb") as file:
        pickle.dump((answer, time.monotonic() - start), file)
    os._exit(0)


class Noise:
    """Noise that depends on all rows of a batch."""

    def __call__(self, x, generator):
        drawn = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        return x + x.mean(dim=0) * drawn

    def __repr__(self):
        return "Noise()"


def tables():
    """Return rows, weights, rows with gaps, counts, and a table with columns of several types."""
    import pandas as pd

    rng = np.random.default_rng(0)
    X = np.tanh(rng.normal(size=(123, 3)) @ rng.normal(size=(3, 9))) + 0.1 * rng.random((123, 9))
    gaps = np.where(rng.random(X.shape) < 0.15, np.nan, X)
    table = pd.DataFrame(gaps[:, :4]).add_prefix("x")
    table["kind"] = pd.Categorical(np.digitize(X[:, 5], [-0.5, 0.5]))
    return {
        "rows": X,
        "gaps": gaps,
        "counts": rng.poisson(np.exp(1 + X)),
        "table": table,
    }, rng.uniform(0.2, 3, len(X))


def cases():
    """Return estimators by name, with their table and whether rows have weights."""
    few = {"random_state": 0, "max_iter": 2}
    small = few | {"hidden_layer_sizes": (8,)}
    random = small | {"init": "random"}
    plain, sparse = skae.AutoencoderTransformer, skae.SparseAutoencoder
    noisy = skae.DenoisingAutoencoder
    return {
        "plain": (plain(3, **random), "rows", False),
        "started at PCA": (plain(3, alpha=0.1, **small), "rows", True),
        "penalties": (
            plain(3, alpha=1e-2, l1_ratio=0.5, max_grad_norm=0.05, **random),
            "rows",
            True,
        ),
        "dropout": (plain(3, dropout=0.2, normalization="layer", **random), "rows", True),
        "gaps": (plain(3, **random), "gaps", True),
        "columns": (plain(3, **random), "table", True),
        "lbfgs": (
            plain(3, **random, optimizer=torch.optim.LBFGS, learning_rate_init=0.003),
            "rows",
            True,
        ),
        "negative binomial": (plain(3, loss="negative_binomial", **random), "counts", True),
        "masking": (noisy(3, **random), "rows", True),
        "gaussian": (noisy(3, noise="gaussian", **random), "rows", False),
        "salt and pepper": (noisy(3, noise="salt_and_pepper", **random), "rows", False),
        "swap": (noisy(3, noise="swap", **random), "rows", False),
        "noise of a user": (noisy(3, noise=Noise(), **random), "rows", False),
        "variational": (skae.VariationalAutoencoder(3, **random), "rows", True),
        "free bits": (skae.VariationalAutoencoder(3, free_bits=0.3, **random), "rows", True),
        "variational columns": (skae.VariationalAutoencoder(3, **random), "table", True),
        "conditional": (
            skae.VariationalAutoencoder(3, conditional=True, **random),
            "rows",
            False,
        ),
        "adversarial": (skae.AdversarialAutoencoder(3, **random), "rows", True),
        "wasserstein": (skae.WassersteinAutoencoder(3, **random), "rows", True),
        "contractive": (skae.ContractiveAutoencoder(3, **random), "rows", True),
        "contractive, estimated": (
            skae.ContractiveAutoencoder(3, **random | {"hidden_layer_sizes": (8, 8)}),
            "rows",
            True,
        ),
        "nested": (skae.NestedAutoencoder(3, **random), "rows", True),
        "top k": (sparse(12, **few), "rows", True),
        "batch top k": (
            sparse(12, penalty="batch_top_k", **few),
            "rows",
            True,
        ),
        "kl": (
            sparse(12, penalty="kl", target_activation=0.2, **few),
            "rows",
            True,
        ),
        "l1": (sparse(12, penalty="l1", **few), "rows", True),
    }


def fit_case(name):
    """Fit a case in float64; return the weights before small batches, those after, the history.

    One batch an epoch trains in float64, which training that continues in small batches keeps.
    Early stopping may go back to where it started, so that an epoch without it follows.
    """
    estimator, table, weighted = cases()[name]
    found, weight = tables()
    X, fit_params = found[table], {"sample_weight": weight} if weighted else {}
    if getattr(estimator, "conditional", False):
        fit_params["y"] = np.digitize(X[:, 5], [-0.5, 0.5])
    estimator.set_params(batch_size=len(X), early_stopping=False).fit(X, **fit_params)
    before = weights(estimator)
    more = {"batch_size": 41, "max_iter": 3, "n_iter_no_change": 1, "tol": 0.05}
    estimator.set_params(warm_start=True, early_stopping=True, **more).fit(X, **fit_params)
    estimator.set_params(early_stopping=False, max_iter=1).fit(X, **fit_params)
    assert next(estimator.net_.module_.parameters()).dtype == torch.float64
    return before, weights(estimator), history(estimator)


def weights(estimator):
    """Return all parameters and buffers of network and objective, in one array."""
    net = estimator.net_
    states = [*net.module_.state_dict().values(), *net.criterion_.state_dict().values()]
    return np.concatenate([state.cpu().double().numpy().ravel() for state in states])


def history(estimator):
    """Return the losses of all epochs."""
    return [
        {name: value for name, value in epoch.items() if isinstance(value, float)}
        for epoch in estimator.net_.history
    ]


def fit_cases(rank):
    """Fit all cases, and some that only ranks have; return what each left."""
    found = {name: fit_case(name) for name in cases()}
    X = tables()[0]["rows"]
    # Each rank has a random state of its own here, and rank 0's is that of all.
    np.random.seed(rank)  # noqa: NPY002  random_state=None means this generator
    ae = skae.AutoencoderTransformer(2, max_iter=2, dropout=0.1).fit(X)
    found["drawn"] = weights(ae)
    state = np.random.RandomState(rank)
    ae = skae.AutoencoderTransformer(2, max_iter=2, random_state=state, verbose=1).fit(X)
    found["drawn from a state"] = weights(ae)
    path = f"model-{rank}.skae"
    skae.save(skae.AutoencoderTransformer(2, max_iter=2, random_state=0).fit(X), path)
    with open(path, "rb") as file:
        found["file"] = file.read()
    return found


def fit_on(device):
    """Return the weights of a fit on a device, of a fused step and of one by autograd."""
    X, found = tables()[0]["rows"], []
    for kind in (skae.AutoencoderTransformer, skae.ContractiveAutoencoder):
        model = kind(3, init="random", max_iter=3, batch_size=40, device=device, random_state=0)
        found.append(weights(model.fit(X)))
    return np.concatenate(found)


def fit_on_a_gpu(rank):
    """Fit on the GPU of this rank; ranks may have to share one."""
    torch.cuda.set_device(rank % torch.cuda.device_count())
    return fit_on("cuda")


class Stopping(Callback):
    """Ends training on rank 1 alone, as a callback that looks at a clock might."""

    def __init__(self, rank):
        self.rank = rank

    def on_epoch_end(self, net, **kwargs):
        net.stopped_ = self.rank == 1 and len(net.history) == 2


class BatchListener(Callback):
    """Listens to batches."""

    def on_batch_end(self, net, **kwargs):
        pass


class OwnNetwork(skae.networks.DenseNetwork):
    """A dense network whose dropout is torch's."""

    def build_encoder(self, n_in, n_out, generator):
        return nn.Sequential(super().build_encoder(n_in, n_out, generator), nn.Dropout(0.1))


def refused(call):
    """Return type and message of the error that a call raises."""
    try:
        call()
    except Exception as error:
        return type(error).__name__, str(error)
    return None


def fit_what_is_refused(rank):
    """Return the errors of fits that several ranks cannot share, by what is wrong with them."""
    X = tables()[0]["rows"]
    labels = np.arange(len(X)) % 2

    def ae(**params):
        small = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
        return skae.AutoencoderTransformer(2, **small | params)

    own = [X, X[:-1]][rank]
    calls = {
        "rows": lambda: ae().fit(own),
        "columns": lambda: ae().fit([X, X[:, 1:]][rank]),
        "dtype": lambda: ae().fit([X, X.astype(np.float32)][rank]),
        "other rows": lambda: ae(init="random").fit([X, X[::-1]][rank]),
        "weights": lambda: ae().fit(X, sample_weight=[None, np.ones(len(X))][rank]),
        "parameter": lambda: ae(batch_size=[32, 64][rank]).fit(X),
        "invalid on one": lambda: ae().fit([X, np.full_like(X, np.inf)][rank]),
        "small batches": lambda: ae(batch_size=1).fit(X),
        "batch norm": lambda: ae(normalization="batch").fit(X),
        "dropout": lambda: ae(network=OwnNetwork()).fit(X),
        "callback": lambda: ae(callbacks=[BatchListener()]).fit(X),
        "partial_fit": lambda: ae().partial_fit(X),
        "detector": lambda: skae.AutoencoderOutlierDetector().fit(X),
        "imputer": lambda: skae.AutoencoderImputer().fit(X),
        "classifier": lambda: skae.AutoencoderClassifier().fit(X, labels),
        "regressor": lambda: skae.AutoencoderRegressor().fit(X, labels),
    }
    found = {name: refused(call) for name, call in calls.items()}
    found["epochs"] = len(ae(callbacks=[Stopping(rank)], max_iter=5).fit(X).net_.history)
    return found


class Ending(Callback):
    """Lets rank 1 end in the second epoch, or answer no more."""

    def __init__(self, rank, how):
        self.rank, self.how = rank, how

    def on_epoch_end(self, net, **kwargs):
        if self.rank == 1 and len(net.history) == 2:
            lose(self.how)


def lose(how):
    """End this process without a word, or let it hang."""
    if how == "dies":
        os._exit(1)
    time.sleep(600)


def fit_with_a_lost_rank(rank, how, when):
    """Fit, while rank 1 gets lost before or during training."""
    # The time limit of users would make a test slow.
    _groups.TIMEOUT = 2
    if when == "before" and rank == 1:
        lose(how)
    callbacks = [Ending(rank, how)]
    X = tables()[0]["rows"]
    skae.AutoencoderTransformer(2, max_iter=50, callbacks=callbacks, random_state=0).fit(X)
