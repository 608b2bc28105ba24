"""NCR against literal loops, the numbers of its released program (tests/golden/zoo_ncr.npz), and itself when cut."""

import signal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_loop import tiny

import reference
from conftest import GOLDEN, write_dataset
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.errors import InputError
from vslnb.losses import TripletLoss
from vslnb.recipes import recipe, run_name
from vslnb.retrieval.similarity import split_scores
from vslnb.training.guard import TrainingError
from vslnb.training.loop import train
from vslnb.training.noisy import NoisyTrainer
from vslnb.training.noisy.labels import clean_labels, pair_losses, predicted_labels, soft_margins
from vslnb.training.noisy.mixture import called_clean, clean_probabilities
from vslnb.training.run import load_run
from vslnb.training.trainer import Trainer

NUMBERS = np.load(GOLDEN / "zoo_ncr.npz")
MARGIN = 0.2
CURVES = ("linear", "exponential", "sin")


def golden(name):
    return torch.from_numpy(NUMBERS[name])


def agrees(loss, name):
    """A loss of `loss_in` and its gradient are those of the released program."""
    scores = golden("loss_in").requires_grad_()
    found = loss(scores)
    found.sum().backward()
    torch.testing.assert_close(found.detach(), golden(name), atol=1e-5, rtol=0)
    torch.testing.assert_close(scores.grad, golden(f"{name}_grad"), atol=1e-5, rtol=0)


def test_the_loss_modes_give_the_numbers_of_the_released_program():
    agrees(TripletLoss(MARGIN, "mean"), "loss_warmup")
    agrees(TripletLoss(MARGIN, "mean"), "loss_train_mean")
    agrees(TripletLoss(MARGIN), "loss_train_hard")
    agrees(lambda scores: pair_losses(scores, MARGIN), "loss_eval_per_sample")


@pytest.mark.parametrize("curve", CURVES)
def test_soft_margins_give_the_numbers_of_the_released_program(curve):
    labels = golden("soft_labels")
    rows, same = soft_margins(labels, MARGIN, curve, "matrix")
    whole = soft_margins(golden("labelled_targets_matrix"), MARGIN, curve, "matrix")
    # Its names are those of the labels' shape: a column of them gives every row one margin, and a row every column.
    for shape, margins in (("col", (rows, same)), ("row", (rows.T, same.T)), ("matrix", whole)):
        agrees(lambda s: TripletLoss(MARGIN)(s, margins=margins), f"loss_train_hard_{curve}_{shape}")  # noqa: B023


def test_labels_give_the_numbers_of_the_released_program():
    predicted = predicted_labels(golden("loss_in"), MARGIN)
    torch.testing.assert_close(predicted, golden("predict_clamped"), atol=1e-5, rtol=0)
    larger = predicted_labels(golden("predict24_in"), MARGIN)
    torch.testing.assert_close(larger, golden("predict24_clamped"), atol=1e-5, rtol=0)
    weights = golden("labelled_clean_prob")[:, 0]
    matrix = clean_labels(weights, predicted, "matrix")
    torch.testing.assert_close(matrix, golden("labelled_targets_matrix"), atol=1e-5, rtol=0)
    torch.testing.assert_close(clean_labels(weights, predicted, "pair"), matrix.diagonal(), atol=1e-6, rtol=0)


def test_the_mixture_gives_the_probabilities_of_the_released_program():
    losses = NUMBERS["gmm_losses_in"]
    for scale, shift in ((1, 0), (7.5, 3)):  # they are brought to 0 to 1 first
        found = clean_probabilities((losses * scale + shift).astype(np.float32))
        np.testing.assert_allclose(found, NUMBERS["gmm_clean_prob"], atol=1e-5)
    np.testing.assert_array_equal(clean_probabilities(losses), clean_probabilities(losses))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 25),
    st.sampled_from(CURVES),
    st.sampled_from(["pair", "matrix"]),
    st.booleans(),
    st.integers(0, 999),
)
def test_against_the_literal_loops(n, curve, kind, clean, seed):
    torch.manual_seed(seed)
    scores, weights = torch.randn(n, n, dtype=torch.float64) * 0.2, torch.rand(n, dtype=torch.float64)
    table = scores.tolist()
    np.testing.assert_allclose(pair_losses(scores, MARGIN), reference.pair_losses(table, MARGIN), atol=1e-9)
    predicted, wanted = predicted_labels(scores, MARGIN), reference.predicted_labels(table, MARGIN)
    np.testing.assert_allclose(predicted, wanted, atol=1e-9)
    labels = clean_labels(weights, predicted, kind) if clean else predicted

    def label_of(pair, i, j):
        """The label that the loss reads in row i and column j, for the query `pair`."""
        row, column = (i, j) if kind == "matrix" else (pair, pair)
        if not clean:
            return wanted[row]
        return float(weights[row] + (1 - weights[row]) * wanted[column])

    literal = reference.soft_triplet(
        table, MARGIN, curve, lambda i, j: label_of(i, i, j), lambda i, j: label_of(j, i, j)
    )
    margins = soft_margins(labels, MARGIN, curve, kind)
    assert abs(float(TripletLoss(MARGIN)(scores, margins=margins)) - literal) < 1e-9


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=300), st.floats(0.01, 0.99))
def test_somebody_is_always_called_noisy(probabilities, threshold):
    clean = called_clean(np.array(probabilities), threshold)
    if min(probabilities) <= threshold:
        assert clean.tolist() == [p > threshold for p in probabilities]
    else:
        assert (~clean).sum() == len(probabilities) // 100 + 1
        assert max(p for p, c in zip(probabilities, clean) if not c) <= min(
            (p for p, c in zip(probabilities, clean) if c), default=1
        )


