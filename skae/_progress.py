"""Progress bars, where they can be drawn: on a terminal, and in a notebook that has widgets."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any


def open_bar(description: str, unit: str, total: int | None = None, shown: bool = True) -> Any:
    """Return an open bar of tqdm; where it cannot be drawn, in a log, its methods do nothing.

    They do nothing either if it is not to be `shown`.
    """
    # tqdm.auto warns in a notebook without ipywidgets, and then fills the output with text.
    if shown and _has_widgets():
        from tqdm.notebook import tqdm

        return tqdm(desc=description, unit=unit, total=total)
    from tqdm import tqdm

    # None disables the bar unless stderr is a terminal.
    return tqdm(desc=description, unit=unit, total=total, disable=None if shown else True)


@contextmanager
def bar_of_the_rest(shown: bool, description: str, unit: str) -> Iterator[Callable[[int], None]]:
    """Yield a function that takes the number that is left; the first call gives the total.

    If the bar is not to be shown it does nothing.
    """
    if not shown:
        yield lambda left: None
        return
    with open_bar(description, unit) as bar:

        def tell_left(left: int) -> None:
            if bar.total is None:
                bar.reset(total=left)
            bar.update(bar.total - left - bar.n)

        yield tell_left


def _has_widgets() -> bool:
    """Return whether this is a kernel of Jupyter that can show widgets."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return "IPKernelApp" in getattr(shell, "config", ()) and find_spec("ipywidgets") is not None
