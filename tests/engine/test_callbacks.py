"""skorch's callbacks, the history, and the progress bar."""

import pickle
import re
import shutil

import numpy as np
import pytest
import torch
from notebook_processes import import_tqdm_and_fit
from numpy.testing import assert_allclose
from process_cases import Process
from sklearn.base import clone
from sklearn.datasets import load_digits
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    LRScheduler,
    PrintLog,
)

from skae import AutoencoderTransformer

X = load_digits().data[:200]
PLAIN = {
    "n_components": 2,
    "hidden_layer_sizes": (8,),
    "init": "random",
    "learning_rate_init": 1e-2,
    "learning_rate": "cosine",
    "max_iter": 5,
    "n_iter_no_change": 100,
    "batch_size": 60,
    "early_stopping": True,
    "validation_fraction": 0.1,
    "random_state": 0,
}


def fitted(**params):
    return AutoencoderTransformer(**(PLAIN | params)).fit(X)


class Record(Callback):
    """Writes down every event in order.

    What ends in an underscore is no parameter to skorch, and is not cloned.
    """

    def __init__(self):
        self.events_ = []
        self.batches_ = []

    def on_train_begin(self, net, **kwargs):
        self.events_.append("train begins")

    def on_train_end(self, net, **kwargs):
        self.events_.append("train ends")

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.events_.append("epoch begins")
        self.n_rows = len(dataset_train), 0 if dataset_valid is None else len(dataset_valid)

    def on_epoch_end(self, net, **kwargs):
        self.events_.append("epoch ends")

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        self.events_.append("batch begins" if training else "validation begins")

    def on_grad_computed(self, net, named_parameters=None, **kwargs):
        self.events_.append("gradient")
        assert all(p.grad is not None for _, p in named_parameters)

    def on_batch_end(self, net, batch=None, training=None, loss=None, y_pred=None, **kwargs):
        self.events_.append("batch ends" if training else "validation ends")
        self.batches_.append((training, len(batch[0]), float(loss)))
        assert y_pred.shape == batch[0].shape


@pytest.mark.parametrize("early_stopping", [True, False])
def test_callbacks_see_every_event_in_order(early_stopping):
    record = Record()
    ae = fitted(callbacks=[record], early_stopping=early_stopping)
    n_train, n_batches = (180, 3) if early_stopping else (200, 4)
    batch = ["batch begins", "gradient", "batch ends"]
    validation = ["validation begins", "validation ends"] * early_stopping
    epoch = ["epoch begins", *batch * n_batches, *validation, "epoch ends"]
    assert record.events_ == ["train begins", *epoch * 5, "train ends"]
    assert record.n_rows == (n_train, 200 - n_train)
    # The instance itself was handed through, not a copy; nothing else changed.
    assert any(callback is record for _, callback in ae.net_.callbacks_)
    assert ae.callbacks == [record]
    assert_allclose(ae.transform(X), fitted(early_stopping=early_stopping).transform(X), atol=1e-5)

    # Batches differ by one row at most, and hold each row once.
    sizes = [n for training, n, _ in record.batches_ if training]
    assert sum(sizes) == 5 * n_train
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= 60
    # An epoch's loss is the mean of those of its batches.
    losses = np.reshape([(n * loss) for training, n, loss in record.batches_ if training], (5, -1))
    assert_allclose(losses.sum(axis=1) / n_train, ae.net_.history[:, "train_loss"], rtol=1e-5)
    assert len(ae.net_.history[0, "batches"]) >= n_batches


def test_the_order_of_the_rows_changes_from_epoch_to_epoch():
    class Batches(Callback):
        def __init__(self):
            self.rows = []

        def on_batch_begin(self, net, batch=None, **kwargs):
            self.rows.append(batch[0].clone())

    batches = Batches()
    fitted(callbacks=[batches], early_stopping=False, max_iter=2)
    first, second = torch.cat(batches.rows[:4]), torch.cat(batches.rows[4:])
    assert not torch.equal(first, second)
    for epoch in (first, second):
        assert_allclose(epoch.sum(dim=0), second.sum(dim=0), atol=1e-3)
        assert len(epoch.unique(dim=0)) == len(np.unique(X, axis=0))


