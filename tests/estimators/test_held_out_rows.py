"""Held-out rows that groups, a splitter or a list choose."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

import skae
from skae import (
    AdversarialAutoencoder,
    AutoencoderClassifier,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    VariationalAutoencoder,
)
from skae.estimators.base import BaseAutoencoder
from skae.windows import Windows

RNG = np.random.default_rng(0)
GROUPS = RNG.permutation(np.repeat(np.arange(20), 30))
# The first column tells the row, so that callbacks see which rows are held out.
X = np.c_[np.arange(600.0), RNG.normal(size=(600, 3)) * 100]
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
AUTOENCODERS = [
    one
    for one in (getattr(skae, name) for name in skae.__all__)
    if isinstance(one, type) and issubclass(one, BaseAutoencoder)
]


class Rows(Callback):
    """Tells which rows train and which are held out; training works on a copy of the callback."""

    def __init__(self, tell):
        self.tell = tell

    def __deepcopy__(self, memo):
        return self

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.tell(dataset_train, dataset_valid)


def split_of(validation_fraction=0.1, of=AutoencoderTransformer, y=None, **how):
    """Return the numbers of the rows that train, and of those held out, None for none."""
    parts = []
    params = {"early_stopping": how.pop("early_stopping", "auto"), **how.pop("params", {})}
    autoencoder = of(
        2,
        validation_fraction=validation_fraction,
        callbacks=[Rows(lambda *both: parts.__setitem__(slice(None), both))],
        **(SMALL | params),
    ).fit(X, y, **how)
    mean = float(autoencoder.mean_[0])
    return [
        None
        if part is None
        else np.rint(np.asarray(part)[:, 0] * autoencoder.scale_ + mean).astype(int)
        for part in parts
    ]


def test_whole_groups_are_held_out():
    train, valid = split_of(groups=GROUPS)
    assert len(train) + len(valid) == 600
    assert len(np.unique(GROUPS[valid])) == 2
    assert not set(GROUPS[train]) & set(GROUPS[valid])
    # The control: rows drawn one by one are of groups that also train.
    train, valid = split_of()
    assert set(GROUPS[valid]) <= set(GROUPS[train])


def test_the_seed_draws_the_groups():
    first, again = split_of(groups=GROUPS), split_of(groups=GROUPS.astype(str))
    np.testing.assert_array_equal(first[1].shape, again[1].shape)
    np.testing.assert_array_equal(split_of(groups=GROUPS)[1], first[1])
    other = split_of(groups=GROUPS, params={"random_state": 1})
    assert not np.array_equal(other[1], first[1])


@pytest.mark.parametrize(
    "splitter",
    [
        KFold(10),
        GroupKFold(4),
        TimeSeriesSplit(3, gap=20),
        PredefinedSplit(np.where(GROUPS < 3, 0, -1)),
    ],
    ids=lambda splitter: type(splitter).__name__,
)
@pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
def test_the_first_split_of_a_splitter(splitter):
    train, valid = split_of(splitter, groups=GROUPS)
    expected = next(splitter.split(X, groups=GROUPS))
    np.testing.assert_array_equal(train, expected[0])
    np.testing.assert_array_equal(valid, expected[1])
    of_list = split_of([expected])
    np.testing.assert_array_equal(of_list[0], train)
    masks = [tuple(np.isin(np.arange(600), part) for part in expected)]
    np.testing.assert_array_equal(split_of(masks)[1], valid)


def test_rows_without_weight_are_in_neither_part():
    weight = np.where(np.arange(600) % 3 == 0, 0.0, 1.0)
    pair = np.arange(500), np.arange(550, 600)
    train, valid = split_of([pair], sample_weight=weight)
    np.testing.assert_array_equal(train, pair[0][pair[0] % 3 > 0])
    np.testing.assert_array_equal(valid, pair[1][pair[1] % 3 > 0])
    train, valid = split_of(KFold(10), sample_weight=weight)
    np.testing.assert_array_equal(valid, np.flatnonzero(weight)[:40])
    train, valid = split_of(groups=GROUPS, sample_weight=weight, early_stopping=True)
    assert not set(GROUPS[train]) & set(GROUPS[valid])
    assert set(train) | set(valid) == set(np.flatnonzero(weight))


def test_classes_go_to_the_splitter():
    y = np.repeat([0, 1, 2], [300, 240, 60])
    of = {"of": VariationalAutoencoder, "early_stopping": True, "params": {"conditional": True}}
    _, valid = split_of(StratifiedKFold(10), y=y, **of)
    np.testing.assert_array_equal(np.bincount(y[valid]), [30, 24, 6])


def test_auto_holds_out_what_is_enough_or_chosen():
    # Two groups of thirty rows are enough, one is not; a splitter has the last word.
    assert split_of(groups=GROUPS)[1] is not None
    assert split_of(0.05, groups=GROUPS)[1] is None
    assert split_of(groups=GROUPS * 0)[1] is None
    assert len(split_of(KFold(100))[1]) == 6
    assert split_of(KFold(10), early_stopping=False)[1] is None
    assert len(split_of(0.05, groups=GROUPS, early_stopping=True)[1]) == 30


@pytest.mark.parametrize("cls", AUTOENCODERS)
def test_every_autoencoder_holds_out_groups(cls):
    pixels = np.abs(RNG.normal(size=(120, 16)))
    known = {"max_iter": 1, "random_state": 0, "early_stopping": True}
    autoencoder = cls(2, validation_fraction=GroupKFold(3), **known)
    autoencoder.fit(pixels, groups=np.repeat(np.arange(6), 20))
    assert np.isfinite(autoencoder.best_validation_loss_)


def test_overlapping_windows_leak_unless_their_recordings_are_held_out():
    # Nothing of a recording of noise tells anything about another one.
    noise = np.random.default_rng(0).normal(size=1000)
    groups = np.repeat(np.arange(10), 100)
    windows = Windows(20, step=1)
    rows = windows.fit_transform(noise, groups=groups)
    of_rows = windows.window_groups(groups)
    autoencoder = AutoencoderTransformer(5, early_stopping=True, random_state=0)
    drawn = clone(autoencoder).fit(rows).best_validation_loss_
    whole = clone(autoencoder).fit(rows, groups=of_rows).best_validation_loss_
    assert drawn < 0.85 * whole


def test_metadata_reaches_both_steps_of_a_pipeline():
    noise, groups = RNG.normal(size=3000), np.repeat(np.arange(10), 300)
    windows, autoencoder = Windows(20), AutoencoderTransformer(3, **SMALL)
    of_rows = windows.window_groups(groups)
    pipeline = make_pipeline(windows, autoencoder)
    pipeline.fit(noise, windows__groups=groups, autoencodertransformer__groups=of_rows)
    alone = clone(autoencoder).fit(windows.transform(noise, groups=groups), groups=of_rows)
    assert autoencoder.best_validation_loss_ == alone.best_validation_loss_
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(autoencoder).set_fit_request(groups=True)
        search = GridSearchCV(routed, {"alpha": [0.0]}, cv=GroupKFold(2))
        assert search.fit(X, groups=GROUPS).best_estimator_.best_validation_loss_ is not None


PAIR = [(np.arange(500), np.arange(500, 600))]


@pytest.mark.parametrize("chosen", [KFold(5), PAIR], ids=["splitter", "list"])
def test_files(chosen, tmp_path):
    autoencoder = AutoencoderTransformer(2, validation_fraction=chosen, **SMALL).fit(X)
    codes = autoencoder.transform(X)
    loaded = pickle.loads(pickle.dumps(autoencoder))
    assert np.array_equal(loaded.transform(X), codes)
    assert type(loaded.validation_fraction) is type(chosen)
    with pytest.warns(UserWarning, match="does not hold the held-out rows that validation_fra"):
        skae.save(autoencoder, tmp_path / "model.skae")
    loaded = skae.load(tmp_path / "model.skae")
    assert np.array_equal(loaded.transform(X), codes)
    assert loaded.validation_fraction == 0.1
    # It goes on as any other.
    loaded.partial_fit(X)


def made(chosen, **params):
    return AutoencoderTransformer(2, validation_fraction=chosen, **(SMALL | params))


REFUSED = {
    "must be a float in .* Got 'half'": lambda: made("half").fit(X),
    "must be a float in .* Got 5": lambda: made(5).fit(X),
    "Got <generator": lambda: made(one for one in PAIR).fit(X),
    r"KFold\(n_splits=5.*partial_fit holds out none": lambda: made(KFold(5)).partial_fit(X),
    "GroupKFold.* cannot split 600 rows: .* should not be None": lambda: made(GroupKFold(3)).fit(X),
    r"list of one pair, .* got \[\]": lambda: made([]).fit(X),
    r"list of one pair, .* got \[\(array": lambda: made(PAIR * 2).fit(X),
    r"list of one pair, .* got \[5\]": lambda: made([5]).fit(X),
    "holds out 2 rows that are also .* row 8": lambda: made([(range(10), [8, 9, 10])]).fit(X),
    "no indices of the 600 rows .* 700": lambda: made([(range(10), [700])]).fit(X),
    "no indices of the 600 rows": lambda: made([(["a"], ["b"])]).fit(X),
    "makes 1 validation and 10 training": lambda: made([(range(10), [11])]).fit(X),
    r"groups has the shape \(9,\), but X has 600": lambda: made(0.1).fit(X, groups=GROUPS[:9]),
    "groups has 1 different values": lambda: made(0.1, early_stopping=True).fit(
        X, groups=GROUPS * 0
    ),
    "chooses among the rows .* set validation_fraction to a number": lambda: (
        AutoencoderOutlierDetector(made(KFold(5)), n_estimators=2).fit(X)
    ),
    "chooses among the rows .* give a fitted autoencoder": lambda: AutoencoderClassifier(
        made(KFold(5))
    ).fit(X, GROUPS % 2),
}


@pytest.mark.parametrize("message", REFUSED)
def test_errors_name_parameter_and_value(message):
    with pytest.raises(ValueError, match=message):
        REFUSED[message]()


def test_a_fitted_autoencoder_goes_on_in_a_classifier():
    fitted = made(KFold(5)).fit(X)
    classifier = AutoencoderClassifier(fitted, max_iter=1, random_state=0).fit(X, GROUPS % 2)
    assert classifier.predict(X).shape == (600,)


def test_adversarial_training_holds_out_groups():
    train, valid = split_of(groups=GROUPS, of=AdversarialAutoencoder, early_stopping=True)
    assert not set(GROUPS[train]) & set(GROUPS[valid])
