"""Smoke test of an installed skae: fits, files, the command line, and each extra that is installed.

::

    python .ci/smoke.py

It reads no file of the repository, and prints the versions that it ran with. Warnings are errors,
except where one dependency uses what another one has deprecated.
"""

import importlib.util
import json
import platform
import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import skae
from skae.estimators.base import BaseAutoencoder
from skae.windows import Windows

FEW = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
DIGITS = load_digits().data[:200]
FLOWERS, SPECIES = load_iris(return_X_y=True)
# A package of each extra.
EXTRAS = {
    "cli": "cyclopts",
    "onnx": "skl2onnx",
    "plot": "matplotlib",
    "report": "jinja2",
    "serve": "uvicorn",
}
PROGRAM = Path(sys.executable).with_name("skae")
DEPENDENCIES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "pandas", "narwhals")


def is_installed(extra):
    """Return whether an extra is installed."""
    return importlib.util.find_spec(EXTRAS[extra]) is not None


def mixed_table(n_rows=200):
    """Return a table of numbers, text, truth values and dates, with gaps."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=n_rows)
    table = pd.DataFrame(
        {
            "size": size,
            "kind": np.where(size > 0, "large", "small"),
            "member": size > 1,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.round(9 * size), unit="D"),
        }
    )
    table.loc[::10, "kind"] = None
    table.loc[5::10, "size"] = np.nan
    return table


def check_autoencoders(folder):
    """Every autoencoder fits, and gives the same answers after a round trip through a file."""
    for name in skae.__all__:
        kind = getattr(skae, name)
        if not (isinstance(kind, type) and issubclass(kind, BaseAutoencoder)):
            continue
        own = {} if kind is skae.ConvolutionalAutoencoder else FEW
        model = kind(4, **own | {"max_iter": 3, "random_state": 0}).fit(DIGITS)
        codes = model.transform(DIGITS)
        assert codes.shape == (200, 4), name
        assert model.inverse_transform(codes).shape == DIGITS.shape, name
        assert np.isfinite(model.reconstruct(DIGITS)).all(), name
        assert np.isfinite(model.score(DIGITS)), name
        digest = skae.save(model, folder / "model.skae")
        loaded = skae.load(folder / "model.skae", expected_sha256=digest)
        assert np.array_equal(loaded.transform(DIGITS), codes), name


def check_better_than_pca(folder):
    """Training starts at PCA, and does not end above it on its training rows."""
    model = skae.AutoencoderTransformer(4, random_state=0).fit(DIGITS)
    centred = DIGITS - DIGITS.mean(axis=0)
    squares = np.linalg.svd(centred, compute_uv=False)[4:] ** 2
    assert -model.score(DIGITS) < squares.sum() / DIGITS.size


def check_tables(folder):
    """A table comes back with its columns and types, its gaps filled."""
    table = mixed_table()
    model = skae.AutoencoderTransformer(2, **FEW).fit(table)
    filled = model.reconstruct(table)
    assert list(filled.columns) == list(table.columns)
    assert filled.dtypes.equals(table.dtypes)
    assert not filled.isna().any(axis=None)
    skae.save(model, folder / "table.skae")
    assert skae.load(folder / "table.skae").reconstruct(table).equals(filled)


def check_detector(folder):
    """The row that is unlike all others has the lowest score, and a low p-value."""
    detector = skae.AutoencoderOutlierDetector(n_estimators=2, random_state=0).fit(FLOWERS)
    rows = np.vstack([FLOWERS[::5], [[50.0, -9.0, 0.0, 30.0]]])
    assert detector.score_samples(rows).argmin() == len(rows) - 1
    assert detector.p_values(rows).argmin() == len(rows) - 1
    assert detector.predict(rows)[-1] == -1


def check_imputer(folder):
    """Cells that have a value keep it, and the others get one."""
    table = mixed_table()
    filled = skae.AutoencoderImputer(max_iter=1, random_state=0).fit_transform(table)
    assert not filled.isna().any(axis=None)
    known = table["size"].notna()
    assert filled["size"][known].equals(table["size"][known])


def check_classifier(folder):
    """Thirty labels tell three species apart, alone and in a pipeline."""
    labels = np.where(np.arange(150) % 5 == 0, SPECIES, -1)
    model = skae.AutoencoderClassifier(random_state=0).fit(FLOWERS, labels)
    assert model.score(FLOWERS, SPECIES) > 0.8
    steps = skae.AutoencoderTransformer(2, random_state=0), LogisticRegression()
    assert make_pipeline(*steps).fit(FLOWERS, SPECIES).score(FLOWERS, SPECIES) > 0.8


def check_windows_and_drift(folder):
    """A recording comes back as long as it was; drift is found where there is some."""
    recording = np.sin(np.arange(500) / 5)
    model = make_pipeline(Windows(20, step=10), skae.AutoencoderTransformer(3, **FEW))
    assert model.fit(recording).inverse_transform(model.transform(recording)).shape == (500,)
    autoencoder = skae.AutoencoderTransformer(2, **FEW).fit(FLOWERS[::3])
    drift = skae.DriftDetector(autoencoder, random_state=0).fit(FLOWERS[1::3])
    assert drift.test(FLOWERS[2::3] + 5).p_value < 0.01 < drift.test(FLOWERS[2::3]).p_value


def run(*arguments, **options):
    """Run the program ``skae`` of this environment, in a process of its own."""
    subprocess.run([PROGRAM, *arguments], check=True, **options)


def check_cli(folder):
    """The command line fits a table, and applies the model, from CSV and from Parquet."""
    table = mixed_table()
    table.to_csv(folder / "table.csv", index=False)
    table.to_parquet(folder / "table.parquet")
    run("fit", "table.csv", "--set", "max_iter=3", "--out", "table.skae", cwd=folder)
    run("score", "table.skae", "table.parquet", "--out", "scores.csv", cwd=folder)
    assert len(pd.read_csv(folder / "scores.csv")) == len(table)

    import skops.io

    model = make_pipeline(skae.AutoencoderTransformer(2, **FEW), LogisticRegression())
    skops.io.dump(model.fit(FLOWERS, SPECIES), folder / "pipeline.skops")
    loaded = skops.io.load(folder / "pipeline.skops", trusted=skae.persistence.TRUSTED_TYPES)
    assert np.array_equal(loaded.predict(FLOWERS), model.predict(FLOWERS))


def check_onnx(folder):
    """A graph answers as its model does; ``to_onnx`` raises where it does not."""
    model = skae.AutoencoderTransformer(2, **FEW).fit(FLOWERS)
    graph = skae.to_onnx(model, FLOWERS, output="codes")
    session = skae.onnx.inference_session(graph.SerializeToString())
    (codes,) = session.run(None, {"X": FLOWERS})
    assert np.allclose(codes, model.transform(FLOWERS), atol=1e-5)
    pipeline = make_pipeline(clone(model), LogisticRegression()).fit(FLOWERS, SPECIES)
    skae.to_onnx(pipeline, FLOWERS, output="probability")


def check_plot(folder):
    """A display draws to a file."""
    import matplotlib

    matplotlib.use("agg")
    from skae.displays import LossCurveDisplay

    model = skae.AutoencoderTransformer(2, **FEW).fit(FLOWERS)
    LossCurveDisplay.from_estimator(model).figure_.savefig(folder / "loss.png")


def check_report(folder):
    """A report is one page, with its style."""
    report = skae.report(skae.AutoencoderTransformer(2, **FEW).fit(FLOWERS), FLOWERS)
    assert "</style>" in report.html


def check_serve(folder):
    """A server process answers over HTTP, and ends when it is told to."""
    skae.save(skae.AutoencoderTransformer(2, **FEW).fit(FLOWERS), folder / "iris.skae")
    command = [PROGRAM, "serve", "iris.skae", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as server:
        try:
            line = next(line for line in server.stderr if "http://" in line)
            address = line[line.index("http://") :].split()[0].rstrip("/.,)")
            with urlopen(f"{address}/v2/models/iris") as answer:
                assert json.load(answer)["name"] == "iris"
        finally:
            server.terminate()
    assert server.returncode == 0


CHECKS = (
    check_autoencoders,
    check_better_than_pca,
    check_tables,
    check_detector,
    check_imputer,
    check_classifier,
    check_windows_and_drift,
)
CHECKS_OF_EXTRAS = {
    "cli": check_cli,
    "onnx": check_onnx,
    "plot": check_plot,
    "report": check_report,
    "serve": check_serve,
}


def main():
    """Run all checks in a folder of their own."""
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.filterwarnings("error", category=DeprecationWarning, module=r"skae\b")
    # Short fits are asked for here.
    warnings.filterwarnings("ignore", "The fit ended above the error of the column means")
    versions = ", ".join(f"{name} {version(name)}" for name in DEPENDENCIES)
    print(f"skae {version('skae')} of {Path(skae.__file__).parent}")
    print(f"Python {platform.python_version()}, {versions}")
    checks = [*CHECKS, *(check for name, check in CHECKS_OF_EXTRAS.items() if is_installed(name))]
    for check in checks:
        with tempfile.TemporaryDirectory() as folder:
            check(Path(folder))
        print(f"{check.__name__}: passed", flush=True)
    for extra in EXTRAS:
        if not is_installed(extra):
            print(f"skae[{extra}] is not installed: left out")


if __name__ == "__main__":
    main()
