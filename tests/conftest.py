"""Settings that every test shares."""

import os

# scikit-learn's array API checks only run if this is set before SciPy is first imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
# Many BLAS threads on few busy cores make small products a hundred times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# ONNX Runtime otherwise reports its use, and writes a cache in the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import pytest
import torch
from tqdm.utils import DisableOnWriteError

torch.set_num_threads(1)

# Doctests are looked for in every module, and two modules of one name cannot be imported.
collect_ignore_glob = ["*/conftest.py"]


# Files whose few tests take long: they start first, so that none is left over at the end.
_LONG = {
    "test_captured_step.py",
    "test_cluster.py",
    "test_documentation.py",
    "test_notebook.py",
    "test_ranks.py",
    "test_tables_in_tools.py",
    "test_types.py",
}


def pytest_collection_modifyitems(items):
    """Put the tests of long files first; the others stay in their order."""
    items.sort(key=lambda item: item.path.name not in _LONG)


@pytest.fixture(autouse=True)
def _torch_generator_stays_untouched():
    """Fail any test in which something draws from torch's global generator."""
    before = torch.random.get_rng_state()
    yield
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty folder, in which the test is run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def terminal(capsys, monkeypatch):
    """Return what is printed; bars are drawn, as they take stderr for a terminal."""
    # pytest exchanges sys.stderr between fixtures and the test.
    monkeypatch.setattr(DisableOnWriteError, "isatty", lambda stream: True, raising=False)
    return capsys


@pytest.fixture(scope="session")
def torchlib_is_parsed_once():
    """Export networks in half of the time; see `fast_exports`.

    Where onnxscript is not installed, tests that ask for it are skipped.
    """
    pytest.importorskip("onnxscript")
    from export_cases import fast_exports

    with fast_exports():
        yield


# Tests of serving share these; only they need the libraries of the extra.


@pytest.fixture(scope="session")
def autoencoder():
    """Return a fitted autoencoder."""
    from serving_cases import fit_autoencoder

    return fit_autoencoder()


@pytest.fixture(scope="session")
def detector():
    """Return a fitted detector."""
    from serving_cases import fit_detector

    return fit_detector()


@pytest.fixture(scope="module")
def port(autoencoder):
    """Yield the port of a server of the autoencoder."""
    from serving_cases import running

    with running(autoencoder) as port:
        yield port


@pytest.fixture(scope="module")
def detector_port(detector):
    """Yield the port of a server of the detector."""
    from serving_cases import running

    with running(detector) as port:
        yield port
