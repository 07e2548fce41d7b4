"""Messages that the command writes to the standard error."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Characters of a message that are shown: its beginning says what is wrong, its end what to do.
_HEAD, _TAIL = 1_500, 500


def warn(message: str) -> None:
    """Write a warning."""
    print(f"skae: warning: {shortened(message)}", file=sys.stderr)


@contextmanager
def telling_warnings() -> Iterator[None]:
    """Write warnings of Python's as those of the command, without a line of code."""

    def tell(message: Any, *_: Any) -> None:
        warn(str(message))

    with warnings.catch_warnings():
        warnings.showwarning = tell  # type: ignore[assignment]
        yield


def shortened(message: object) -> str:
    """Return a message without its middle if it quotes too much, such as a whole model."""
    text = str(message)
    left_out = len(text) - _HEAD - _TAIL
    if left_out <= 0:
        return text
    return (
        f"{text[:_HEAD]} [... {left_out:,} characters; SKAE_DEBUG=1 shows them ...] {text[-_TAIL:]}"
    )
