"""Callbacks that look at held-out rows get some, or an error that says why not."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    LRScheduler,
    PassthroughScoring,
    PrintLog,
    WandbLogger,
)

from skae import (
    AdversarialAutoencoder,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    VariationalAutoencoder,
)

X = load_digits().data[:, 16:32]
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}


def made(*callbacks, **params):
    return AutoencoderTransformer(2, callbacks=[*callbacks], **(SMALL | params))


def mean_square(net, D, y=None):
    return float(((np.asarray(D) - net.predict(D)) ** 2).mean())


class Folder:
    """A run of Weights and Biases."""

    def __init__(self, path):
        self.dir, self.logged = path, []

    def log(self, values):
        self.logged.append(values)

    def watch(self, *args):
        pass


# By name, callbacks that look at held-out rows; each is made anew, as some keep a state.
LOOKING = {
    "early stopping": lambda folder: EarlyStopping(),
    "class of early stopping": lambda folder: EarlyStopping,
    "a part of the loss": lambda folder: EarlyStopping("valid_reconstruction"),
    "the best weights": lambda folder: EarlyStopping(load_best=True, patience=1),
    "checkpoint": lambda folder: Checkpoint(dirname=folder),
    "scheduler": lambda folder: LRScheduler("ReduceLROnPlateau", monitor="valid_loss"),
    "score of an epoch": lambda folder: EpochScoring("r2"),
    "score without a cache": lambda folder: EpochScoring(mean_square, use_caching=False),
    "score of batches": lambda folder: BatchScoring("neg_mean_squared_error", name="score"),
    "score of others": lambda folder: PassthroughScoring("valid_loss"),
    "logger": lambda folder: WandbLogger(Folder(folder)),
}


@pytest.mark.parametrize("name", LOOKING)
def test_a_callback_that_looks_at_held_out_rows_gets_them(name, tmp_path):
    """Whatever the number of rows: "auto" alone holds none out of 300."""
    looking = ("watched", LOOKING[name](tmp_path))
    for n_rows in (300, 30):
        history = made(looking).fit(X[:n_rows]).net_.history
        assert all("valid_loss" in epoch for epoch in history)
    # Explicit settings are obeyed.
    made(looking, early_stopping=True).fit(X[:300])
    with pytest.raises(ValueError, match=r"'watched' with .* early_stopping=False holds out none"):
        made(looking, early_stopping=False).fit(X[:300])


@pytest.mark.parametrize(
    "callback",
    [
        EarlyStopping("train_loss"),
        EpochTimer(),
        PrintLog(sink=lambda text: None),
        EpochScoring(mean_square, on_train=True, use_caching=False),
        Checkpoint(monitor="train_loss_best", f_params=None, f_optimizer=None, f_history=None),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_a_callback_that_does_not_look_at_them_changes_nothing(callback):
    if isinstance(callback, Checkpoint):
        callback.set_params(f_criterion=None)
    plain, told = made().fit(X[:100]), made(callback).fit(X[:100])
    assert "valid_loss" not in told.net_.history[-1]
    # One that listens to batches takes the way of autograd.
    np.testing.assert_allclose(told.transform(X[:5]), plain.transform(X[:5]), atol=1e-3)


def test_what_a_function_misses_is_named():
    """What a function looks at is known once it does."""
    for monitor in (
        Checkpoint(lambda net: net.history[-1, "valid_loss_best"], f_params=None),
        LRScheduler("ReduceLROnPlateau", monitor=lambda net: net.history[-1]["valid_loss"]),
    ):
        with pytest.raises(ValueError, match=r"valid_loss.*No rows are held out: set early_stopp"):
            made(monitor).fit(X[:100])
    with pytest.raises(ValueError, match=r"'EarlyStopping' .*'val_loss'.*Its entries are .*'valid"):
        made(EarlyStopping("val_loss"), early_stopping=True).fit(X[:100])


def test_a_missing_key_of_a_callbacks_own_is_its_own_error():
    class Broken(Callback):
        def on_epoch_end(self, net, **kwargs):
            return {}["mine"]

    with pytest.raises(KeyError, match="mine"):
        made(Broken()).fit(X[:100])


def test_too_few_rows_are_said_to_be_too_few():
    with pytest.raises(ValueError, match="a callback that needs held-out rows, holds out"):
        made(EarlyStopping()).fit(X[:10])


def test_partial_fit_and_warm_starts():
    ae = made(EarlyStopping(), warm_start=True).fit(X[:100])
    before = ae.transform(X[:5])
    with pytest.raises(ValueError, match="partial_fit holds out none"):
        ae.partial_fit(X[:100])
    np.testing.assert_array_equal(ae.transform(X[:5]), before)
    with pytest.raises(ValueError, match="partial_fit holds out none"):
        made(EpochScoring("r2")).partial_fit(X[:100])
    ae.fit(X[100:200])
    assert ae.n_iter_ == 6
    assert all("valid_loss" in epoch for epoch in ae.net_.history)
    made(EarlyStopping("train_loss")).partial_fit(X[:100])


@pytest.mark.parametrize("cls", [VariationalAutoencoder, AdversarialAutoencoder])
def test_other_estimators(cls):
    ae = cls(2, callbacks=[EarlyStopping()], early_stopping="auto", **SMALL).fit(X[:100])
    assert "valid_loss" in ae.net_.history[-1]


def test_members_of_a_detector_and_folds_of_a_search():
    detector = AutoencoderOutlierDetector(made(EarlyStopping()), n_estimators=2, random_state=0)
    detector.fit(X[:100])
    assert all(member.best_validation_loss_ is not None for member in detector.estimators_)
    search = GridSearchCV(made(EarlyStopping()), {"n_components": [1, 2]}, cv=2)
    assert np.isfinite(search.fit(X[:100]).cv_results_["mean_test_score"]).all()