def test_losses_that_are_all_equal_are_all_clean():
    assert clean_probabilities(np.full(5, 0.3, np.float32)).tolist() == [1] * 5


NOISY = {
    "training__noise_ratio": 0.4,
    "ncr__warmup_epochs": 1,
    "training__epochs": 3,
    "loss__violating_epochs": 0,
}


def at_work(dataset, epoch, name="world-sgr-ncr", **changes):
    """A trainer at the beginning of an epoch."""
    trainer = NoisyTrainer(tiny(name, **(NOISY | changes)), dataset, "cpu")
    for _ in trainer._ask(epoch, False):
        pass
    trainer.batches(epoch)
    return trainer


def test_a_step_changes_one_network_by_the_loss_of_its_part(dataset):
    trainer = at_work(dataset, 2, model__dropout=0)
    kinds = {(update.network, update.part) for update in trainer.updates}
    assert kinds == {(k, part) for k in (0, 1) for part in ("clean", "noisy")}
    for step in [first_step(trainer, *kind) for kind in sorted(kinds)]:
        update = trainer.updates[step]
        batch = trainer.loader.load(update.captions)
        before = [{k: v.clone() for k, v in n.state_dict().items()} for n in trainer.networks]
        trainer.model.eval()
        with torch.no_grad():
            thought = [
                reference.predicted_labels(trainer.scores(batch, 2, step, n).tolist(), MARGIN)
                for n in trainer.networks
            ]
        values, scores = trainer.step(batch, 2, step)
        own, other = thought[update.network], 1 - update.network
        if update.part == "clean":
            trust = trainer.memory["clean"][other][update.captions].tolist()
            labels = [w + (1 - w) * p for w, p in zip(trust, own)]
        else:
            labels = [(a + b) / 2 for a, b in zip(*thought)]
        literal = paper_loss(scores.tolist(), labels)
        assert values["triplet"] == pytest.approx(literal, rel=1e-4)
        for number, network in enumerate(trainer.networks):
            same = all(torch.equal(v, before[number][k]) for k, v in network.state_dict().items())
            assert same == (number != update.network)
        calm = called_clean(trainer.memory["clean"][other].numpy())[update.captions]
        assert calm.all() if update.part == "clean" else not calm.any()


def paper_loss(scores, labels):
    """With one label a pair."""
    return reference.soft_triplet(
        scores, MARGIN, "exponential", lambda i, j: labels[i], lambda i, j: labels[j]
    )


def first_step(trainer, network, part):
    return next(k for k, u in enumerate(trainer.updates) if (u.network, u.part) == (network, part))


def test_the_warm_up_is_the_mean_over_all_pairs_and_noisy_pairs_wait(dataset):
    trainer = at_work(dataset, 0)
    for network in (0, 1):
        mine = [update.captions for update in trainer.updates if update.network == network]
        assert sorted(np.concatenate(mine)) == list(range(200))
    batch = trainer.loader.load(trainer.updates[0].captions)
    values, scores = trainer.step(batch, 0, 0)
    assert values["triplet"] == pytest.approx(reference.triplet(scores.tolist(), MARGIN, "mean"), rel=1e-5)
    trainer.batches(1)  # the first half of the two epochs that follow
    assert {update.part for update in trainer.updates} == {"clean"}


def test_vsl_reads_the_captions_of_clean_pairs_alone(dataset):
    trainer = at_work(dataset, 2, "world-sgr-vsl-ncr")
    assert trainer.config.arm == "vsl-paper-ncr"
    for part, found in (("clean", True), ("noisy", False)):
        step = first_step(trainer, 0, part)
        batch = trainer.loader.load(trainer.updates[step].captions)
        _, scores = trainer.step(batch, 2, step)
        assert ("agreement" in trainer.diagnose(batch, scores, 2)) == found