@pytest.mark.parametrize("early_stopping", [True, False])
def test_the_history_is_skorchs(early_stopping):
    history = fitted(early_stopping=early_stopping).net_.history
    assert history[:, "epoch"] == [1, 2, 3, 4, 5]
    prefixes = ["train", "valid"] if early_stopping else ["train"]
    for prefix in prefixes:
        losses = history[:, f"{prefix}_loss"]
        best = [loss <= min(losses[: i + 1]) for i, loss in enumerate(losses)]
        assert history[:, f"{prefix}_loss_best"] == best
        assert history[:, f"{prefix}_reconstruction"] == losses
    assert ("valid_loss" in history[-1]) == early_stopping


@pytest.mark.parametrize("n_before", [1, 40])
def test_epochs_before_the_last_call_are_read_once(n_before):
    """However many there are, each further epoch knows the best loss so far."""

    class Epoch(dict):
        def get(self, key, default=None):
            reads.append(key)
            return super().get(key, default)

    reads = []
    ae = fitted(early_stopping=False, max_iter=8, warm_start=True)
    best, *others = [{"train_loss_best": i == 0, "train_loss": 1e-9} for i in range(n_before)]
    ae.net_.history[:] = [Epoch(best), *map(Epoch, others)]
    ae.fit(X)
    assert len(reads) == n_before
    assert not any(ae.net_.history[n_before:, "train_loss_best"])
    ae.net_.history[0]["train_loss"] = 1e9
    ae.fit(X)
    assert ae.net_.history[n_before + 8, "train_loss_best"]


# -- skorch's own callbacks -----------------------------------------------------------------


def test_checkpoint_keeps_the_best_weights(tmp_path):
    checkpoint = Checkpoint(dirname=tmp_path, f_params="best.pt", f_optimizer=None)
    ae = fitted(callbacks=[checkpoint])
    saved = torch.load(tmp_path / "best.pt", weights_only=True)
    kept = ae.net_.module_.state_dict()
    names = [name for name in kept if not name.startswith("code_")]  # set after training
    assert all(torch.equal(saved[name], kept[name]) for name in names)
    assert (tmp_path / "history.json").exists()


def test_epoch_scoring_records_a_score_of_each_epoch():
    def squares_of_weights(net, X, y=None):
        return net.module_.encoder[0].weight.square().sum().item()

    scoring = EpochScoring(squares_of_weights, name="weight", use_caching=False)
    scores = fitted(callbacks=[scoring]).net_.history[:, "weight"]
    assert len(set(scores)) == 5


def test_epoch_scoring_of_the_cached_predictions():
    def predicted(net, X, y=None):
        return float(net.forward(X).square().mean())

    scoring = EpochScoring(predicted, name="square", on_train=True)
    scores = fitted(callbacks=[scoring]).net_.history[:, "square"]
    assert len(set(scores)) == 5
    assert min(scores) > 0


def test_a_scheduler_of_skorch_sets_the_rate():
    class Rates(Callback):
        def __init__(self):
            self.rates = []

        def on_epoch_begin(self, net, **kwargs):
            self.rates.append(net.optimizer_.param_groups[0]["lr"])

    rates = Rates()
    schedule = LRScheduler("StepLR", step_size=2, gamma=0.1)
    with pytest.warns(UserWarning, match="max_iter=5"):
        fitted(callbacks=[schedule, rates], learning_rate="constant")
    assert_allclose(rates.rates, [1e-2, 1e-2, 1e-3, 1e-3, 1e-4])


@pytest.mark.parametrize("learning_rate", ["constant", "one_cycle"])
@pytest.mark.parametrize("early_stopping", [True, False])
def test_early_stopping_of_skorch_ends_training(early_stopping, learning_rate):
    monitor = "valid_loss" if early_stopping else "train_loss"
    # An improvement of the whole loss is never seen, so patience runs out at once.
    stop = EarlyStopping(monitor, patience=2, threshold=1.0, sink=lambda text: None)
    ae = fitted(
        callbacks=[stop], early_stopping=early_stopping, max_iter=50, learning_rate=learning_rate
    )
    assert ae.n_iter_ == 3
    assert np.isfinite(ae.transform(X)).all()


