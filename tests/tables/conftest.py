"""Fixtures that the tests of sources share."""

import numpy as np
import pytest
from sklearn.base import clone
from source_cases import ROWS_IN_GROUP, SMALL, N, frame_of_numbers, mixed_frame, numbers

from skae import (
    AutoencoderTransformer,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables as files: one of numbers, one of several types, and that in two files."""
    folder = tmp_path_factory.mktemp("files")
    frame_of_numbers().to_parquet(folder / "numbers.parquet", row_group_size=ROWS_IN_GROUP)
    frame = mixed_frame()
    frame.to_parquet(folder / "mixed.parquet", row_group_size=ROWS_IN_GROUP)
    (folder / "parts").mkdir()
    # A table that was cut out of another has an index, which is no column.
    frame[: N // 2].to_parquet(folder / "parts" / "1.parquet")
    frame[N // 2 :].to_parquet(folder / "parts" / "2.parquet")
    np.save(folder / "numbers.npy", numbers())
    return folder


@pytest.fixture(scope="module")
def fitted_in_memory():
    make = AutoencoderTransformer(2, **SMALL)
    return {"numbers": clone(make).fit(numbers()), "mixed": clone(make).fit(mixed_frame())}
