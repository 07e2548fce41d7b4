"""The command line as a process: its status and streams, on a terminal, and at signals."""

import json
import os
import re
import signal
import threading
import time
import urllib.request

import numpy as np
import pandas as pd
import pytest
from cli_cases import FAST
from process_cases import Process, run_program

import skae
from skae.cli import main

pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")


@pytest.fixture(scope="module")
def table():
    return pd.DataFrame(np.random.RandomState(0).randn(3000, 4), columns=list("abcd"))


@pytest.fixture(scope="module")
def model(table):
    return skae.AutoencoderTransformer(2, max_iter=1).fit(table)


@pytest.fixture
def folder(folder, table, model):
    """A folder with a table, and a model of it."""
    table.to_csv("x.csv", index=False)
    skae.save(model, "model.skae")
    return folder


def start(*arguments, **params):
    """Run a command in a process of its own."""
    return Process(main, [*arguments], cwd=os.getcwd(), **params)


# -- status and streams -------------------------------------------------------------------


def test_the_command_itself(folder):
    """Where nothing of the package is imported, as when Python starts anew."""
    with Process(run_program, "skae", "info", "model.skae", cwd=os.getcwd()) as process:
        assert process.stderr.read() == ""
        assert process.wait() == 0
        assert "AutoencoderTransformer(max_iter=1, n_components=2)" in process.stdout.read()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["transform", "model.skae", "absent.csv"], 1, "skae: .*absent.csv"),
        (["fit", "x.csv"], 2, "--out"),
    ],
)
def test_a_failure_has_a_status_and_no_traceback(arguments, status, said, folder):
    with start(*arguments) as process:
        errors = process.stderr.read()
        assert (process.wait(), process.stdout.read()) == (status, "")
    assert re.search(said, errors)
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    "arguments", [["info", "model.skae"], ["sample", "model.skae", "--n-samples", "5000"]]
)
def test_a_reader_that_leaves_is_no_failure(arguments, folder):
    """Whether the output is larger than a pipe or not."""
    read, write = os.pipe()
    os.close(read)
    with start(*arguments, stdout=write) as process:
        os.close(write)
        assert process.stderr.read() == ""
        assert process.wait() == 0


def test_serve(folder):
    """The server that the command starts answers, and ends with exit status 0."""
    with start("serve", "model.skae", "--port", "0") as server:
        log = next(line for line in server.stderr if "running on" in line)
        address = re.search(r"http://\S+", log)[0]
        with urllib.request.urlopen(f"{address}/v2/models/model") as answer:
            outputs = {output["name"] for output in json.load(answer)["outputs"]}
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0
    assert outputs == {"codes", "reconstruction", "score"}


# -- on a terminal ------------------------------------------------------------------------


class OnTerminal(Process):
    """The command with a terminal as its standard error."""

    def __init__(self, *arguments):
        self._terminal, other = pty.openpty()
        # Bars are as wide as the terminal.
        termios.tcsetwinsize(other, (24, 100))
        with open(os.devnull, "w") as devnull:
            streams = {"stderr": other, "stdout": devnull.fileno()}
            super().__init__(main, [*arguments], cwd=os.getcwd(), **streams)
        os.close(other)
        # A command that does not end fails the test.
        self._limit = threading.Timer(180, self.kill)
        self._limit.start()
        self.said = ""

    def read(self):
        """Read what is there; return whether there may be more."""
        try:
            part = os.read(self._terminal, 4096)
        except OSError:
            # How Linux says that the process has closed the terminal.
            return False
        self.said += part.decode()
        return bool(part)

    def wait_for(self, sign):
        while sign not in self.said:
            assert self.read(), self.said

    def end(self):
        """Read until the command ends; return its exit status."""
        while self.read():
            pass
        return self.wait()

    def __exit__(self, *error):
        self._limit.cancel()
        super().__exit__(*error)
        os.close(self._terminal)


def test_epochs_are_shown_on_a_terminal_and_the_model_is_the_same(folder, capsys):
    with OnTerminal("fit", "x.csv", "--out", "m.skae", *FAST) as shown:
        assert shown.end() == 0
    assert "reading" in shown.said
    assert "rows/s" in shown.said
    assert "epoch/s" in shown.said
    main(["fit", "x.csv", "--out", "n.skae", *FAST])
    assert capsys.readouterr().err == ""
    assert (folder / "m.skae").read_bytes() == (folder / "n.skae").read_bytes()
    assert skae.load(folder / "m.skae").verbose == 0


INTERRUPT, TERMINATE = signal.SIGINT, signal.SIGTERM


@pytest.mark.parametrize(
    ("arguments", "sign", "number"),
    [
        (["--set", "max_iter=1000000"], "loss=", INTERRUPT),
        (["--set", "max_iter=1000000"], "loss=", TERMINATE),
        (
            [*("--estimator", "regressor", "--target", "d"), "--set", "max_iter=1000000"],
            "loss=",
            INTERRUPT,
        ),
        # Most of the time goes into training, which takes interrupts for an early end.
        (["--passes", "1000", "--set", "hidden_layer_sizes=(500, 500)"], "pass 2/", INTERRUPT),
        (
            [
                *("--passes", "1000", "--estimator", "outlier"),
                *("--set", "scoring=reconstruction", "--set", "n_estimators=1"),
            ],
            "pass 2/",
            INTERRUPT,
        ),
    ],
)
def test_a_signal_ends_training_and_writes_nothing(arguments, sign, number, folder):
    before = sorted(folder.iterdir())
    with OnTerminal("fit", "x.csv", "--out", "m.skae", *arguments) as fitting:
        fitting.wait_for(sign)
        # What follows is the reading of the next rows, and then training again.
        time.sleep(0.1)
        fitting.send_signal(number)
        assert fitting.end() == 128 + number
    assert "Traceback" not in fitting.said
    assert "interrupted" not in fitting.said
    assert sorted(folder.iterdir()) == before


# -- signals ------------------------------------------------------------------------------


def wait_for_another_file(folder, before, process):
    """Wait until the process begins to write its output."""
    while set(folder.iterdir()) == before:
        assert process.poll() is None
        time.sleep(0.01)


def test_a_signal_leaves_no_unfinished_file(folder):
    before = set(folder.iterdir())
    with start("score", "model.skae", "-", "--out", "out.csv") as process:
        # Rows that come one by one never end.
        process.stdin.write((folder / "x.csv").read_text())
        process.stdin.flush()
        wait_for_another_file(folder, before, process)
        process.send_signal(signal.SIGTERM)
        assert process.stderr.read() == ""
        assert process.wait() == 128 + signal.SIGTERM
    assert set(folder.iterdir()) == before


def test_what_ignores_a_signal_goes_on(folder):
    """As under nohup."""
    before = set(folder.iterdir())
    command = ["score", "model.skae", "-", "--out", "out.csv"]
    with start(*command, ignored=[signal.SIGHUP]) as process:
        wait_for_another_file(folder, before, process)
        process.send_signal(signal.SIGHUP)
        process.stdin.write((folder / "x.csv").read_text())
        process.stdin.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0
    assert len(pd.read_csv(folder / "out.csv")) == 3000
