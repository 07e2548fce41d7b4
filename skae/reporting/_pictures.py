"""Displays as pictures in a page."""

import base64
import io
import warnings
from collections.abc import Callable
from typing import Any

from skae._extras import require

from ._parts import Picture

_DPI = 144


def picture(draw: Callable[[], Any], alt: str, caption: str) -> Picture:
    """Return the picture of the display that a function draws.

    Settings of the caller's for matplotlib change nothing, and no window opens.
    """
    plt = require("matplotlib.pyplot", "report")
    # Names of columns are no formulas.
    plain = {"font.size": 10.0, "text.parse_math": False, "axes.grid": False}
    with plt.style.context(["default", plain]), plt.ioff(), warnings.catch_warnings():
        # Of a letter that the font lacks a box is drawn.
        warnings.filterwarnings("ignore", "Glyph")
        figure = draw().figure_
        try:
            _write_numbers_plainly(figure)
            file = io.BytesIO()
            figure.savefig(file, format="png", dpi=_DPI, bbox_inches="tight", facecolor="white")
        finally:
            plt.close(figure)
    content = file.getvalue()
    # The width stands in the header of the file.
    width = int.from_bytes(content[16:20], "big") * 96 // _DPI
    return Picture(base64.b64encode(content).decode(), alt, caption, width)


def _write_numbers_plainly(figure: Any) -> None:
    """Replace the formulas that matplotlib writes at logarithmic axes, such as 10 to a power."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if axis.get_scale() != "linear":
                axis.set_major_formatter(lambda value, _: f"{value:g}")
                axis.set_minor_formatter(lambda value, _: "")
