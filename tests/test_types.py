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

# Reading these would take most of the time, and no program here holds a type of them.
CONFIG = """\
[mypy]
ignore_missing_imports = True
follow_imports = silent
[mypy-torch.*,ml_dtypes.*]
follow_imports = skip
follow_imports_for_stubs = True
"""


def readme():
    """Return the Python of the README as one program."""
    text = (ROOT / "README.md").read_text()
    return "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))


def test_right_programs_are_accepted_and_wrong_ones_refused_at_their_last_line(tmp_path):
    """One test, as every process of pytest that had one of several would run mypy."""
    programs = {name: IMPORTS + last for name, last in (ACCEPTED | REFUSED).items()}
    programs["the README"] = readme()
    files = {f"program_{i}.py": name for i, name in enumerate(programs)}
    for file, name in files.items():
        (tmp_path / file).write_text(programs[name] + "\n")
    (tmp_path / "mypy.ini").write_text(CONFIG)
    options = ["--config-file=mypy.ini", f"--cache-dir={ROOT / '.mypy_cache' / 'programs'}"]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *files],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1, result.stdout + result.stderr
    # Errors inside of the package are not reported here.
    messages = re.findall(r"^(program_\d+\.py):(\d+): error", result.stdout, re.MULTILINE)
    found = {(files[file], int(line)) for file, line in messages}
    last = IMPORTS.count("\n") + 1
    assert found == {(name, last) for name in REFUSED}, result.stdout
