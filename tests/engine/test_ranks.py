"""Several processes that share a fit, against one process, and what happens if one fails."""

import os
import pickle
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from process_cases import Process
from rank_processes import (
    cases,
    fit_case,
    fit_cases,
    fit_on,
    fit_on_a_gpu,
    fit_what_is_refused,
    fit_with_a_lost_rank,
    run_rank,
    tables,
)

import skae
from skae.engine.distributed import _world

pytestmark = pytest.mark.skipif(not dist.is_available(), reason="torch without distributed")


def answers_of_ranks(folder, work, *args, size=2, lost=()):
    """Run a function on ranks; return what each returned, with its time, None for lost ones."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                Process(run_rank, work, rank, size, str(folder), *args, cwd=str(folder))
            )
            for rank in range(size)
        ]
        answers = []
        for rank, process in enumerate(started):
            if rank in lost:
                answers.append(None)
                continue
            assert process.wait(150) == 0, process.stderr.read()
            answers.append(pickle.loads((folder / f"answer-{rank}").read_bytes()))
        return answers


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Return what two ranks found for all cases."""
    (first, _), (second, _) = answers_of_ranks(tmp_path_factory.mktemp("ranks"), fit_cases)
    for answer in (first, second):
        assert isinstance(answer, dict), answer
    return first, second


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", cases())
def test_two_ranks_do_what_one_process_does(together, name):
    before, after, history = fit_case(name)
    for _, after_on_rank, history_on_rank in (answer[name] for answer in together):
        np.testing.assert_allclose(after_on_rank, after, rtol=0, atol=1e-9)
        assert len(history_on_rank) == len(history)
        for found, expected in zip(history_on_rank, history, strict=True):
            assert found == pytest.approx(expected, rel=0, abs=1e-9)
    # The comparison is of steps that were taken.
    losses = [epoch["train_loss"] for epoch in history]
    assert len({*losses}) == len(losses) > 3
    assert not np.allclose(before, after, rtol=0, atol=1e-6)


def test_a_script_under_torchrun_trains_one_model(tmp_path):
    here = Path(__file__).parent
    paths = [str(here.parents[1]), str(here)]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run(
        [*launcher, str(here / "torchrun_script.py"), str(tmp_path / "model.skae")],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )
    X = tables()[0]["rows"]
    alone = skae.AutoencoderTransformer(3, init="random", max_iter=3, random_state=0).fit(X)
    together = skae.load(tmp_path / "model.skae")
    # The default batches are trained on in float32.
    np.testing.assert_allclose(together.transform(X), alone.transform(X), rtol=0, atol=1e-4)
    assert together.loss_ == pytest.approx(alone.loss_, rel=1e-5)


def test_ranks_end_with_the_same_bits(together):
    for name, found in together[0].items():
        other = together[1][name]
        if name in cases():
            assert found[2] == other[2]
            found, other = found[1], other[1]
        assert np.array_equal(found, other), name


def test_early_stopping_ends_all_ranks_in_the_same_epoch(together):
    lengths = {name: [len(answer[name][2]) for answer in together] for name in cases()}
    assert all(first == second for first, second in lengths.values())
    # Three epochs at most of the fit that stops early, and three of the others.
    assert len({first for first, _ in lengths.values()}) > 1


REFUSED = {
    "rows": ["ValueError: The number of rows of X", "123 on rank 0, 122 on rank 1"],
    "columns": ["ValueError: The number of columns of X", "9 on rank 0, 8 on rank 1"],
    "dtype": ["ValueError: The data type of X", "float64 on rank 0, float32 on rank 1"],
    "other rows": ["ValueError: X differs between the ranks"],
    "weights": ["ValueError: Whether there is a sample_weight"],
    "parameter": ["ValueError: batch_size differs between the ranks: 32 on rank 0, 64 on rank 1"],
    "small batches": ["ValueError: The smallest batch has n_rows=1, fewer than the 2 ranks"],
    "batch norm": ["ValueError: BatchNorm1d normalises by all rows of a batch"],
    "dropout": ["ValueError: Dropout draws from torch's global generators"],
    "callback": ["ValueError: The callback 'BatchListener' listens to single batches"],
    "partial_fit": ["ValueError: partial_fit of AutoencoderTransformer trains in one process"],
    "detector": ["ValueError: AutoencoderOutlierDetector trains in one process"],
    "imputer": ["ValueError: AutoencoderImputer trains in one process"],
    "classifier": ["ValueError: AutoencoderClassifier trains in one process"],
    "regressor": ["ValueError: AutoencoderRegressor trains in one process"],
}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """Return the errors that two ranks raised."""
    answers = answers_of_ranks(tmp_path_factory.mktemp("refused"), fit_what_is_refused)
    for answer, seconds in answers:
        assert isinstance(answer, dict), answer
        # Nobody has waited for another in vain.
        assert seconds < 30
    return [answer for answer, _ in answers]


@pytest.mark.parametrize("what", REFUSED)
def test_all_ranks_refuse_what_they_cannot_share(refusals, what):
    for answer in refusals:
        assert answer[what] is not None
        message = ": ".join(answer[what])
        assert all(part in message for part in REFUSED[what]), message


def test_an_error_of_one_rank_reaches_the_others(refusals):
    first, second = (answer["invalid on one"] for answer in refusals)
    assert second[0] == "ValueError"
    assert "infinity" in second[1]
    assert first[0] == "RuntimeError"
    assert first[1].startswith("Rank 1 of 2 cannot train. ValueError")
    assert "infinity" in first[1]


def test_a_callback_that_stops_one_rank_stops_all(refusals):
    assert [answer["epochs"] for answer in refusals] == [2, 2]


@pytest.mark.parametrize(
    ("how", "when"), [("dies", "before"), ("dies", "during"), ("hangs", "during")]
)
def test_a_lost_rank_ends_the_others_with_an_error(tmp_path, how, when):
    size = 3 if when == "during" else 2
    answers = answers_of_ranks(tmp_path, fit_with_a_lost_rank, how, when, size=size, lost=[1])
    for rank in {*range(size)} - {1}:
        error, _ = answers[rank]
        assert isinstance(error, RuntimeError), error
        assert f"Rank {rank} of {size} waited in vain for another rank" in str(error)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_ranks_on_gpus_do_what_one_process_does(tmp_path):
    answers = [weights for weights, _ in answers_of_ranks(tmp_path, fit_on_a_gpu)]
    assert np.array_equal(*answers)
    np.testing.assert_allclose(answers[0], fit_on("cuda"), rtol=0, atol=1e-3)


def test_processes_of_a_launcher_are_told_that_they_train_alone(monkeypatch):
    X = tables()[0]["rows"]
    ae = skae.AutoencoderTransformer(2, max_iter=1, random_state=0)
    _world._warn_of_training_alone.cache_clear()
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    ae.fit(X)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.warns(UserWarning, match=r"one of 2 processes .*\.init_process_group\(\)") as told:
        ae.fit(X).fit(X)
    assert len(told) == 1
