"""More rows than memory: what fits and answers take in time and in memory, by where rows are."""

from . import detector, larger_than_memory, ranks

PARTS = {
    "larger_than_memory": larger_than_memory.run,
    "ranks": ranks.run,
    "detector": detector.run,
}


def run(data):
    """Yield all tables."""
    for part in PARTS.values():
        yield from part(data)
