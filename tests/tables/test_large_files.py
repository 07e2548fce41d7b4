"""Files with more rows than are permuted one by one."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from skae import AutoencoderTransformer, _chunks
from skae.engine import _block_order
from skae.engine._block_order import block_order
from skae.tables.sources import held_out_by_hash
from skae.tables.sources._row_hashes import row_hashes


@pytest.mark.parametrize(("n_rows", "n_batches"), [(1000, 7), (1003, 31), (10, 10), (9, 2)])
def test_each_row_is_in_one_batch(monkeypatch, n_rows, n_batches):
    monkeypatch.setattr(_block_order, "_BLOCK_CELLS", 40)
    monkeypatch.setattr(_block_order, "_BLOCKS", 3)
    generator = torch.Generator().manual_seed(0)
    batches = [*block_order((n_rows, 4), n_batches, generator)]
    assert torch.cat(batches).sort().values.tolist() == list(range(n_rows))
    assert len(batches) == n_batches
    assert max(map(len, batches)) - min(map(len, batches)) <= 1
    again = torch.cat([*block_order((n_rows, 4), n_batches, generator)])
    assert not torch.equal(again, torch.cat(batches))


def test_rows_of_several_blocks_are_mixed(monkeypatch):
    """In a table that is sorted by a label each batch has about the share of all rows."""
    monkeypatch.setattr(_block_order, "_BLOCK_CELLS", 40)
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(8000) >= 4000

    def spread(n_blocks):
        monkeypatch.setattr(_block_order, "_BLOCKS", n_blocks)
        shares = [label[rows].double().mean() for rows in block_order((8000, 4), 80, generator)]
        return float(torch.stack(shares).std())

    # Of all rows permuted, a hundred in a batch: half a tenth.
    assert spread(100) < 0.08
    assert spread(1) > 0.12


def test_hashes_are_uniform_and_depend_on_the_row_alone():
    whole = row_hashes(slice(0, 20_000), 3)
    assert np.array_equal(whole[7_000:9_000], row_hashes(slice(7_000, 9_000), 3))
    assert kstest(whole, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(whole, row_hashes(slice(0, 20_000), 4))[0, 1]) < 0.03
    assert abs(np.corrcoef(whole[:-1], whole[1:])[0, 1]) < 0.03


def test_held_out_rows_are_those_of_small_hashes():
    train, valid = held_out_by_hash(10_000, 0.1, 5)
    assert np.array_equal(np.sort(np.concatenate([train, valid])), np.arange(10_000))
    assert len(valid) == pytest.approx(1000, abs=100)
    assert row_hashes(slice(0, 10_000), 5)[valid].max() < 0.1
    # More rows at the end change nothing of those before.
    longer = held_out_by_hash(12_000, 0.1, 5)[1]
    assert np.array_equal(longer[longer < 10_000], valid)


def test_training_in_blocks_is_as_good_as_with_all_rows_permuted(tmp_path, monkeypatch):
    """The rows are sorted by a label, and blocks hold one label each."""
    rng = np.random.default_rng(0)
    kinds = [rng.normal(size=(1, 12)) * 3 + rng.normal(size=(1500, 3)) @ rng.normal(size=(3, 12))]
    kinds += [rng.normal(size=(1, 12)) * 3 + rng.normal(size=(1500, 3)) @ rng.normal(size=(3, 12))]
    X = np.concatenate(kinds).astype(np.float32)
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    params = {"hidden_layer_sizes": (32,), "max_iter": 6, "random_state": 0}

    def loss(rows):
        return -AutoencoderTransformer(3, **params).fit(rows).score(X)

    whole = loss(X)
    assert loss(mapped) == whole
    monkeypatch.setattr(_chunks, "_MOST_ROWS", 100)
    monkeypatch.setattr(_block_order, "_BLOCK_CELLS", 12 * 50)
    monkeypatch.setattr(_block_order, "_BLOCKS", 20)
    in_blocks = loss(mapped)
    assert in_blocks != whole
    assert in_blocks < 1.05 * whole
    # In memory nothing changes.
    assert loss(X) == whole


@pytest.mark.parametrize("share", [1e-9, 1 - 1e-9], ids=["none held out", "none to train on"])
def test_a_share_that_leaves_a_part_empty_is_refused(tmp_path, monkeypatch, share):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(300, 3)))
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    monkeypatch.setattr(_chunks, "_MOST_ROWS", 100)
    with pytest.raises(ValueError, match="both must be at least 2"):
        AutoencoderTransformer(2, validation_fraction=share).fit(mapped)
