"""Parts of training that one method brought and all may use."""

import numpy as np
import pytest
import torch
from test_loop import tiny

from vslnb.errors import InputError
from vslnb.losses import TripletLoss
from vslnb.recipes import recipe
from vslnb.training.loop import train
from vslnb.training.trainer import Trainer


def test_the_unit_of_tau_reaches_the_loss_and_the_log(dataset):
    config = tiny(loss__temperature_unit="spread", loss__temperature=0.1, loss__vsl_warmup_epochs=0)
    assert config.hash != tiny(loss__temperature=0.1, loss__vsl_warmup_epochs=0).hash
    trainer = Trainer(config, dataset, "cpu")
    batch = trainer.loader.load(np.arange(20))
    _, scores = trainer.losses(batch, 1, 0)
    live = trainer.diagnose(batch, scores, 1)["live"]
    assert live == pytest.approx(trainer.diagnose(batch, 10 * scores, 1)["live"], abs=1e-3)
    semantics = trainer.targets.images(batch, 1)
    one, ten = (trainer.objective(scale * scores, semantics)["visual"].item() for scale in (1, 10))
    assert one == pytest.approx(ten, rel=1e-4)


def test_the_first_epochs_may_sum_over_all_negatives(dataset):
    trainer = Trainer(tiny("world-gpo", loss__sum_epochs=1, loss__violating_epochs=2), dataset, "cpu")
    batch = trainer.loader.load(np.arange(20))
    for epoch, negatives in enumerate(("all", "violating", "hardest", "hardest")):
        parts, scores = trainer.losses(batch, epoch, 0)
        assert parts["triplet"].item() == pytest.approx(TripletLoss(0.2, negatives)(scores).item(), rel=1e-6)


def test_the_weight_of_vsl_may_rise_over_epochs(dataset):
    config = tiny(loss__vsl_warmup_epochs=1, loss__vsl_rise_epochs=4, loss__beta=8.0, loss__beta_text=2.0)
    trainer = Trainer(config, dataset, "cpu")
    batch = trainer.loader.load(np.arange(20))
    for epoch, part in enumerate((0, 0.25, 0.5, 0.75, 1, 1)):
        parts, _ = trainer.losses(batch, epoch, 0)
        vsl = 8 * parts["visual"] + 2 * parts["textual"] if epoch else torch.zeros(())
        assert (parts["loss"] - parts["triplet"]).item() == pytest.approx(
            part * vsl.item(), rel=1e-4, abs=1e-5
        )


def test_released_recipes_begin_as_published():
    for data in ("f30k", "coco"):
        for module in ("vsepp", "gpo", "scan", "vsrn", "imram", "chan"):
            loss = recipe(f"{data}-{module}-vsl-released").loss
            assert (loss.sum_epochs, loss.violating_epochs) == (int(module in ("gpo", "chan")), 0)
            plain = recipe(f"{data}-{module}").loss
            assert (plain.sum_epochs, plain.violating_epochs) == (0, 1)


def test_adamw_takes_the_step_worked_by_hand(dataset):
    """Adam's first step is rate * sign(gradient); AdamW shrinks the weight by 1 - rate * decay before it."""
    settings = {"training__learning_rate": 0.01, "training__weight_decay": 0.5}
    for optimizer, shrunk in (("adam", 1.0), ("adamw", 1 - 0.01 * 0.5)):
        config = tiny("world-gpo", training__optimizer=optimizer, **settings)
        assert config.hash != tiny("world-gpo", training__optimizer=optimizer).hash
        trainer = Trainer(config, dataset, "cpu")
        weight = trainer.model.image_encoder.linear.weight
        before = weight.detach().clone()
        trainer.step(trainer.loader.load(np.arange(20)), 0, 0)
        gradient = weight.grad + (0.5 * before if optimizer == "adam" else 0)
        large = gradient.abs() > 1e-4  # beside Adam's epsilon
        wanted = shrunk * before - 0.01 * gradient.sign()
        torch.testing.assert_close(weight.detach()[large], wanted[large], atol=1e-5, rtol=0)
        assert large.any()
    with pytest.raises(InputError, match="optimizer"):
        tiny(training__optimizer="sgd")


def test_adamw_and_dropped_parts_go_with_the_methods_that_have_them():
    assert recipe("world-gpo").training.optimizer == recipe("f30k-scan").training.optimizer == "adam"
    for name in ("f30k-gpo", "coco-chan-vsl-released"):
        assert (recipe(name).training.optimizer, recipe(name).training.weight_decay) == ("adamw", 0.01)
        assert recipe(name).training.drop_regions == recipe(name).training.drop_words == 0.2


