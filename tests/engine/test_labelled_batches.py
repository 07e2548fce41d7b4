"""Batches in which given labels have a share of their own."""

import torch

from skae.engine import Labels, TrainingRows
from skae.engine._labels import LabelledBatches
from skae.engine._training_rows import TensorRows


def labelled(n_rows, n_given, weight=None):
    """Rows that hold their number, of which the first have given labels."""
    numbers = torch.arange(n_rows, dtype=torch.float32)[:, None]
    rows = TrainingRows(TensorRows(numbers), None, torch.float32, torch.device("cpu"))
    given = torch.arange(n_rows) < n_given
    weight = torch.ones(n_rows) if weight is None else weight
    return rows.with_labels(Labels(10 * numbers, weight, given))


def epoch_of(rows, batch_size):
    """The batches of an epoch, as lists of numbers with labels and weights."""
    batches = LabelledBatches(rows, batch_size, torch.Generator().manual_seed(0))
    found = [(b.x[:, 0].clone(), b.label[:, 0].clone(), b.label_weight.clone()) for b in batches]
    assert len(found) == len(batches)
    return found


def test_each_batch_has_given_labels_and_others():
    for numbers, labels, _ in epoch_of(labelled(1000, 20), 100):
        assert torch.equal(labels, 10 * numbers)
        assert (numbers < 20).sum() == 20
        assert (numbers >= 20).sum() == 100


def test_a_batch_has_at_most_twice_as_many_given_labels_as_others():
    for batch_size, n_given in ((32, 64), (60, 120), (400, 128)):
        for numbers, _, _ in epoch_of(labelled(1000, 200), batch_size):
            assert (numbers < 200).sum() == n_given
            assert (numbers >= 200).sum() == batch_size


def test_an_epoch_goes_through_all_rows():
    for n_given in (300, 900):
        seen = torch.cat([numbers for numbers, _, _ in epoch_of(labelled(1000, n_given), 64)])
        assert len(torch.unique(seen)) == 1000


def test_given_labels_count_as_much_as_all_others():
    weight = torch.where(torch.arange(1000) < 20, 1.0, 0.5)
    for numbers, _, weights in epoch_of(labelled(1000, 20, weight), 100):
        of_given = weights[numbers < 20].sum() / len(numbers)
        of_others = weights[numbers >= 20].sum() / len(numbers)
        assert torch.isclose(of_given, torch.tensor(1.0))
        assert torch.isclose(of_others, torch.tensor(0.5))


def test_rows_of_one_kind_are_cut_as_usual():
    found = epoch_of(labelled(100, 100), 25)
    assert [len(numbers) for numbers, _, _ in found] == [25] * 4
    assert all((weights == 1).all() for _, _, weights in found)


def test_subsets_keep_their_labels():
    rows = labelled(10, 4).subset([3, 7])
    batch = rows.read(slice(0, 2))
    assert batch.label[:, 0].tolist() == [30, 70]
    assert batch.label_given.tolist() == [True, False]
    assert rows.labels.given.tolist() == [True, False]
    assert "label" in rows.fields
