"""The command line as a process: on a terminal, interrupted, and before a reader that leaves."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest

import skae
from skae.cli import main

pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")

FAST = ["--set", "max_iter=3", "--set", "hidden_layer_sizes=(5,)", "--random-state", "0"]


@pytest.fixture
def folder(tmp_path):
    """A folder with a table and a model in it."""
    X = pd.DataFrame(np.random.RandomState(0).randn(3000, 4), columns=list("abcd"))
    X.to_csv(tmp_path / "x.csv", index=False)
    model = skae.AutoencoderTransformer(2, max_iter=1).fit(X)
    skae.save(model, tmp_path / "model.skae")
    return tmp_path


def start(folder, *arguments, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-m", "skae", *arguments],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
        # Where tests run in the background they may ignore interrupts, and processes inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        **kwargs,
    )


class OnTerminal:
    """The command with a terminal as its standard error."""

    def __init__(self, folder, *arguments):
        self._terminal, other = pty.openpty()
        # Bars are as wide as the terminal.
        termios.tcsetwinsize(other, (24, 100))
        self.process = start(folder, *arguments, stderr=other, stdout=subprocess.DEVNULL)
        os.close(other)
        # A command that does not end fails the test.
        self._limit = threading.Timer(180, self.process.kill)
        self._limit.start()
        self.said = ""

    def __enter__(self):
        return self

    def read(self):
        """Read what is there; return whether there may be more."""
        try:
            part = os.read(self._terminal, 4096)
        except OSError:
            # How Linux says that the process has closed the terminal.
            return False
        self.said += part.decode()
        return bool(part)

    def wait_for(self, word):
        while word not in self.said:
            assert self.read(), self.said

    def end(self):
        """Return the exit status."""
        while self.read():
            pass
        return self.process.wait(60)

    def __exit__(self, *error):
        self._limit.cancel()
        self.process.kill()
        self.process.wait(60)
        os.close(self._terminal)


def test_epochs_are_shown_on_a_terminal_and_the_model_is_the_same(folder, capsys, monkeypatch):
    with OnTerminal(folder, "fit", "x.csv", "--out", "m.skae", *FAST) as shown:
        assert shown.end() == 0
    assert "reading" in shown.said
    assert "rows/s" in shown.said
    assert "epoch/s" in shown.said
    monkeypatch.chdir(folder)
    main(["fit", "x.csv", "--out", "n.skae", *FAST])
    assert capsys.readouterr().err == ""
    assert (folder / "m.skae").read_bytes() == (folder / "n.skae").read_bytes()
    assert skae.load(folder / "m.skae").verbose == 0


@pytest.mark.parametrize(
    ("arguments", "sign"),
    [
        (["--set", "max_iter=1000000"], "loss="),
        # Most of the time goes into training, which takes interrupts for an early end.
        (["--passes", "1000", "--set", "hidden_layer_sizes=(500, 500)"], "pass 2/"),
        (
            [
                *("--passes", "1000", "--estimator", "outlier"),
                *("--set", "scoring=reconstruction", "--set", "n_estimators=1"),
            ],
            "pass 2/",
        ),
    ],
)
def test_an_interrupt_ends_training_and_writes_nothing(arguments, sign, folder):
    before = sorted(folder.iterdir())
    with OnTerminal(folder, "fit", "x.csv", "--out", "m.skae", *arguments) as fitting:
        fitting.wait_for(sign)
        # What follows is the reading of the next rows, and then training again.
        time.sleep(0.1)
        fitting.process.send_signal(signal.SIGINT)
        assert fitting.end() == 130
    assert "Traceback" not in fitting.said
    assert "interrupted" not in fitting.said
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "arguments", [["info", "model.skae"], ["sample", "model.skae", "--n-samples", "5000"]]
)
def test_a_reader_that_leaves_is_no_failure(arguments, folder):
    """Whether the output is larger than a pipe or not."""
    process = start(folder, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 0
    process.stderr.close()


def files_of(folder):
    return {path.name for path in folder.iterdir()}


def test_a_signal_leaves_no_unfinished_file(folder):
    before = files_of(folder)
    # Rows that come one by one never end.
    process = start(
        folder,
        *("score", "model.skae", "-", "--out", "out.csv"),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    limit = threading.Timer(180, process.kill)
    limit.start()
    try:
        process.stdin.write((folder / "x.csv").read_bytes())
        process.stdin.flush()
        while not files_of(folder) - before:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
        assert process.wait(60) == 128 + signal.SIGTERM
    finally:
        limit.cancel()
        process.kill()
        process.communicate()
    assert said == b""
    assert files_of(folder) == before


def test_what_ignores_a_signal_goes_on(folder):
    """As under nohup."""
    ignoring = subprocess.Popen(
        [sys.executable, "-m", "skae", "score", "model.skae", "-", "--out", "out.csv"],
        cwd=folder,
        preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_IGN),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    before = files_of(folder)
    while files_of(folder) == before:
        assert ignoring.poll() is None
        time.sleep(0.01)
    ignoring.send_signal(signal.SIGHUP)
    _, said = ignoring.communicate((folder / "x.csv").read_bytes(), timeout=180)
    assert (ignoring.returncode, said) == (0, b"")
    assert len(pd.read_csv(folder / "out.csv")) == 3000


def test_training_ends_at_a_signal(folder):
    before = files_of(folder)
    with OnTerminal(folder, "fit", "x.csv", "--out", "m.skae", "--set", "max_iter=100000") as fit:
        fit.wait_for("loss=")
        fit.process.send_signal(signal.SIGTERM)
        assert fit.end() == 143
    assert "Traceback" not in fit.said
    assert files_of(folder) == before
