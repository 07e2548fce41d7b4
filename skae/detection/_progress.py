"""The progress bar of a detector."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(shown: bool, description: str, unit: str) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how much is left; the first call is told of all.

    If the bar is not to be shown it does nothing.
    """
    if not shown:
        yield lambda left: None
        return
    # In a notebook without ipywidgets this import warns.
    from tqdm.auto import tqdm

    with tqdm(desc=description, unit=unit) as bar:

        def tell_left(left: int) -> None:
            if bar.total is None:
                bar.reset(total=left)
            bar.update(bar.total - left - bar.n)

        yield tell_left