def test_the_learning_rate_may_step_down_twice(dataset):
    plain = {"training__learning_rate": 0.1, "training__decay_after": 1}
    for again, wanted in ((2, [0.1, 0.01, 0.001]), (0, [0.1, 0.01, 0.01])):
        trainer = Trainer(tiny("world-cosine", training__decay_again=again, **plain), dataset, "cpu")
        rates = [next(trainer.epoch(epoch, progress=False))[1]["lr"] for epoch in range(3)]
        assert rates == pytest.approx(wanted)
    assert recipe("f30k-vsrn").training.decay_again == 20
    assert recipe("coco-vsrn").training.decay_again == recipe("f30k-imram").training.decay_again == 0


DROPPING = {"training__drop_regions": 0.4, "training__drop_words": 0.5}


@pytest.mark.parametrize("module", ["gpo", "chan", "vsepp"])
def test_dropped_parts_take_the_step_that_the_remaining_ones_would(dataset, module):
    trainer = Trainer(tiny(f"world-{module}", **DROPPING), dataset, "cpu")
    batch = trainer.loader.load(np.arange(20))
    found = trainer.scores(batch, 1, 3)
    few = trainer.augment(batch, 1, 3)
    assert len(few.region_counts.unique()) > 1 and few.lengths.sum() < batch.lengths.sum()
    images = trainer.model.encode_images(few.features, few.region_counts)
    captions = trainer.model.encode_captions(few.ids, few.lengths)
    torch.testing.assert_close(found, trainer.model.scores(images, captions, few.lengths))
    again = trainer.scores(batch, 1, 3)
    assert torch.equal(found, again) and not torch.equal(found, trainer.scores(batch, 1, 4))


def test_vsrn_may_learn_to_write_the_captions_too(dataset):
    plain, writing = (Trainer(tiny("world-vsrn", model__caption_dim=n), dataset, "cpu") for n in (0, 8))
    batch = plain.loader.load(np.arange(20))
    model, branch = writing.model, writing.model.caption_branch
    branch.dropout.p = 0
    wanted = branch.loss(model.encode_regions(batch.features), batch.ids, batch.lengths)
    (without, _), (parts, _) = plain.losses(batch, 0, 0), writing.losses(batch, 0, 0)
    assert "captions" not in without and parts["triplet"] == without["triplet"]
    torch.testing.assert_close(parts["captions"], wanted)
    torch.testing.assert_close(parts["loss"], parts["triplet"] + wanted)
    parts["captions"].backward()
    assert model.image_encoder.linear.weight.grad.any() and branch.head.weight.grad.any()
    assert model.last_regions is None and model.text_encoder.embedding.weight.grad is None
    before = [one["captions"] for _, one in writing.epoch(0, progress=False) if one]
    after = [one["captions"] for epoch in (1, 2) for _, one in writing.epoch(epoch, progress=False) if one]
    assert after[-1] < before[0]
    for data in ("f30k", "coco"):
        assert recipe(f"{data}-vsrn").model.caption_dim == 0
        assert recipe(f"{data}-vsrn-vsl-released").model.caption_dim == 512


@pytest.mark.parametrize("standardise", [True, False])
def test_the_weights_see_zero_where_a_region_was(dataset, standardise):
    trainer = Trainer(tiny("world-gpo", **DROPPING, training__standardise=standardise), dataset, "cpu")
    few = trainer.augment(trainer.loader.load(np.arange(20)), 1, 3)
    seen = trainer.model.image_encoder.standardised(few.features)
    gone = torch.arange(few.features.shape[1]) >= few.region_counts[:, None]
    assert gone.any() and not seen[gone].any() and seen[~gone].all()
    assert bool(few.features[gone].any()) == standardise


@pytest.mark.parametrize("module", ["saf", "scan", "vsrn"])
def test_regions_are_dropped_only_where_ragged_ones_are_read(dataset, module):
    with pytest.raises(InputError, match=f"drop_regions: {module} reads images that all have the same"):
        Trainer(tiny(f"world-{module}", training__drop_regions=0.2), dataset, "cpu")
    trainer = Trainer(tiny(f"world-{module}", training__drop_words=0.9), dataset, "cpu")
    assert np.isfinite(trainer.step(trainer.loader.load(np.arange(20)), 0, 0)[0]["loss"])


def test_a_run_that_drops_parts_resumes_to_the_last_bit(dataset, tmp_path, monkeypatch):
    config = tiny("world-gpo-vsl", training__epochs=2, **DROPPING)
    whole = train(config, dataset, tmp_path / "whole", device="cpu", progress=False)
    original = Trainer.epoch

    def fail(self, epoch, *arguments):
        if epoch == 1:
            raise KeyboardInterrupt
        return original(self, epoch, *arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "epoch", fail)
        train(config, dataset, tmp_path / "cut", device="cpu", progress=False)
    assert train(config, dataset, tmp_path / "cut", device="cpu", resume=True, progress=False) == whole
    states = [(tmp_path / name / "last/state.safetensors").read_bytes() for name in ("whole", "cut")]
    assert states[0] == states[1]
