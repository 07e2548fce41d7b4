"""Tables that are read part by part: files, collections of Dask, and other objects with slices."""

from ._answers import AnswersInParts
from ._row_hashes import held_out_by_hash
from ._source import Source, check_in_memory, source_of
from ._validated import is_mapped_without_gaps, validate_sample, validate_source

__all__ = [
    "AnswersInParts",
    "Source",
    "check_in_memory",
    "held_out_by_hash",
    "is_mapped_without_gaps",
    "source_of",
    "validate_sample",
    "validate_source",
]
