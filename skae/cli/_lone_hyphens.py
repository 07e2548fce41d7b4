"""Lone hyphens on a command line, which cyclopts takes for options."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts import App


def with_lone_hyphens(app: "App", words: list[str]) -> list[str]:
    """Return the words of a command line so that a lone - is a value.

    After an option that takes a value, - is joined to it; elsewhere it becomes a path.
    """
    if "-" not in words or words[0].startswith("-") or words[0] not in app:
        return words
    flags = {
        name
        for argument in app[words[0]].assemble_argument_collection()
        if argument.hint is bool
        for name in argument.names
    }
    result: list[str] = []
    for word in words:
        before = result[-1] if result else ""
        if word != "-":
            result.append(word)
        elif before.startswith("--") and "=" not in before and before not in flags:
            result[-1] = f"{before}=-"
        else:
            result.append("./-")
    return result
