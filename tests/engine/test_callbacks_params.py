"""Callbacks as parameters: set by name, searched over, cloned."""

import copy

import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochTimer,
    LRScheduler,
    PrintLog,
)

from skae import AutoencoderOutlierDetector, AutoencoderTransformer

X = load_digits().data[:100, 16:32]
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0}


def made(*callbacks, **params):
    return AutoencoderTransformer(2, callbacks=[*callbacks], **(SMALL | params))


def quiet_log():
    return PrintLog(sink=lambda text: None)


def test_names_are_skorchs():
    ae = made(("es", EarlyStopping()), quiet_log(), EpochTimer(), LRScheduler, EpochTimer())
    names = {name for name in ae.get_params() if name.count("__") == 1}
    assert names == {
        f"callbacks__{name}"
        for name in ("es", "PrintLog", "EpochTimer_1", "LRScheduler", "EpochTimer_2")
    }
    params = ae.get_params()
    assert params["callbacks__es__patience"] == 5
    assert params["callbacks__es"] is ae.callbacks[0][1]
    assert not [name for name in ae.get_params(deep=False) if "__" in name]
    # The net has the same, and its own for the progress bar.
    given = {name for name, _ in ae.fit(X).net_.callbacks_ if name != "progress_bar"}
    assert given == {name.removeprefix("callbacks__") for name in names}


def test_parameters_are_set_by_name():
    stop = EarlyStopping("train_loss", sink=print)
    ae = made(("es", stop), Checkpoint(monitor="train_loss_best"))
    assert ae.set_params(callbacks__es__patience=3, callbacks__es__sink=None, alpha=0.5) is ae
    assert (stop.patience, stop.sink, ae.alpha) == (3, None, 0.5)
    ae.set_params(callbacks__Checkpoint__fn_prefix="mine")
    assert ae.callbacks[1].fn_prefix == "mine"
    # What decides when training ends is reached.
    ae = made(("es", EarlyStopping("train_loss", threshold=1.0)))
    assert ae.set_params(callbacks__es__patience=2).fit(X).n_iter_ == 3
    assert ae.set_params(callbacks__es__patience=1).fit(X).n_iter_ == 2


def test_all_at_once():
    """First all callbacks, then single ones, then their parameters, as pipelines have it."""
    ae = made(EpochTimer())
    ae.set_params(
        callbacks__es__patience=2,
        callbacks__es=EarlyStopping("train_loss", patience=9),
        callbacks=[("es", None)],
    )
    ((name, stop),) = ae.callbacks
    assert (name, stop.monitor, stop.patience) == ("es", "train_loss", 2)


def test_a_class_becomes_a_callback():
    ae = made(EarlyStopping).set_params(
        callbacks__EarlyStopping__monitor="train_loss", callbacks__EarlyStopping__patience=2
    )
    ((name, stop),) = ae.callbacks
    assert name == "EarlyStopping"
    assert isinstance(stop, EarlyStopping)
    assert (stop.monitor, stop.patience) == ("train_loss", 2)


def test_one_is_replaced_and_switched_off():
    ae = made(("es", EarlyStopping("train_loss", threshold=1.0, patience=1)), EpochTimer())
    ae.set_params(callbacks__es=None, callbacks__EpochTimer=None).fit(X)
    assert ae.n_iter_ == 4
    assert "dur" not in ae.net_.history[-1]
    with pytest.raises(ValueError, match="callbacks__es is None, which has no patience"):
        ae.set_params(callbacks__es__patience=3)
    ae.set_params(callbacks__EpochTimer=EpochTimer()).fit(X)
    assert "dur" in ae.net_.history[-1]


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("stop__patience", r"none of the name 'stop'. Its names are \['es', 'EpochTimer'\]"),
        ("stop", r"none of the name 'stop'. Its names are \['es', 'EpochTimer'\]"),
        ("es__patince", "Invalid parameter 'patince' .*'patience'"),
    ],
)
def test_unknown_names_list_the_known_ones(name, match):
    with pytest.raises(ValueError, match=match):
        made(("es", EarlyStopping()), EpochTimer()).set_params(**{f"callbacks__{name}": 1})
    with pytest.raises(ValueError, match=r"holds none of the name .*Its names are \[\]"):
        AutoencoderTransformer().set_params(**{f"callbacks__{name}": 1})


def test_nobody_elses_callbacks_change():
    stop, timer = EarlyStopping("train_loss"), EpochTimer()
    mine = [("es", stop), timer]
    before = copy.copy(mine)
    ae = AutoencoderTransformer(2, callbacks=mine, **SMALL).fit(X)
    other = clone(ae).set_params(callbacks__es__patience=1, callbacks__EpochTimer=None)
    other.fit(X)
    assert (mine, mine[0][1], mine[1]) == (before, stop, timer)
    assert stop.patience == 5
    assert ae.callbacks is mine
    assert other.callbacks[0][1].patience == 1
    ae.set_params(callbacks__EpochTimer=None)
    assert mine == before


def test_a_search_reaches_them():
    stop = EarlyStopping("train_loss", threshold=1.0)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), made(("es", stop))),
        {"autoencodertransformer__callbacks__es__patience": [1, 2]},
        cv=2,
        error_score="raise",
    ).fit(X)
    chosen = search.best_params_["autoencodertransformer__callbacks__es__patience"]
    assert search.best_estimator_[1].n_iter_ == chosen + 1
    assert stop.patience == 5
    search = GridSearchCV(made(("es", stop)), {"callbacks__es": [None]}, cv=2).fit(X)
    assert search.best_estimator_.n_iter_ == 4


def test_those_of_a_detectors_members():
    ae = made(("es", EarlyStopping("train_loss", threshold=1.0)))
    detector = AutoencoderOutlierDetector(ae, n_estimators=2, random_state=0)
    detector.set_params(autoencoder__callbacks__es__patience=1).fit(X)
    assert [member.n_iter_ for member in detector.estimators_] == [2, 2]
    # Each member has its own.
    assert len({id(member.callbacks[0][1]) for member in detector.estimators_}) == 2


@pytest.mark.parametrize(
    "callbacks", [[1], ["print"], [("name", 1)], [(1, 2, 3)], (1,), "no", [[]]]
)
def test_parameters_are_told_of_what_is_no_callback(callbacks):
    """The error is that of fit."""
    params = AutoencoderTransformer(callbacks=callbacks).get_params()
    assert params["callbacks"] is callbacks


def test_a_callback_may_hold_its_estimator():
    class Holds(Callback):
        def on_epoch_end(self, net, **kwargs):
            self.seen_ = self.estimator.max_iter

    holds = Holds()
    ae = made(("holds", holds))
    holds.estimator = ae
    assert ae.get_params()["callbacks__holds__estimator"] is ae
    ae.set_params(max_iter=2).fit(X)
    assert holds.seen_ == 2


def test_an_estimator_with_callbacks_is_shown():
    class Plain(Callback):
        pass

    ae = made(Plain(), ("es", EarlyStopping()))
    assert "callbacks" in repr(ae)
    assert "callbacks" in ae._repr_html_()
