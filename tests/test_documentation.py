"""The documentation: its code runs and prints what it says, and every public name has its place."""

import importlib
import re
import tomllib
from contextlib import ExitStack
from pathlib import Path

import pytest
from page_cases import Page, says_the_same
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr

import skae

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
COMMANDS = (
    "fit",
    "transform",
    "reconstruct",
    "score",
    "predict",
    "sample",
    "info",
    "export",
    "serve",
)
GENERATED = {"_build", "api", "gallery"}
PAGES = [
    path for path in sorted(DOCS.rglob("*.md")) if path.relative_to(DOCS).parts[0] not in GENERATED
]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# Benchmarks and the changelog are included from the repository: they hold no Python.
WITHOUT_CODE = {"benchmarks.md", "changelog.md", "index.md", "tasks/index.md"}
WITHOUT_CODE |= {"guide/index.md", "coming_from/index.md"}


@pytest.mark.usefixtures("torchlib_is_parsed_once")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_code_of_a_page_runs(path, folder):
    with ExitStack() as servers:
        n_run = Page(path, COMMANDS, servers).run()
    assert (n_run > 0) != (path.relative_to(DOCS).as_posix() in WITHOUT_CODE)


@pytest.mark.usefixtures("torchlib_is_parsed_once")
def test_code_of_the_readme_runs(folder):
    with ExitStack() as servers:
        assert Page(ROOT / "README.md", ("serve",), servers).run() > 0


@pytest.mark.parametrize(
    ("promised", "printed", "same"),
    [
        ("0.94", "0.9377777777777778", True),
        ("0.94", "0.74", False),
        ("(450, 8)", "(450, 8)", True),
        ("drift, p = 0.003", "no drift, p = 0.003", False),
        ("1,257 rows", "1257 rows", True),
    ],
)
def test_what_is_printed_is_compared(promised, printed, same):
    assert says_the_same(promised, printed) == same


def test_a_wrong_comment_is_found(folder):
    page = folder / "page.md"
    page.write_text("```python\nx = 2\n```\n\n```python\nprint(x + 1)  # 4\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md, line 6 prints \['3'\]"):
        Page(page, COMMANDS, ExitStack()).run()


def test_the_reference_has_every_public_name():
    reference = (DOCS / "api.rst").read_text()
    listed = set(re.findall(r"^   ([\w.]+)$", reference, re.MULTILINE))
    assert {f"skae.{name}" for name in skae.__all__} <= {f"skae.{name}" for name in listed}
    for name in listed:
        module, _, attribute = f"skae.{name}".rpartition(".")
        assert attribute in importlib.import_module(module).__all__


def test_estimators_in_a_notebook_link_to_their_page():
    listed = re.findall(r"^   ([\w.]+)$", (DOCS / "api.rst").read_text(), re.MULTILINE)
    kinds = {}
    for name in listed:
        module, _, attribute = f"skae.{name}".rpartition(".")
        kind = getattr(importlib.import_module(module), attribute)
        if isinstance(kind, type) and issubclass(kind, BaseEstimator):
            kinds[f"skae.{name}"] = kind
    assert len(kinds) >= 17
    of_one = {"skae.Encoder", "skae.Decoder", "skae.DriftDetector"}
    for name, kind in kinds.items():
        page = estimator_html_repr(
            kind(skae.AutoencoderTransformer()) if name in of_one else kind()
        )
        # autosummary makes the pages in the folder of its toctree.
        assert f'href="https://skae.readthedocs.io/en/stable/api/{name}.html"' in page


def test_estimators_of_others_do_not_link_to_a_page_of_skae():
    class Mine(skae.AutoencoderTransformer):
        pass

    assert "skae.readthedocs.io" not in estimator_html_repr(Mine())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_short_has_a_title_and_a_picture(path):
    lines = path.read_text().splitlines()
    # The gallery reads the title there.
    assert lines[2] == "=" * len(lines[1])
    assert len(lines) <= 60
    assert path.name in (ROOT / "README.md").read_text()
    assert f'savefig("{path.stem}.png"' in path.read_text()
    assert (ROOT / "examples" / "pictures" / f"{path.stem}.png").stat().st_size < 300_000


def test_all_files_name_the_same_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == skae.__version__
    assert f"\nversion: {skae.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {skae.__version__} " in (ROOT / "CHANGELOG.md").read_text()
