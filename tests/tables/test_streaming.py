"""Rows from files, from iterators and from large arrays: read as they come, with the same bits."""

import copy
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fused_cases import pairwise
from memory_processes import print_growth
from process_cases import Process
from scipy import sparse
from sklearn.datasets import load_digits

from skae import AutoencoderTransformer
from skae.engine import _training_rows

PARAMS = {"hidden_layer_sizes": (9,), "batch_size": 32, "max_iter": 2, "random_state": 0}
DIGITS = np.random.default_rng(0).permutation(load_digits().data)[:300]


def make(**params):
    return AutoencoderTransformer(**{"n_components": 3} | PARAMS | params)


def outcome(ae, X):
    """All that training decides, and what the model answers for some rows."""
    weights = {name: w.numpy() for name, w in ae.net_.module_.state_dict().items()}
    answers = {name: getattr(ae, name)(X) for name in ("transform", "reconstruct", "score_samples")}
    fitted = {"mean": ae.mean_, "scale": ae.scale_, "train": ae.loss_curve_, "loss": ae.loss_}
    fitted["valid"] = ae.validation_loss_curve_ or []
    return {name: np.array(value) for name, value in (weights | answers | fitted).items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert other[name].dtype == value.dtype, name
        np.testing.assert_array_equal(other[name], value, err_msg=name)


# -- files mapped into memory ----------------------------------------------------------------


def mapped(X, folder, how):
    """Return an array whose values are those of `X`, in a file."""
    path = folder / "rows"
    if "load" in how:
        np.save(path, np.asfortranarray(X) if how == "load columns" else X)
        return np.load(path.with_suffix(".npy"), mmap_mode="r")
    writable = np.memmap(path, dtype=X.dtype, mode="w+", shape=X.shape)
    writable[:] = X
    return np.memmap(path, dtype=X.dtype, mode=how, shape=X.shape)


VARIANTS = {
    "plain": {},
    "random": {"init": "random", "normalization": "layer"},
    "held_out": {"early_stopping": True},
    "one_batch": {"batch_size": 300, "early_stopping": False},
    "share": {"n_components": 0.5},
    "poisson": {"loss": "poisson", "max_grad_norm": 0.1},
}


@pytest.mark.parametrize(
    ("variant", "dtype", "method", "weighted"),
    pairwise(VARIANTS, ["float32", "float64"], ["fit", "partial_fit"], [False, True]),
)
def test_a_mapped_file_gives_the_bits_of_an_array(
    tmp_path, monkeypatch, variant, dtype, method, weighted
):
    monkeypatch.setattr(_training_rows, "_SMALL", 0)
    params, X = VARIANTS[variant], DIGITS.astype(dtype)
    # Rows of weight zero are left out.
    weight = np.arange(300) % 3 if weighted else None
    outcomes = []
    for rows in (X, mapped(X, tmp_path, "r")):
        ae = make(**params)
        for _ in range(2):
            getattr(ae, method)(rows, sample_weight=weight)
        outcomes.append(outcome(ae, rows))
    assert_same(*outcomes)


TYPES = ["float32", "float64", "uint8", "int64", "float16", "bool", ">f4"]
WAYS = [("r", "load columns"), ("c", "load")]


# Each way meets each type once, and weights in half of the types.
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_way_to_map_every_type(tmp_path, monkeypatch, dtype, weighted):
    monkeypatch.setattr(_training_rows, "_SMALL", 0)
    # All but float32 is read as float64.
    X = DIGITS.astype(dtype).astype("float32" if dtype == "float32" else "float64")
    weight = np.arange(300) % 3 if weighted else None
    expected = outcome(make().fit(X, sample_weight=weight), X)
    for how in WAYS[(TYPES.index(dtype) + weighted) % 2]:
        rows = mapped(DIGITS.astype(dtype), tmp_path, how)
        assert_same(expected, outcome(make().fit(rows, sample_weight=weight), rows))
        np.testing.assert_array_equal(rows, DIGITS.astype(dtype))


@pytest.mark.parametrize("dtype", TYPES)
def test_a_large_mapped_file_is_never_held_as_a_whole(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr(_training_rows, "_Resident", None)
    monkeypatch.setattr(_training_rows, "_SMALL", DIGITS.size - 1)
    make(early_stopping=True).fit(mapped(DIGITS.astype(dtype), tmp_path, "r"))
    monkeypatch.setattr(_training_rows, "_SMALL", DIGITS.size)
    for rows in (mapped(DIGITS.astype(dtype), tmp_path, "r"), DIGITS.astype(dtype)):
        with pytest.raises(TypeError, match="NoneType"):
            make(early_stopping=True).fit(rows)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc/self/status")
def test_memory_stays_far_below_a_mapped_file(tmp_path):
    """Pages of the file are not counted: the system takes them back when it needs them."""
    with Process(print_growth, tmp_path / "rows.npy") as process:
        errors = process.stderr.read()
        assert process.wait() == 0, errors
        # The file has 34 MB. Of an array in memory, a copy in float32 is made.
        growth, control = map(float, process.stdout.read().split())
    assert growth < 10
    assert control > 30


# -- iterators of chunks ---------------------------------------------------------------------

CHUNKS = np.split(DIGITS, [110, 190])
KINDS = {
    "arrays": CHUNKS,
    "float32": [chunk.astype(np.float32) for chunk in CHUNKS],
    "frames": [pd.DataFrame(chunk).rename(columns=str) for chunk in CHUNKS],
    "sparse": [sparse.csr_array(chunk) for chunk in CHUNKS],
    "mixed": [CHUNKS[0], sparse.csc_array(CHUNKS[1]), CHUNKS[2].tolist()],
}


@pytest.mark.parametrize("params", [{}, {"init": "random", "dropout": 0.2}], ids=str)
@pytest.mark.parametrize("chunks", KINDS.values(), ids=KINDS)
def test_an_iterator_equals_a_call_for_each_chunk(chunks, params):
    one, other = make(**params), make(**params)
    # The second round, of a generator, continues what the first one began.
    for iterator in (iter(chunks), (chunk for chunk in chunks)):
        assert one.partial_fit(iterator) is one
        for chunk in chunks:
            other.partial_fit(chunk)
    assert one.n_iter_ == 6
    assert_same(outcome(other, chunks[0]), outcome(one, chunks[0]))
    assert vars(one).keys() == vars(other).keys()


def test_a_chunk_is_asked_for_when_the_last_one_is_learned():
    ae = make().partial_fit(CHUNKS[0])
    learned, made = [], []

    def chunks():
        for number in range(6):
            learned.append(ae.n_iter_ - 1)
            # Only the last one may still be held.
            assert all(chunk() is None for chunk in made[:-1])
            chunk = DIGITS[50 * number : 50 * number + 50].copy()
            made.append(weakref.ref(chunk))
            yield chunk
            del chunk

    ae.partial_fit(chunks())
    assert learned == list(range(6))
    assert all(chunk() is None for chunk in made)


def bad_chunks(error):
    yield from CHUNKS[:2]
    if error == "no more":
        raise KeyError("no more chunks")
    bad = CHUNKS[2][:, : 63 if error == "63 features" else 64].copy()
    bad[3, 5] = np.nan if error == "NaN" else 0
    yield bad


ERRORS = {"NaN": ValueError, "63 features": ValueError, "no more": KeyError}


# Every two of error, method and parameters meet.
TWO = [{}, {"optimizer": "rmsprop", "dropout": 0.1}]
MIDDLES = [
    pytest.param(method, error, TWO[(i + j) % 2], id=f"{method}-{error}-{(i + j) % 2}")
    for i, method in enumerate([None, "fit", "partial_fit"])
    for j, error in enumerate(ERRORS)
]


@pytest.mark.parametrize(("method", "error", "params"), MIDDLES)
def test_an_error_in_the_middle_changes_nothing(method, error, params):
    ae, twin = make(**params), make(**params)
    if method is not None:
        before, _ = (getattr(one, method)(DIGITS).transform(DIGITS) for one in (ae, twin))
    attributes = vars(ae).copy()
    with pytest.raises(ERRORS[error], match=error):
        ae.partial_fit(bad_chunks(error))
    assert vars(ae).keys() == attributes.keys()
    assert all(vars(ae)[name] is value for name, value in attributes.items())
    if method is not None:
        assert_same(outcome(twin, DIGITS), outcome(ae, DIGITS))
        # The control: the chunks before the error would have changed the model.
        assert not np.array_equal(
            copy.deepcopy(ae).partial_fit(CHUNKS[0]).transform(DIGITS), before
        )
    # What cannot be seen from outside, as the optimizer's moments, shows in the next chunk.
    for chunk in CHUNKS:
        assert_same(*(outcome(one.partial_fit(chunk), DIGITS) for one in (ae, twin)))


@pytest.mark.parametrize("fitted", [False, True])
def test_iterators_that_are_refused(fitted):
    ae = make().fit(DIGITS) if fitted else make()
    before = vars(ae).copy()
    with pytest.raises(ValueError, match="iterator without a single chunk"):
        ae.partial_fit(iter([]))
    for name in ("y", "sample_weight"):
        with pytest.raises(ValueError, match=f"{name} cannot be given for an iterator"):
            ae.partial_fit(iter(CHUNKS), **{name: np.ones(300)})
    answers = ["transform", "reconstruct", "score_samples", "score"]
    for method in ["fit", "fit_transform", *(answers if fitted else [])]:
        with pytest.raises(TypeError, match=r"X is an iterator \(generator\).*partial_fit"):
            getattr(ae, method)(chunk for chunk in CHUNKS)
    assert vars(ae) == before


# -- large arrays ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large():
    table = np.random.default_rng(0).normal(size=(2**22 // 64 + 100, 64)).astype(np.float32)
    assert table.size > _training_rows._SMALL
    table.flags.writeable = False
    return table


FAST = {"init": "random", "max_iter": 1, "batch_size": 4096, "early_stopping": False}


# One case has a table that is large as it is; for the others a sixteenth of it is made large.
@pytest.mark.parametrize(
    ("weighted", "held_out", "share"),
    [(True, True, 1), (True, False, 16), (False, True, 16), (False, False, 16)],
)
def test_a_large_array_gives_the_bits_of_its_copy(large, monkeypatch, weighted, held_out, share):
    if share > 1:
        large = large[: len(large) // share]
        monkeypatch.setattr(_training_rows, "_SMALL", large.size - 1)
    weight = np.arange(len(large)) % 3 + 1.0 if weighted else None
    params = FAST | {"early_stopping": held_out, "batch_size": 4096 // share}
    before = large.copy()
    with monkeypatch.context() as patch:
        # Nothing is there to hold a copy.
        patch.setattr(_training_rows, "_Resident", None)
        in_place = make(**params).fit(large, sample_weight=weight)
    np.testing.assert_array_equal(large, before)
    monkeypatch.setattr(_training_rows, "_SMALL", large.size)
    copied = make(**params).fit(large, sample_weight=weight)
    by_columns = make(**params).fit(np.asfortranarray(large), sample_weight=weight)
    for ae in (in_place, by_columns):
        assert_same(outcome(copied, large[:50]), outcome(ae, large[:50]))


ARRANGED = {
    "whole": lambda X, folder: X,
    "some columns": lambda X, folder: X[:, :50],
    "some rows": lambda X, folder: X[::2],
    "file": lambda X, folder: mapped(X, folder, "r"),
    "some columns of a file": lambda X, folder: mapped(X, folder, "r")[:, :50],
    "file in columns": lambda X, folder: mapped(X, folder, "load columns"),
}


@pytest.mark.parametrize(("arrange", "lightest"), [*((a, 1.0) for a in ARRANGED), ("file", 0.0)])
def test_no_batch_costs_a_copy_of_the_table(large, tmp_path, monkeypatch, arrange, lightest):
    monkeypatch.setattr(_training_rows, "_SMALL", 0)
    rows = ARRANGED[arrange](large, tmp_path)
    weight = np.where(np.arange(len(rows)) == 5, lightest, 1.0)
    peaks = []
    for call in (rows.copy, lambda: make(**FAST).fit(rows, sample_weight=weight)):
        tracemalloc.start()
        call()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] >= rows.nbytes
    assert peaks[1] < rows.nbytes / 2


def interrupted(n_chunks):
    yield from CHUNKS[:n_chunks]
    raise KeyboardInterrupt


def test_an_interrupt_while_a_chunk_is_made_keeps_what_was_learned():
    expected = make().partial_fit(CHUNKS[0]).partial_fit(CHUNKS[1])
    ae = make()
    with pytest.warns(UserWarning, match="interrupted after 2 chunks"):
        ae.partial_fit(interrupted(2))
    assert_same(outcome(ae, DIGITS), outcome(expected, DIGITS))
    # Before the first one there is nothing to keep.
    ae = make()
    with pytest.raises(KeyboardInterrupt):
        ae.partial_fit(interrupted(0))
    assert not hasattr(ae, "net_")
