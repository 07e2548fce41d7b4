"""What a type checker finds in programs that use the package, and in the README."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skae

pytest.importorskip("mypy")

ROOT = Path(skae.__file__).parents[1]

IMPORTS = """\
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae import AutoencoderTransformer, SparseAutoencoder
from skae.networks import ConvolutionalNetwork

X = np.zeros((9, 3))
ae = AutoencoderTransformer(8, hidden_layer_sizes=(4,), random_state=0)
"""

ACCEPTED = {
    "defaults": "AutoencoderTransformer()",
    "a float": "AutoencoderTransformer(0.9, max_grad_norm=1.0)",
    "a network": "AutoencoderTransformer(network=ConvolutionalNetwork(channels=(3,)))",
    "codes": "codes = ae.fit(X).transform(X)",
    "a chain": "rows = ae.set_output(transform='pandas').partial_fit(X).reconstruct(X)",
    "a half": "codes = ae.fit(X).encoder_.transform(X)",
    "methods of scikit-learn": "ae.set_params(verbose=1).get_params()['verbose']",
    "a score": "share: float = ae.fit(X).score(X)",
    "a loaded model": "skae.load('model.skae').transform(X)",
    "a pipeline": "make_pipeline(StandardScaler(), ae).fit(X)",
}

REFUSED = {
    "a misspelt method": "ae.transfrom(X)",
    "a misspelt method after fit": "ae.fit(X).transfrom(X)",
    "a misspelt method of a half": "ae.encoder_.transfrom(X)",
    "a misspelt attribute": "ae.fit(X).loss_curves_",
    "a type": "AutoencoderTransformer(activation=3)",
    "a parameter of another": "AutoencoderTransformer(penalty='l1')",
    "a misspelt choice": "SparseAutoencoder(penalty='topk')",
    "a parameter by position": "AutoencoderTransformer(8, (4,))",
    "a fitted attribute as a parameter": "AutoencoderTransformer(n_iter_=3)",
}


def readme():
    """Return the Python of the README as one program."""
    text = (ROOT / "README.md").read_text()
    return "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Run mypy once; return the messages of each program, which lie outside of the package."""
    folder = tmp_path_factory.mktemp("programs")
    programs = {"readme.py": readme()}
    for kind, cases in (("accepted", ACCEPTED), ("refused", REFUSED)):
        programs |= {f"{kind}_{i}.py": IMPORTS + case for i, case in enumerate(cases.values())}
    for name, source in programs.items():
        (folder / name).write_text(source + "\n")
    options = ["--ignore-missing-imports", "--follow-imports=silent", "--no-error-summary"]
    options += ["--config-file=", f"--cache-dir={ROOT / '.mypy_cache'}"]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *programs],
        cwd=folder,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode in (0, 1), result.stdout + result.stderr
    lines = result.stdout.splitlines()
    return {name: [line for line in lines if line.startswith(name)] for name in programs}


@pytest.mark.parametrize("i", range(len(ACCEPTED)), ids=list(ACCEPTED))
def test_a_right_program_is_accepted(found, i):
    assert found[f"accepted_{i}.py"] == []


@pytest.mark.parametrize("i", range(len(REFUSED)), ids=list(REFUSED))
def test_a_wrong_program_is_refused_at_its_line(found, i):
    messages = found[f"refused_{i}.py"]
    assert messages
    assert all(f":{IMPORTS.count(chr(10)) + 1}: " in message for message in messages)


def test_the_readme_is_accepted(found):
    assert found["readme.py"] == []
