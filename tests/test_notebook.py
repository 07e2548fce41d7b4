"""The notebook of the documentation: it runs, quietly, and shows what it promises."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PATH = Path(__file__).parents[1] / "docs" / "notebooks" / "start.ipynb"


@pytest.fixture(scope="module")
def executed():
    """Return the outputs of the cells of code, in a kernel of their own."""
    notebook = nbformat.read(PATH, as_version=4)
    NotebookClient(notebook, timeout=300).execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_nothing_is_written_beside_the_results(executed):
    # Neither bars, although verbose=1, nor warnings.
    assert [output for output in executed if output.output_type in ("stream", "error")] == []


def test_estimators_tables_pictures_and_the_report_are_shown(executed):
    pages = ["".join(output.data.get("text/html", "")) for output in executed]
    assert any("readthedocs.io/en/stable/api/skae.AutoencoderTransformer.html" in p for p in pages)
    assert any("<strong>drift, p = " in page for page in pages)
    assert any("Report on an AutoencoderTransformer" in page for page in pages)
    assert sum("image/png" in output.data for output in executed) == 2
    # Cells of rows, in the caller's columns.
    assert sum("<th>currency</th>" in page for page in pages) >= 3


def test_it_is_committed_without_results():
    notebook = nbformat.read(PATH, as_version=4)
    assert [cell.id for cell in notebook.cells if cell.get("outputs")] == []
