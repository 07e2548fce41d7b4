"""More rows than memory: what fits and answers take in time and in memory, by where rows are."""

from . import ranks

PARTS = {
    "ranks": ranks.run,
}


def run(data):
    """Yield all tables."""
    for part in PARTS.values():
        yield from part(data)