def test_print_log_prints_the_losses_of_each_epoch():
    lines = []
    ae = fitted(callbacks=[EpochTimer(), PrintLog(sink=lines.append)])
    text = "\n".join(lines)
    assert "train_loss" in text
    assert "valid_loss" in text
    assert f"{ae.net_.history[-1, 'train_loss']:.4f}" in text
    assert all(duration > 0 for duration in ae.net_.history[:, "dur"])


def test_a_callback_may_have_a_name():
    record = Record()
    ae = fitted(callbacks=[("mine", record)])
    assert dict(ae.net_.callbacks_)["mine"] is record
    assert record.events_.count("epoch ends") == 5


def test_an_error_in_a_callback_reaches_the_user():
    class Broken(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fitted(callbacks=[Broken()])


def test_an_estimator_with_callbacks_is_cloned():
    copy = clone(AutoencoderTransformer(**PLAIN, callbacks=[Record()]))
    copy.fit(X)
    assert copy.callbacks[0].events_.count("epoch ends") == 5


# -- the progress bar -----------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [True, False])
def test_verbose_shows_a_bar_with_losses_and_the_time_left(early_stopping, terminal):
    ae = fitted(verbose=1, early_stopping=early_stopping)
    out, bar = terminal.readouterr()
    assert out == ""
    last = bar.strip().splitlines()[-1].split("\r")[-1]
    assert "5/5" in last
    assert "epoch" in last
    assert re.search(r"\d\d:\d\d<\d\d:\d\d", last)
    assert f"train_loss={ae.net_.history[-1, 'train_loss']:.4g}" in last
    if early_stopping:
        assert f"valid_loss={ae.net_.history[-1, 'valid_loss']:.4g}" in last


def test_a_log_has_no_bar(capsys):
    fitted(verbose=1)
    assert capsys.readouterr() == ("", "")


def test_without_verbose_nothing_is_printed(terminal):
    ae = fitted(verbose=0)
    ae.transform(X)
    ae.partial_fit(X)
    assert terminal.readouterr() == ("", "")


def test_a_pickle_forgets_the_callbacks_of_the_fit():
    class Unpicklable(Callback):
        def __reduce__(self):
            raise TypeError("cannot be pickled")

    ae = AutoencoderTransformer(2, hidden_layer_sizes=(4,), max_iter=2, callbacks=[Unpicklable()])
    ae.fit(X)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(ae)
    loaded = pickle.loads(pickle.dumps(ae.set_params(callbacks=None)))
    np.testing.assert_array_equal(loaded.transform(X), ae.transform(X))


def test_a_copy_does_not_start_the_callbacks(tmp_path):
    folder = tmp_path / "weights"
    ae = AutoencoderTransformer(2, hidden_layer_sizes=(4,), max_iter=2)
    ae.set_params(callbacks=[Checkpoint(dirname=folder, monitor="train_loss_best")]).fit(X)
    shutil.rmtree(folder)
    pickle.loads(pickle.dumps(ae)).transform(X)
    assert not folder.exists()


def test_the_progress_bar_is_closed_when_training_fails(terminal):
    ae = AutoencoderTransformer(
        2, hidden_layer_sizes=(4,), optimizer="sgd", learning_rate_init=1e20, verbose=1
    )
    with pytest.raises(ValueError, match="loss became"):
        ae.fit(X)
    assert dict(ae.__dict__).get("net_") is None
    # A closed bar ends its line.
    assert terminal.readouterr().err.endswith("\n")


def test_a_notebook_without_widgets_sees_neither_warnings_nor_bars():
    with Process(import_tqdm_and_fit) as process:
        written = process.stderr.read()
        assert process.wait() == 0, written
    control, tqdm_imported, rest = written.partition("tqdm is imported\n")
    assert tqdm_imported
    # The control: tqdm does warn there.
    assert "TqdmWarning" in control
    assert rest == "skae is imported\n"
