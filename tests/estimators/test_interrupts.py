"""Errors in callbacks and interrupts: what was learned so far is kept."""

import pickle

import numpy as np
import pytest
from bad_input_cases import PARAMS, X, assert_survives
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, EarlyStopping

from skae import AutoencoderTransformer


def test_an_error_in_a_callback(fitted):
    class Fails(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                raise RuntimeError("from the callback")

    fitted.set_params(callbacks=[Fails()])
    assert_survives(fitted, RuntimeError, "from the callback", lambda: fitted.fit(X))


class InterruptAt(Callback):
    """Press Ctrl-C in an epoch, at its begin, its end or in one of its batches."""

    def __init__(self, event, epoch):
        self.event = event
        self.epoch = epoch

    def on_epoch_begin(self, net, **kwargs):
        self._press("epoch_begin", net)

    def on_epoch_end(self, net, **kwargs):
        self._press("epoch_end", net)

    def _press(self, event, net):
        if event == self.event and len(net.history) == self.epoch:
            raise KeyboardInterrupt


class InterruptInBatch(InterruptAt):
    """The same, in a callback that skorch calls for every batch."""

    def on_batch_end(self, net, **kwargs):
        self._press("batch_end", net)


@pytest.mark.parametrize(
    ("callback", "n_epochs"),
    [
        (InterruptAt("epoch_end", 4), 4),
        (InterruptAt("epoch_begin", 5), 4),
        (InterruptInBatch("batch_end", 5), 4),
    ],
    ids=["epoch_end", "epoch_begin", "batch_end"],
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_keeps_the_best_model_so_far(callback, n_epochs, early_stopping):
    """The interrupted fit is the fit that was planned to end where this one was best."""
    params = PARAMS | {"n_components": 2, "init": "random", "early_stopping": early_stopping}
    # The rate is too high for the best weights to be the last.
    params |= {"learning_rate": "constant", "learning_rate_init": 0.2, "random_state": 1}
    params |= {"n_iter_no_change": 50, "batch_size": 60}
    interrupted = AutoencoderTransformer(**params | {"max_iter": 20}, callbacks=[callback])
    with pytest.warns(UserWarning, match=f"interrupted after {n_epochs} epochs.*best weights"):
        interrupted.fit(X)
    curve = interrupted.validation_loss_curve_ or interrupted.loss_curve_
    assert len(curve) == interrupted.n_iter_ == n_epochs
    best_epoch = 1 + int(np.argmin(curve))
    assert best_epoch < n_epochs
    # Listening to batches costs the fused step, whose rounding is another.
    patient = InterruptInBatch("batch_end", 10**9) if "Batch" in type(callback).__name__ else None
    planned = AutoencoderTransformer(
        **params | {"max_iter": best_epoch}, callbacks=[patient] if patient else None
    )
    with pytest.warns(ConvergenceWarning):
        planned.fit(X)
    np.testing.assert_array_equal(interrupted.transform(X), planned.transform(X))
    np.testing.assert_array_equal(interrupted.reconstruct(X), planned.reconstruct(X))
    assert interrupted.loss_curve_[:best_epoch] == planned.loss_curve_
    assert interrupted.loss_ == planned.loss_


@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_in_the_first_epoch_keeps_the_start(early_stopping):
    callback = InterruptInBatch("batch_end", 1)
    params = PARAMS | {"hidden_layer_sizes": (), "callbacks": [callback]}
    ae = AutoencoderTransformer(4, early_stopping=early_stopping, **params)
    with pytest.warns(UserWarning, match="interrupted after 0 epochs"):
        ae.fit(X)
    # Training starts at PCA, which loses nothing in as many components as columns.
    np.testing.assert_allclose(ae.reconstruct(X), X, atol=1e-3)
    assert ae.loss_curve_ == []
    pickle.loads(pickle.dumps(ae.set_params(callbacks=None))).partial_fit(X)


def test_an_interrupt_of_warm_start_and_partial_fit_keeps_a_usable_model(fitted):
    for method in ("fit", "partial_fit"):
        interrupt = InterruptAt("epoch_end", fitted.n_iter_ + 1)
        fitted.set_params(warm_start=True, callbacks=[interrupt])
        with pytest.warns(UserWarning, match="interrupted"):
            getattr(fitted, method)(X)
        assert np.isfinite(fitted.transform(X)).all()


def test_early_stopping_of_skorch_ends_training_without_a_warning():
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, sink=lambda _: None)
    ae = AutoencoderTransformer(2, **PARAMS | {"max_iter": 30}, callbacks=[stop]).fit(X)
    assert 1 < ae.n_iter_ < 10
    assert AutoencoderTransformer(2, **PARAMS | {"max_iter": 30}).fit(X).n_iter_ > ae.n_iter_
