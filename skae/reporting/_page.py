"""The page: sections put into the template."""

from functools import cache
from pathlib import Path
from typing import Any

from skae._extras import require

from ._parts import Cell, Highlight, Section

_TEMPLATES = Path(__file__).parent / "templates"


@cache
def _template() -> Any:
    jinja2 = require("jinja2", "report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        # Names of columns and cells may hold HTML.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["as_cell"] = lambda cell: Cell(cell) if isinstance(cell, str) else cell
    return environment.get_template("report.html")


def page_of(title: str, subtitle: str, highlights: list[Highlight], sections: list[Section]) -> str:
    """Return the page as HTML."""
    return _template().render(
        title=title, subtitle=subtitle, highlights=highlights, sections=sections
    )
