import numpy as np
import pytest
import torch

from vslnb import distributed
from vslnb.data.augmentation import SizeAugmentation
from vslnb.data.loader import Batch
from vslnb.data.vocabulary import SPECIAL, UNKNOWN, Vocabulary

VOCABULARY = Vocabulary((*SPECIAL, *(f"word{k}" for k in range(30))))


def batch_of(count, regions=5, longest=9, seed=0):
    rng = np.random.default_rng(seed)
    lengths = torch.from_numpy(rng.integers(1, longest + 1, count))
    ids = torch.from_numpy(rng.integers(4, 34, (count, int(lengths.max()))))
    ids[torch.arange(ids.shape[1]) >= lengths[:, None]] = 0
    features = torch.from_numpy(rng.normal(size=(count, regions, 3)).astype(np.float32))
    return Batch(np.arange(count), np.arange(count), features, ids, lengths)


@pytest.mark.parametrize("share", [0.2, 0.95])
@pytest.mark.parametrize("padding", [None, torch.tensor([1.0, -2.0, 3.0])])
def test_against_the_literal_loop(share, padding):
    batch, seed, epoch, step = batch_of(40), 3, 2, 5
    found = SizeAugmentation(share, share, VOCABULARY, seed, padding)(batch, epoch, step)

    def numbers(width, part):
        return np.random.default_rng([seed, epoch, step, part]).random((width, 40)).T

    chance, width = numbers(5, 1), batch.ids.shape[1]
    fates, others = numbers(width, 2), numbers(width, 3)
    for i in range(40):
        rows = [row for row, one in zip(batch.features[i], chance[i]) if one >= share]
        rows = rows or list(batch.features[i])
        assert found.region_counts[i] == len(rows)
        assert torch.equal(found.features[i, : len(rows)], torch.stack(rows))
        unseen = torch.zeros(3) if padding is None else padding
        assert all(torch.equal(row, unseen) for row in found.features[i, len(rows) :])
        words, touched = [], []
        for k in range(int(batch.lengths[i])):
            word, fate = int(batch.ids[i, k]), fates[i, k] / share
            if fate < 0.5:
                word = 1 + int(others[i, k] * 33)
            elif fate < 1:
                word = VOCABULARY.index[UNKNOWN]
            touched.append(word)
            if fate >= 0.4:
                words.append(word)
        words = words or touched
        assert found.ids[i].tolist() == words + [0] * (found.ids.shape[1] - len(words))
        assert found.lengths[i] == len(words)
    assert batch.features.all() and torch.equal(batch.ids > 0, batch_of(40).ids > 0)  # left as they were


def test_shares_are_those_asked_for():
    batch = batch_of(4000, regions=20)
    found = SizeAugmentation(0.2, 0.5, VOCABULARY, 0)(batch, 0, 0)
    assert found.region_counts.float().mean() / 20 == pytest.approx(0.8, abs=0.01)
    assert (found.ids == VOCABULARY.index[UNKNOWN]).sum() / batch.lengths.sum() == pytest.approx(
        0.25, abs=0.02
    )
    nothing = SizeAugmentation(0.0, 0.0, VOCABULARY, 0)(batch, 0, 0)
    assert nothing is batch


def test_other_steps_epochs_and_seeds_drop_other_parts():
    batch = batch_of(40)
    places = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    found = [SizeAugmentation(0.4, 0, VOCABULARY, seed)(batch, *place) for seed, *place in places]
    assert len({tuple(one.region_counts.tolist()) for one in found}) == 4


def test_many_processes_drop_what_one_does(monkeypatch):
    batch, augment = batch_of(40), SizeAugmentation(0.3, 0.6, VOCABULARY, 0)
    one = augment(batch, 1, 2)
    monkeypatch.setattr(distributed, "process_count", lambda: 4)
    for rank in range(4):
        monkeypatch.setattr(distributed, "process_index", lambda rank=rank: rank)
        mine = slice(10 * rank, 10 * rank + 10)
        lengths = batch.lengths[mine]
        part = Batch(
            batch.captions, batch.images, batch.features[mine], batch.ids[mine, : lengths.max()], lengths
        )
        found = augment(part, 1, 2)
        assert torch.equal(found.features, one.features[mine])
        assert torch.equal(found.region_counts, one.region_counts[mine])
        assert torch.equal(found.lengths, one.lengths[mine])
        assert torch.equal(found.ids, one.ids[mine, : found.ids.shape[1]])
