"""Drift of columns, of ordered rows, and references of training rows."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from drift_cases import FEW, LINEAR, draw, fit_model
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from scipy import sparse
from scipy.signal import lfilter
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skae
from skae import AutoencoderOutlierDetector, AutoencoderTransformer, DriftDetector
from skae.detection import _drift_detector
from skae.networks import ConvolutionalNetwork

NAMES = [f"sensor {i}" for i in range(8)]


def rows(seed, n_rows):
    return draw(np.random.default_rng(seed), n_rows)


TRAIN, HELDOUT, NEW = rows(1, 500), rows(2, 300), rows(3, 200)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skae"


@pytest.fixture(scope="module")
def model():
    return fit_model(draw, 500)


def columns_of(result):
    return result.tests[result.tests["kind"] == "column"]


# -- columns ------------------------------------------------------------------------------


def test_the_column_that_drifts_is_named_with_its_effect():
    train, heldout, new = (pd.DataFrame(r, columns=NAMES) for r in (TRAIN, HELDOUT, NEW))
    detector = DriftDetector(AutoencoderTransformer(4, **LINEAR).fit(train), **FEW).fit(heldout)
    assert not detector.test(new).drift
    moved = new.assign(**{"sensor 3": new["sensor 3"] - 3})
    result = detector.test(moved)
    found = columns_of(result)
    assert list(found.index) == NAMES
    assert list(found.index[found["drift"]]) == ["sensor 3"]
    assert found.loc["sensor 3", "effect_high"] < 0.5
    pairs = moved["sensor 3"].to_numpy()[:, np.newaxis] > heldout["sensor 3"].to_numpy()
    assert_allclose(found.loc["sensor 3", "effect"], pairs.mean())
    # A wrong order of the columns is none of theirs; the model sees names.
    with pytest.raises(ValueError, match="feature names should match"):
        detector.test(new[NAMES[::-1]])


def test_columns_of_other_tables(model):
    expected = columns_of(DriftDetector(model, **FEW).fit(HELDOUT).test(NEW))
    for as_given in (sparse.csr_array, torch.from_numpy, np.ndarray.tolist):
        found = DriftDetector(model, **FEW).fit(as_given(HELDOUT)).test(as_given(NEW))
        assert_frame_equal(columns_of(found), expected)


@pytest.mark.filterwarnings("ignore:X has feature names")
def test_a_frame_beside_a_reference_that_was_an_array(model):
    detector = DriftDetector(model, **FEW).fit(HELDOUT)
    table = pd.DataFrame(NEW, columns=NAMES)
    assert_frame_equal(detector.test(table).tests, detector.test(NEW).tests)
    detector.fit(table)
    with pytest.raises(ValueError, match=r"no column 'sensor 0', expected all 8.*\(1 are missing"):
        detector.test(table.rename(columns={"sensor 0": "other"}))


def test_pixels_of_images_are_columns():
    network = ConvolutionalNetwork(channels=(3,))
    images = AutoencoderTransformer(2, network=network, max_iter=1, random_state=0)
    images.fit(TRAIN.reshape(-1, 2, 4))
    detector = DriftDetector(images, random_state=0).fit(HELDOUT.reshape(-1, 2, 4))
    new = NEW.reshape(-1, 2, 4) + 5 * np.eye(2, 4, 2)
    found = columns_of(detector.test(new))
    # The pixels at (0, 2) and (1, 3).
    assert list(found.index[found["drift"]]) == ["x2", "x7"]


def test_missing_values_are_values():
    def with_gaps(table, share):
        gaps = np.random.default_rng(0).uniform(size=len(table)) < share
        return np.where(gaps[:, np.newaxis] & (np.arange(8) == 1), np.nan, table)

    model = make_pipeline(SimpleImputer(), AutoencoderTransformer(4, **LINEAR))
    detector = DriftDetector(model.fit(with_gaps(TRAIN, 0.1)), **FEW).fit(with_gaps(HELDOUT, 0.1))
    assert not columns_of(detector.test(with_gaps(NEW, 0.1)))["drift"].any()
    found = columns_of(detector.test(with_gaps(NEW, 0.5)))
    assert found.loc["x1", "drift"]


def test_columns_of_nothing_that_is_compared_are_named_and_not_tested():
    def table(numbers):
        words = np.where(numbers[:, 0] > 0, "up", "down")
        return pd.DataFrame(numbers, columns=NAMES).assign(word=words, pair=[(1, 2)] * len(numbers))

    encoded = make_column_transformer(
        (OneHotEncoder(), ["word"]), ("drop", ["pair"]), remainder="passthrough"
    )
    model = make_pipeline(encoded, StandardScaler(), AutoencoderTransformer(4, **LINEAR))
    detector = DriftDetector(model.fit(table(TRAIN)), **FEW)
    with pytest.warns(UserWarning, match=r"categories are not tested by themselves: 'pair'"):
        detector.fit(table(HELDOUT))
    assert list(columns_of(detector.test(table(NEW))).index) == [*NAMES, "word"]
    # A ColumnTransformer finds columns by their names, and so does the detector.
    reordered = detector.test(table(NEW)[["word", "pair", *NAMES[::-1]]])
    assert_frame_equal(reordered.tests, detector.test(table(NEW)).tests)


def test_a_column_with_the_name_of_another_test():
    table = pd.DataFrame(TRAIN, columns=["score", "code0", *NAMES[2:]])
    detector = DriftDetector(PCA(2).fit(table), **FEW)
    found = detector.fit(pd.DataFrame(HELDOUT, columns=table.columns)).test(table[:100])
    assert found.tests.index.is_unique
    assert list(columns_of(found).index[:3]) == ["column score", "column code0", "sensor 2"]


def test_large_references_are_thinned_and_say_so(model, monkeypatch):
    monkeypatch.setattr(_drift_detector, "_MOST_VALUES", 13 * 100)
    detector = DriftDetector(model, **FEW).fit(HELDOUT)
    assert len(detector.scores_) == len(detector.codes_) == len(detector.reference_) == 100
    assert not detector.test(NEW).drift
    assert "batch: 100 of 200 rows, reference: 100 of 300 rows" in repr(detector.test(NEW))
    with pytest.raises(ValueError, match=r"window=5 was set after fit.*100 of 300 rows"):
        detector.set_params(window=5).test(NEW)
    # Ordered rows are the latest.
    assert_array_equal(detector.fit(HELDOUT).reference_, HELDOUT[-100:])
    assert not detector.test(NEW).drift


# -- the result ---------------------------------------------------------------------------


def test_the_tidy_frame_and_the_representation(model):
    detector = DriftDetector(model, **FEW).fit(HELDOUT)
    moved = detector.test(NEW + 8 * np.eye(1, 8, 2))
    frame = moved.to_frame()
    assert list(frame["name"]) == list(moved.tests.index)
    assert list(frame.index) == list(range(14))
    assert_frame_equal(frame.set_index("name").rename_axis(None), moved.tests)
    lines = repr(moved).splitlines()
    assert lines[0].startswith("DriftResult: drift, p = 0.01 (alpha = 0.05), found by ")
    assert lines[1] == "batch: 200 rows, reference: 300 rows, window: None"
    assert any(line.startswith("x2") for line in lines[3:])
    ordinary = repr(detector.test(NEW)).splitlines()
    assert ordinary[0].startswith("DriftResult: no drift, p = ")
    assert len(ordinary) == 2


def test_a_notebook_shows_the_surest_tests(model):
    moved = DriftDetector(model, **FEW).fit(HELDOUT).test(NEW + 8 * np.eye(1, 8, 2))
    page = moved._repr_html_()
    assert "The 10 surest tests:" in page
    rows_of_table = re.findall(r"<th>([^<]+)</th>((?:\s*<td>[^<]+</td>)+)", page)
    expected = moved.tests.sort_values(["p_adjusted", "statistic"], ascending=[True, False])[:10]
    assert [name for name, _ in rows_of_table] == list(expected.index)
    for (_, cells), one in zip(rows_of_table, expected.itertuples(), strict=True):
        kind, _, p_adjusted, *_, drift = re.findall(r"<td>([^<]+)</td>", cells)
        assert (kind, p_adjusted, drift) == (one.kind, f"{one.p_adjusted:.3g}", str(one.drift))
    # Names of columns are text, whatever they are.
    tests = moved.tests.rename({"x2": "<script>"})
    page = replace(moved, tests=tests, notes=("left out: <b>",))._repr_html_()
    assert "<script>" not in page
    assert "left out: &lt;b&gt;" in page


# -- ordered rows -------------------------------------------------------------------------


def ordered(rng, n_rows, coefficient):
    noise = rng.normal(size=(200 + n_rows, 3)) * np.sqrt(1 - coefficient**2)
    return lfilter([1], [1, -coefficient], noise, axis=0)[200:]


@pytest.mark.parametrize("window", [50, None])
def test_blocks_hold_the_rate_for_ordered_rows(window):
    coefficient = 0.9
    rng = np.random.default_rng(0)
    model = PCA(1).fit(ordered(rng, 1000, coefficient))
    alarms = 0
    for seed in range(30):
        detector = DriftDetector(model, window=window, **FEW | {"random_state": seed})
        detector.fit(ordered(rng, 1000, coefficient))
        alarms += detector.test(ordered(rng, 250, coefficient)).drift
    assert alarms > 20 if window is None else alarms <= 7


def test_drift_of_ordered_rows_is_found():
    rng = np.random.default_rng(0)
    model = PCA(1).fit(ordered(rng, 1000, 0.5))
    detector = DriftDetector(model, window=10, **FEW).fit(ordered(rng, 1000, 0.5))
    result = detector.test(ordered(rng, 250, 0.5) + np.array([0, 1.5, 0]))
    assert columns_of(result).loc["x1", "drift"]
    plain = detector.set_params(window=None).test(ordered(rng, 250, 0.5))
    widths = [
        (columns_of(one)["effect_high"] - columns_of(one)["effect_low"]).mean()
        for one in (result, plain)
    ]
    # Dependent rows tell less than their number.
    assert widths[0] > 1.2 * widths[1]
    with pytest.raises(ValueError, match=r"window=200 makes 6 blocks"):
        detector.set_params(window=200).test(ordered(rng, 250, 0.5))


# -- training rows as the reference -------------------------------------------------------

MODELS = {
    "autoencoder": lambda: AutoencoderTransformer(4, **LINEAR),
    "deep": lambda: AutoencoderTransformer(3, max_iter=5, random_state=0),
    "early stopping": lambda: AutoencoderTransformer(3, max_iter=5, early_stopping=True),
    "in its own scale": lambda: AutoencoderTransformer(3, standardize=False, **LINEAR),
    "sparse": lambda: skae.SparseAutoencoder(6, max_iter=5, random_state=0),
    "variational": lambda: skae.VariationalAutoencoder(3, max_iter=5, n_draws=5, random_state=0),
    "wasserstein": lambda: skae.WassersteinAutoencoder(3, max_iter=5, random_state=0),
    "pca": lambda: PCA(3),
    "whitened pca": lambda: PCA(3, whiten=True),
    "pipeline": lambda: make_pipeline(StandardScaler(), AutoencoderTransformer(3, **LINEAR)),
    "detector": lambda: AutoencoderOutlierDetector(n_estimators=2, random_state=0),
}
WARNING = "rows that the model was trained on"


@pytest.mark.parametrize("name", MODELS)
def test_training_rows_warn_and_others_do_not(name):
    for model in (fitted := MODELS[name]().fit(TRAIN), FrozenEstimator(fitted)):
        with pytest.warns(UserWarning, match=WARNING):
            DriftDetector(model).fit(TRAIN[::-1])
        DriftDetector(model).fit(HELDOUT)


@pytest.mark.parametrize("whiten", [False, True])
def test_training_rows_in_single_precision_far_from_zero_warn(whiten):
    train, heldout = ((rows + 100).astype(np.float32) for rows in (TRAIN, HELDOUT))
    model = PCA(3, whiten=whiten).fit(train)
    with pytest.warns(UserWarning, match=WARNING):
        DriftDetector(model).fit(train)
    DriftDetector(model).fit(heldout)


@pytest.mark.parametrize("where", ["fit", "test"])
def test_masks_and_names_that_occur_twice_are_refused(where):
    detector = DriftDetector(PCA(3).fit(TRAIN), **FEW).fit(HELDOUT)
    masked = np.ma.masked_array(NEW, mask=NEW > 2)
    with pytest.raises(ValueError, match="mask"):
        getattr(detector, where)(masked)
    table = pd.DataFrame(NEW, columns=["a", *NAMES[1:-1], "a"])
    with pytest.raises(ValueError, match="several columns of the same name: 'a'"):
        getattr(detector, where)(table)


@pytest.mark.parametrize("name", ["autoencoder", "deep", "detector"])
def test_a_part_of_the_training_rows_warns(name):
    with pytest.warns(UserWarning, match=WARNING):
        DriftDetector(MODELS[name]().fit(TRAIN)).fit(TRAIN[100:200])


@pytest.mark.parametrize("n_kinds", [2, 40, 400])
def test_rows_that_are_equal_by_chance_do_not_warn(n_kinds):
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(n_kinds, 5))
    train, heldout = (kinds[rng.integers(n_kinds, size=300)] for _ in range(2))
    DriftDetector(AutoencoderTransformer(3, **LINEAR).fit(train)).fit(heldout)


# -- model files --------------------------------------------------------------------------


@pytest.mark.parametrize("window", [None, 10])
def test_files_hold_the_columns(path, window):
    table = [pd.DataFrame(r, columns=NAMES) for r in (TRAIN, HELDOUT, NEW)]
    model = AutoencoderTransformer(4, **LINEAR).fit(table[0])
    detector = DriftDetector(model, window=window, **FEW).fit(table[1])
    skae.save(detector, path)
    back = skae.load(path)
    assert_frame_equal(back.test(table[2]).tests, detector.test(table[2]).tests)
    with pytest.warns(UserWarning, match=WARNING):
        back.fit(table[0])


def test_files_of_earlier_versions_have_no_columns(model, path):
    detector = DriftDetector(model, **FEW).fit(HELDOUT)
    for name in ("reference_", "columns_", "n_reference_", "_in_order"):
        delattr(detector, name)
    skae.save(detector, path)
    result = skae.load(path).test(NEW)
    assert set(result.tests["kind"]) == {"score", "codes", "code"}
    assert "columns were not tested by themselves" in repr(result)
