"""Tables as files and as what is read part by part."""

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

N = 900
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
ROWS_IN_GROUP = 250


def numbers():
    """Numbers of two factors."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, 2)) @ rng.normal(size=(2, 5)) + 0.1 * rng.normal(size=(N, 5))


def frame_of_numbers():
    return pd.DataFrame(numbers(), columns=list("abcde"))


def mixed_frame():
    """A table whose columns have gaps, words, dates, and values that come late or are rare."""
    frame, rng = frame_of_numbers(), np.random.default_rng(1)
    frame.loc[::7, "b"] = np.nan
    frame["word"] = np.where(frame["a"] > 0, "yes", "no")
    frame.loc[5:9, "word"] = None
    frame.loc[N - 1, "word"] = "rare"
    frame["late"] = np.where(np.arange(N) < N // 2, None, rng.choice(["u", "v"], N))
    frame["day"] = pd.date_range("2024-01-01", periods=N)
    frame.loc[N - 3 :, "day"] += pd.Timedelta(hours=5)
    frame["whole"] = pd.array(rng.integers(0, 9, N), dtype="Int64")
    frame.loc[N - 5, "whole"] = pd.NA
    return frame


class Slices:
    """An object with a length and slices, as HDF5 and Zarr have them."""

    def __init__(self, rows):
        self._rows = rows

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, selection):
        return self._rows[selection]


def sources_of_numbers(folder):
    return {
        "parquet": str(folder / "numbers.parquet"),
        "dask array": da.from_array(numbers(), chunks=(200, 3)),
        "dask table": dd.from_pandas(frame_of_numbers(), npartitions=3),
        "slices": Slices(numbers()),
        "slices of a table": Slices(frame_of_numbers()),
        "memory map": np.load(folder / "numbers.npy", mmap_mode="r"),
    }


def sources_of_mixed_columns(folder):
    with_an_empty_partition = dd.from_pandas(mixed_frame(), npartitions=3)
    kept = with_an_empty_partition["a"].map_partitions(lambda a: pd.Series(True, a.index))
    return {
        "path": folder / "mixed.parquet",
        "folder": folder / "parts",
        "list": [folder / "parts" / "1.parquet", folder / "parts" / "2.parquet"],
        "dataset": ds.dataset(folder / "mixed.parquet"),
        "dask table": with_an_empty_partition[kept],
    }


def joined(parts):
    """The answers of all parts, as those about a table in memory are."""
    parts = [*parts]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    tables = [part.to_pandas() if isinstance(part, pa.Table) else part for part in parts]
    return pd.concat(tables, ignore_index=True)