@pytest.mark.parametrize("module", ["sgr", "saf"])
def test_a_run_that_is_cut_resumes_to_the_last_bit(dataset, tmp_path, monkeypatch, module):
    config = tiny(f"world-{module}-ncr", **NOISY)
    whole = train(config, dataset, tmp_path / "whole", device="cpu", progress=False)
    original = NoisyTrainer.step

    def cut(self, batch, epoch, step):
        if (epoch, step) == (2, 3):  # the first network has learned a little from the second's split
            signal.raise_signal(signal.SIGINT)
        return original(self, batch, epoch, step)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt, match="epoch 3, step 4"):
        patch.setattr(NoisyTrainer, "step", cut)
        train(config, dataset, tmp_path / "cut", device="cpu", progress=False)
    assert train(config, dataset, tmp_path / "cut", device="cpu", resume=True, progress=False) == whole
    for file in ("best.safetensors", "last/state.safetensors", "results.json", "ranks.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "cut" / file).read_bytes()
    assert whole["arm"] == "ncr" and whole["noisy_images"] == 16 and whole["recipe"] == config.recipe
    assert {"called_clean", "clean_precision", "noise_recall"} <= set(whole["mechanism"])
    model, _ = load_run(tmp_path / "whole", "cpu")
    test, vocabulary = load_split(dataset, "test"), load_vocabulary(dataset)
    alone = [split_scores(network, test, vocabulary) for network in model.networks]
    assert np.abs(alone[0] - alone[1]).max() > 1e-4  # they are two
    np.testing.assert_allclose(split_scores(model, test, vocabulary), sum(alone) / 2, atol=1e-6)


def test_the_mixture_finds_exchanged_captions(tmp_path):
    data = write_dataset(tmp_path / "data", {"train": 60, "dev": 10, "test": 10})
    longer = {"ncr__warmup_epochs": 4, "training__epochs": 6, "training__decay_after": 6}
    sizes = {"training__learning_rate": 0.01, "training__batch_size": 30, "training__noise_ratio": 0.3}
    trainer = NoisyTrainer(tiny("world-saf-ncr", **longer, **sizes), data, "cpu")
    for epoch in range(4):
        list(trainer.epoch(epoch, progress=False))
    _, line = next(one for one in trainer.epoch(4, progress=False) if one[1])
    assert (line["epoch"], line["network"], line["part"]) == (4, 0, "clean")
    for network, probabilities in enumerate(trainer.memory["clean"]):
        clean = called_clean(probabilities.numpy())
        found, mistaken = 1 - clean[trainer.mismatched].mean(), 1 - clean[~trainer.mismatched].mean()
        assert found > 0.3 and found > 5 * mistaken
        if network == 1:  # of which the first learns
            assert line["called_clean"] == pytest.approx(clean.mean())
            assert line["noise_recall"] == pytest.approx(found)
            right = (clean & ~trainer.mismatched).sum() / clean.sum()
            assert line["clean_precision"] == pytest.approx(right)


def test_recipes_of_ncr():
    for data, module in ((data, module) for data in ("world", "f30k", "coco") for module in ("sgr", "saf")):
        config, plain = recipe(f"{data}-{module}-ncr"), recipe(f"{data}-{module}")
        assert config.model.networks == 2 and plain.model.networks == 1
        assert config.loss.violating_epochs == (config.training.epochs if data == "world" else 0)
        assert run_name(config) == f"{module}-ncr-s0"
        assert config.ncr.label == "pair" and config.ncr.soft_margin == "exponential"
    f30k, coco = recipe("f30k-saf-ncr"), recipe("coco-sgr-ncr")
    published = [(c.training.epochs, c.training.decay_after, c.ncr.warmup_epochs) for c in (f30k, coco)]
    assert published == [(5 + 40, 5 + 30, 5), (10 + 20, 10 + 10, 10)]
    assert (f30k.training.learning_rate, f30k.training.batch_size, f30k.model.embed_dim) == (2e-4, 128, 1024)
    noisy = f30k.with_settings({"training.noise_ratio": 0.2, "ncr.label": "matrix"})
    assert run_name(noisy) == "saf-ncr-noise_ratio=0.2-label=matrix-s0" and noisy.hash != f30k.hash


def test_what_cannot_be_is_refused_in_plain_words(dataset, monkeypatch):
    with pytest.raises(InputError, match="NCR trains sgr and saf.*Take f30k-sgr-ncr"):
        recipe("f30k-cosine-ncr")
    for name, value in (("ncr.label", "row"), ("ncr.soft_margin", "cosine"), ("model.networks", "2")):
        with pytest.raises(InputError, match=name.rpartition(".")[2]):
            recipe("world-sgr").with_settings({name: value})
    with pytest.raises(InputError, match="of 40 images this is 1.*Set a larger share"):
        Trainer(tiny("world-sgr", training__noise_ratio=0.03), dataset, "cpu")
    trainer = at_work(dataset, 1)
    trainer.memory.clear()
    with pytest.raises(InputError, match="does not say how probably each of 200 pairs is clean"):
        trainer.batches(1)
    trainer.memory["clean"] = torch.zeros(2, 200)
    with pytest.raises(
        TrainingError, match="epoch 2: 0 of 200 training pairs are called clean.*warmup_epochs"
    ):
        trainer.batches(1)


def test_a_recipe_at_full_width_takes_a_step(tmp_path):
    write_dataset(tmp_path / "wide", {"train": 30, "dev": 4, "test": 4}, width=2048, regions=36)
    trainer = NoisyTrainer(recipe("f30k-sgr-ncr"), tmp_path / "wide", "cpu")
    captions = trainer.batches(0)[0]
    values, scores = trainer.step(trainer.loader.load(captions), 0, 0)
    assert scores.shape == (128, 128) and np.isfinite(values["loss"])
