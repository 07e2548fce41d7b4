"""Windows of recordings, and recordings from windows."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import signal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from skae import DenoisingAutoencoder
from skae.windows import Windows

RNG = np.random.default_rng(0)
TONE = RNG.normal(size=500)
STEREO = RNG.normal(size=(500, 2))
GROUPS = np.repeat(["b", "a", "c"], [201, 64, 235])


@pytest.mark.parametrize("X", [TONE, STEREO, STEREO[:, :1]], ids=["one", "two", "column"])
@pytest.mark.parametrize(
    ("length", "step"), [(64, None), (64, 7), (64, 64), (9, 4), (1, 1), (500, 3)]
)
@pytest.mark.parametrize("groups", [None, GROUPS])
def test_unchanged_windows_give_back_the_recordings(X, length, step, groups):
    if groups is not None:
        length = min(length, 64)
    windows = Windows(length, step=step)
    back = windows.inverse_transform(windows.fit_transform(X, groups=groups))
    assert back.shape == X.shape
    np.testing.assert_allclose(back, X, rtol=1e-12, atol=1e-14)


def test_a_series_is_a_recording_of_one_channel():
    recording = pd.Series(TONE, pd.date_range("2026-01-01", periods=500, freq="4ms"), name="mV")
    windows = Windows(64, step=10).fit(recording)
    np.testing.assert_array_equal(windows.transform(recording), windows.transform(TONE))
    assert windows.inverse_transform(windows.transform(recording)).shape == (500,)


def test_recordings_of_several_lengths_are_to_be_joined():
    with pytest.raises(ValueError, match=r"first has 500 values, and row 1, .* 300.*in groups"):
        Windows(64).fit([TONE, TONE[:300]])


def test_rows_are_the_windows_of_a_loop():
    rows = Windows(64, step=10).fit_transform(STEREO)
    padded = np.concatenate([STEREO, STEREO[-2:-6:-1]])
    expected = [padded[start : start + 64].ravel() for start in range(0, 441, 10)]
    np.testing.assert_array_equal(rows, expected)
    shaped = Windows(64, step=10, flatten=False).fit_transform(STEREO)
    np.testing.assert_array_equal(shaped, np.reshape(expected, (-1, 64, 2)))


@pytest.mark.parametrize("taper", ["hann", "boxcar", "hamming"])
def test_overlaps_are_weighted_means(taper):
    windows = Windows(20, step=6, taper=taper)
    answers = RNG.normal(size=windows.fit_transform(TONE).shape)
    weights = {"boxcar": np.ones(20), "hann": np.hanning(22)[1:-1]}
    weight = weights.get(taper, np.hamming(22)[1:-1])
    total, count = np.zeros(500), np.zeros(500)
    for i, answer in enumerate(answers):
        total[6 * i : 6 * i + 20] += weight * answer
        count[6 * i : 6 * i + 20] += weight
    np.testing.assert_allclose(windows.inverse_transform(answers), total / count)


def test_windows_do_not_straddle_recordings():
    marks = np.unique(GROUPS, return_inverse=True)[1].astype(float)
    windows = Windows(64, step=10).fit(marks, groups=GROUPS)
    rows = windows.transform(marks, groups=GROUPS)
    assert (rows == rows[:, :1]).all()
    assert not (windows.transform(marks) == rows[0, 0]).all(axis=1).all()
    names = windows.window_groups(GROUPS)
    np.testing.assert_array_equal(names, np.array(["a", "b", "c"])[rows[:, 0].astype(int)])
    # A group that comes back is another recording.
    again = np.repeat([0, 1, 0], [200, 100, 200])
    assert len(Windows(100, step=100).fit(TONE, groups=again).n_times_) == 3


def test_lengths_of_other_recordings():
    windows = Windows(64, step=10).fit(TONE)
    other = TONE[:337]
    rows = windows.transform(other)
    reach = windows.inverse_transform(rows)
    assert len(reach) == 344
    np.testing.assert_allclose(reach[:337], other, atol=1e-14)
    assert windows.inverse_transform(rows, n_times=337).shape == (337,)
    lengths = [201, 64, 235]
    rows = windows.transform(TONE, groups=GROUPS)
    back = windows.inverse_transform(rows, n_times=lengths)
    np.testing.assert_allclose(back, TONE, atol=1e-14)


def test_windows_are_views_of_one_recording(tmp_path):
    rows = Windows(50, step=25).fit_transform(TONE)
    assert np.shares_memory(rows, TONE)
    assert not rows.flags.writeable
    np.save(tmp_path / "tone.npy", TONE)
    mapped = np.load(tmp_path / "tone.npy", mmap_mode="r")
    assert np.shares_memory(Windows(50, step=25).fit_transform(mapped), mapped)


def test_dtypes_and_gaps_are_kept():
    windows = Windows(50, step=20)
    rows = windows.fit_transform(TONE.astype(np.float32))
    assert rows.dtype == windows.inverse_transform(rows).dtype == np.float32
    assert Windows(50).fit_transform(np.arange(100)).dtype == np.float64
    gaps = TONE.copy()
    gaps[[0, 99, 499]] = np.nan
    back = windows.inverse_transform(windows.fit_transform(gaps))
    np.testing.assert_allclose(back, gaps, atol=1e-14)


def test_a_pipeline_cleans_a_recording_as_a_whole():
    tone = np.sin(np.arange(3000) / 5)
    noisy, other = tone + RNG.normal(size=(2, 3000)) * 0.4
    autoencoder = DenoisingAutoencoder(
        4, noise="gaussian", noise_level=0.4, max_iter=5, random_state=0
    )
    pipeline = make_pipeline(Windows(64, step=16), autoencoder).fit(noisy)
    clean = pipeline.inverse_transform(pipeline.transform(other))
    assert np.std(clean - tone) < 0.5 * np.std(other - tone)
    # More overlap averages more answers.
    apart = clone(pipeline).set_params(windows__step=64).fit(noisy)
    without = apart.inverse_transform(apart.transform(other))
    assert np.std(clean - tone) < 0.9 * np.std(without - tone)


def test_hann_hides_seams_that_plain_means_show():
    # Answers that are wrong by a constant of their own jump where windows begin and end.
    windows = Windows(64, step=32)
    wrong = RNG.normal(size=(len(windows.fit_transform(np.zeros(640))), 1)) * np.ones(64)
    jumps = {}
    for taper in ("hann", "boxcar"):
        inside = windows.set_params(taper=taper).inverse_transform(wrong)
        jumps[taper] = np.abs(np.diff(inside)).max()
    assert jumps["hann"] < 0.2 * jumps["boxcar"]


def test_metadata_goes_through_a_pipeline():
    steps = Windows(64, step=10), PCA(5)
    with sklearn.config_context(enable_metadata_routing=True):
        steps[0].set_fit_request(groups=True).set_transform_request(groups=True)
        steps[0].set_inverse_transform_request(n_times=True)
        pipeline = make_pipeline(*steps).fit(TONE, groups=GROUPS)
        codes = pipeline.transform(TONE, groups=GROUPS)
        back = pipeline.inverse_transform(codes, n_times=[201, 64, 235])
        assert back.shape == TONE.shape
    # Without routing a prefix is enough for fit.
    plain = make_pipeline(Windows(64, step=10), PCA(5)).fit(TONE, windows__groups=GROUPS)
    np.testing.assert_allclose(plain[-1].components_, pipeline[-1].components_)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(library):
    frame = pd.DataFrame(STEREO, columns=["left", "right"], index=range(7, 507))
    windows = Windows(64).fit(frame)
    rows = windows.transform(frame)
    framed = windows.set_output(transform=library).transform(frame)
    assert [*framed.columns[:3], framed.columns[-1]] == [
        "left_t0",
        "right_t0",
        "left_t1",
        "right_t63",
    ]
    np.testing.assert_array_equal(framed.to_numpy(), rows)
    np.testing.assert_allclose(windows.inverse_transform(framed), STEREO, atol=1e-14)
    with pytest.raises(ValueError, match="flatten=False gives arrays of shape"):
        windows.set_params(flatten=False).transform(frame)


def test_pickles():
    windows = Windows(64, step=10).fit(STEREO)
    loaded = pickle.loads(pickle.dumps(windows))
    rows = windows.transform(STEREO)
    np.testing.assert_array_equal(loaded.transform(STEREO), rows)
    np.testing.assert_array_equal(loaded.inverse_transform(rows), windows.inverse_transform(rows))


def infinite(at):
    values = TONE.copy()
    values[at] = np.inf
    return values


FITTED = Windows(64).fit(TONE)
ROWS = FITTED.transform(TONE)
REFUSED = {
    "longer than the recording, which has 500": lambda: Windows(501).fit(TONE),
    "group 'a' that begins at sample 201, which has 64": lambda: Windows(65).fit(
        TONE, None, GROUPS
    ),
    "longer than the recording, which has 60": lambda: FITTED.transform(TONE[:60]),
    "step=65 is larger than window_length=64": lambda: Windows(64, step=65).fit(TONE),
    "'step' parameter .* Got 0 instead": lambda: Windows(64, step=0).fit(TONE),
    "'window_length' parameter .* Got 0": lambda: Windows(0).fit(TONE),
    "taper='nope' is no window": lambda: Windows(taper="nope").fit(TONE),
    "taper='flattop' has weights": lambda: Windows(taper="flattop").fit(TONE),
    r"contains infinity .* X\[50\]": lambda: Windows().fit(infinite(50)),
    r"groups has the shape \(9,\), but X has 500": lambda: Windows().fit(TONE, None, GROUPS[:9]),
    "dim 3, while dim <= 2": lambda: Windows().fit(np.zeros((2, 90, 2))),
    r"shape \(500, 1\), but .* shape \(n_times,\)": lambda: FITTED.transform(TONE[:, None]),
    "expecting 1 features": lambda: FITTED.transform(STEREO),
    r"rows of shape \(63,\), but windows": lambda: FITTED.inverse_transform(ROWS[:, 1:]),
    "n_times=900 makes": lambda: FITTED.inverse_transform(ROWS, n_times=900),
    "n_times must hold .* got 5": lambda: FITTED.inverse_transform(ROWS, n_times=5),
}


@pytest.mark.parametrize("message", REFUSED)
def test_errors_name_parameter_and_value(message):
    with pytest.raises(ValueError, match=message):
        REFUSED[message]()


def test_any_positive_window_of_scipy():
    windows = Windows(30, step=10, taper="blackman")
    answers = RNG.normal(size=windows.fit_transform(TONE[:50]).shape)
    weight = signal.windows.blackman(32)[1:-1]
    middle = windows.inverse_transform(answers)[25]
    parts = [(answers[i, 25 - 10 * i], weight[25 - 10 * i]) for i in range(3)]
    assert np.isclose(middle, sum(a * w for a, w in parts) / sum(w for _, w in parts))
