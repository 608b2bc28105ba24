import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from conftest import DEVICES, write_dataset
from vslnb.cli import app, main
from vslnb.config import MODULES, PRECISIONS, Config
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.device import matmul_precision
from vslnb.errors import InputError
from vslnb.recipes import ARMS, PUBLISHED, arm_recipe, recipe, run_name
from vslnb.retrieval.similarity import similarity_matrix
from vslnb.training.guard import CollapseGuard, TrainingError
from vslnb.training.loop import Trainer, train
from vslnb.training.run import load_matcher, load_run

TINY = {
    "model.embed_dim": 16,
    "model.sim_dim": 8,
    "model.word_dim": 12,
    "training.batch_size": 20,
    "training.epochs": 3,
}


def tiny(name="world-saf-vsl", **settings):
    return recipe(name).with_settings(TINY | {k.replace("__", "."): v for k, v in settings.items()})


@pytest.mark.parametrize("module", MODULES)
def test_a_run_learns_and_leaves_a_whole_folder(dataset, tmp_path, module):
    longer = {"training__epochs": 10, "training__decay_after": 10, "loss__violating_epochs": 10}
    sizes = {"model__embed_dim": 32, "training__batch_size": 10, "training__learning_rate": 0.01}
    config = tiny(f"world-{module}-vsl", **longer, **sizes)
    results = train(config, dataset, tmp_path / "run", device="cpu", progress=False)
    assert results["arm"] == "vsl-paper" and results["module"] == module
    # Ten images of eight kinds: at chance R@5 is 50.
    assert results["test"]["text_to_image"]["R@5"] > 90
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {
        "config.json",
        "environment.json",
        "metrics.jsonl",
        "best.safetensors",
        "last",
        "results.json",
    } <= names
    model, config = load_run(tmp_path / "run", "cpu")
    assert not model.training and config.hash == results["config_hash"]


def all_that_is_random(module):
    """Settings of a tiny run in which everything that draws random numbers does so."""
    ragged = {"training__drop_regions": 0.2} if module in ("vsepp", "gpo", "chan") else {}
    writes = {"model__caption_dim": 8} if module == "vsrn" else {}
    return {"model__dropout": 0.4, "training__drop_words": 0.2} | ragged | writes


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("module", MODULES)
def test_resumed_equals_uninterrupted_to_the_last_bit(dataset, tmp_path, monkeypatch, module, device):
    config = tiny(f"world-{module}-vsl", training__epochs=2, **all_that_is_random(module))
    whole = train(config, dataset, tmp_path / "whole", device=device, progress=False)

    class Stop(Exception):
        pass

    def fail(self, epoch, *arguments):
        if epoch == 1:
            raise Stop
        return original(self, epoch, *arguments)

    original = Trainer.epoch
    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(Trainer, "epoch", fail)
        train(config, dataset, tmp_path / "cut", device=device, progress=False)
    with pytest.raises(InputError, match="already here"):
        train(config, dataset, tmp_path / "cut", device=device, progress=False)
    with pytest.raises(InputError, match="other settings"):
        other = config.with_settings({"loss.beta": 3.0})
        train(other, dataset, tmp_path / "cut", device=device, resume=True, progress=False)
    resumed = train(config, dataset, tmp_path / "cut", device=device, resume=True, progress=False)
    for file in ("best.safetensors", "last/state.safetensors", "results.json", "ranks.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "cut" / file).read_bytes()
    assert whole == resumed
    before = (tmp_path / "cut" / "best.safetensors").stat().st_mtime_ns
    assert train(config, dataset, tmp_path / "cut", device=device, resume=True, progress=False) == resumed
    assert (tmp_path / "cut" / "best.safetensors").stat().st_mtime_ns == before


def test_arms_share_weights_and_order_but_not_the_loss(dataset):
    a, b = (Trainer(tiny(name), dataset, "cpu") for name in ("world-saf", "world-saf-vsl"))
    for x, y in zip(a.model.parameters(), b.model.parameters()):
        assert torch.equal(x, y)
    batch = a.loader.load(np.arange(0, 100, 5))
    one, scores = a.step(batch, 1, 0)
    two, same = b.step(batch, 1, 0)
    assert torch.equal(scores, same) and one["triplet"] == two["triplet"] and two["loss"] > one["loss"]


def test_what_one_might_do_without_vsl_are_arms_of_their_own(dataset):
    plans = {arm: arm_recipe("world", "saf", arm).with_settings(TINY) for arm in ARMS}
    assert {arm: plan.arm for arm, plan in plans.items()} == {arm: arm for arm in ARMS}
    assert len({plan.hash for plan in plans.values()}) == len({run_name(plan) for plan in plans.values()})
    assert len(plans) == len(ARMS) == 12
    captions, found = np.arange(20), {}
    for arm in (name for name in ARMS if not name.startswith("vsl")):
        trainer = Trainer(plans[arm], dataset, "cpu")
        parts, _ = trainer.losses(trainer.loader.load(captions), epoch=1, step=0)
        found[arm] = float(parts["loss"].detach())
        assert set(parts) == {"loss", "triplet"} | ({"contrast"} if arm[:4] in ("cont", "soft") else set())
    assert found["slack"] < found["triplet"] != found["left-out"]  # a mean over fewer negatives may be larger
    for arm in ("slack", "left-out", "soft-labels"):
        assert found[arm] != found[f"{arm}-shuffled"]
    assert found["soft-labels"] > found["contrast"]


def test_collapse_is_named_and_stopped(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(
        Trainer,
        "scores",
        lambda self, batch, *place: (
            next(self.model.parameters()).sum() * 0 + torch.full((len(batch.captions),) * 2, 0.5)
        ),
    )
    config = tiny("world-saf", training__epochs=30)
    with pytest.raises(TrainingError, match="collapsed.*violating_epochs"):
        train(config, dataset, tmp_path / "run", device="cpu", progress=False)
    assert (tmp_path / "run" / "stopped.json").exists() and not (tmp_path / "run" / "results.json").exists()
    regardless = config.with_settings({"training.stop_on_collapse": False})  # as the message says
    results = train(regardless, dataset, tmp_path / "run", device="cpu", resume=True, progress=False)
    assert len(results["curve"]) == 30 and results["config_hash"] == config.hash
    assert results["name"] == run_name(config) and not (tmp_path / "run" / "stopped.json").exists()


@pytest.mark.parametrize("first", [{}, {"loss__sum_epochs": 99}, {"loss__violating_epochs": 99}])
def test_a_collapse_is_seen_whatever_the_negatives(dataset, monkeypatch, first):
    trainer = Trainer(tiny("world-cosine", training__epochs=99, **first), dataset, "cpu")
    weight = next(trainer.model.parameters())
    monkeypatch.setattr(trainer, "scores", lambda batch, *_: weight.sum() * 0 + torch.full((20, 20), 0.5))
    with pytest.raises(TrainingError, match="epoch 30, step 10: collapsed"):
        for epoch in range(31):
            list(trainer.epoch(epoch, progress=False))


def test_the_hash_tells_runs_apart_and_outlasts_settings_that_come_later(dataset):
    plain = tiny()
    half = plain.with_settings({"training.precision": "bfloat16"})
    assert plain.hash != half.hash and plain.hash != plain.with_settings({"seed": 1}).hash
    assert plain.hash == Trainer(plain, dataset, "cpu").config.hash  # whatever the data set's sizes
    older = plain.to_dict()
    del older["training"]["precision"], older["loss"]["slack"]  # as a version without these wrote it
    assert Config.from_dict(older).hash == plain.hash
    # Committed results are found by these.
    assert recipe("world-saf").hash == "1995e8eba1b3"
    assert recipe("flickr8k-cosine-vsl").hash == "dda30ddd70a2"


@pytest.mark.parametrize("module", MODULES)
def test_precision_is_a_setting(dataset, module):
    found = {}
    for precision in PRECISIONS:
        config = tiny(f"world-{module}-vsl", training__precision=precision, **all_that_is_random(module))
        trainer, backward = Trainer(config, dataset, "cpu"), set()
        first = next(trainer.model.parameters())
        first.register_hook(lambda _, seen=backward: seen.add(torch.get_float32_matmul_precision()))
        values, scores = trainer.step(trainer.loader.load(np.arange(20)), 1, 0)
        found[precision] = values["loss"]
        assert np.isfinite(values["norm"]) and scores.dtype == first.dtype == torch.float32
        assert backward == {"medium" if precision == "bfloat16" else "highest"}
    assert found["float32"] == pytest.approx(found["bfloat16"], rel=0.05)
    assert torch.get_float32_matmul_precision() == "highest"


def test_a_precision_leaves_what_a_user_has_set():
    for recurrent in (True, False):  # what a user has set comes back, also after a fault
        torch.backends.cudnn.allow_tf32 = recurrent
        for precision in PRECISIONS:
            with pytest.raises(KeyError), matmul_precision(precision):
                assert torch.backends.cudnn.allow_tf32 == (precision != "float32")
                raise KeyError
            assert torch.backends.cudnn.allow_tf32 == recurrent
    torch.backends.cudnn.allow_tf32 = True  # as torch has it


def test_a_loss_that_is_not_finite_stops(dataset):
    trainer = Trainer(tiny(), dataset, "cpu")
    with torch.no_grad():
        trainer.model.head.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="epoch 1, step 1.*nan"):
        list(trainer.epoch(0, progress=False))


@pytest.mark.parametrize(
    "name, changes",
    [
        ("f30k-sgr-vsl-released", {}),
        ("coco-saf-vsl", {"model.embed_dim": 1024}),
        ("f30k-saf-sgraf", {}),
        # In seconds; the branches that IMRAM has on both are in the tests of the models.
        *((f"coco-{module}-vsl-released", {"training.batch_size": 4}) for module in PUBLISHED),
    ],
)
def test_a_recipe_at_full_width_takes_a_step_and_scores_a_block(tmp_path, name, changes):
    write_dataset(tmp_path / "wide", {"train": 30, "dev": 4, "test": 4}, width=2048, regions=36)
    config = recipe(name).with_settings(changes)
    trainer = Trainer(config, tmp_path / "wide", "cpu")
    assert recipe(name).training.batch_size >= 128
    assert trainer.config.model.embed_dim >= 1024 and trainer.config.model.sim_dim == 256
    batch = config.training.batch_size
    parts, scores = trainer.step(trainer.loader.load(np.arange(batch)), 0, 0)
    assert scores.shape == (batch, batch) and np.isfinite(parts["loss"])
    dev = trainer.dev
    ids, lengths = trainer.vocabulary.encode_all(dev.captions)
    assert similarity_matrix(trainer.model, dev, ids, lengths).shape == (4, 20)
    half = similarity_matrix(trainer.model, dev, ids, lengths, precision="bfloat16")
    assert half.dtype == np.float32 and np.isfinite(half).all()


def test_recipes_differ_only_where_they_should():
    for name in ("world-saf", "flickr8k-sgr", "f30k-saf", "coco-sgr", "f30k-cosine"):
        plain, vsl = recipe(name), recipe(f"{name}-vsl")
        assert plain.model == vsl.model and plain.training == vsl.training
        assert plain.loss.beta == 0 and vsl.loss.beta == 10 * vsl.training.batch_size / 128
        assert (plain.arm, vsl.arm) == ("triplet", "vsl-paper")
    released = recipe("f30k-sgr-vsl-released")
    assert (released.loss.rank, released.loss.similarity, released.model.embed_dim) == (
        "released",
        "tfidf",
        1024,
    )
    assert (released.training.epochs, released.training.decay_after) == (40, 25)
    assert recipe("coco-saf-sgraf").training.learning_rate == 2e-4
    assert Config.from_dict(json.loads(json.dumps(released.to_dict()))) == released
    for bad in ("saf", "world-saf-vsl-extra", "mars-saf", "world-vit", ""):
        with pytest.raises(InputError, match="no such recipe"):
            recipe(bad)
    for wrong, words in (("loss.betta", r"mean loss\.beta\?"), ("rate", "Known: .*loss.beta")):
        with pytest.raises(InputError, match=words):
            recipe("world-saf").with_settings({wrong: 1})
    with pytest.raises(InputError, match="not a float"):
        recipe("world-saf").with_settings({"loss.beta": "much"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("training.batch_size", 0),
        ("training.epochs", 0),
        ("training.learning_rate", "nan"),
        ("training.learning_rate", "inf"),
        ("training.dev_images", -1),
        ("model.dropout", 1),
        ("model.module", "sgr"),
        ("model.num_regions", 3),
        ("model", 3),
        ("hash", 3),
        ("loss.temperature", 0),
        ("loss.similarity", "bleu"),
        ("loss.rank", "best"),
        ("loss.__class__", "x"),
        ("seed", -1),
    ],
)
def test_settings_that_cannot_be_are_refused(name, value):
    with pytest.raises(InputError, match=name.rpartition(".")[2]):
        recipe("world-saf").with_settings({name: value})


def test_a_damaged_run_is_named(dataset, tmp_path):
    run, config = tmp_path / "run", tiny(training__epochs=1)
    train(config, dataset, run, device="cpu", progress=False)
    results = (run / "results.json").read_text()
    for text in ("{", "[1]", "{}", "\udc80"):
        (run / "results.json").write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(InputError, match="results.json"):
            train(config, dataset, run, device="cpu", resume=True, progress=False)
    (run / "results.json").unlink()
    for file, damage in (
        ("last/progress.json", b"{}"),
        ("last/state.safetensors", b"short"),
        ("semantics.npz", b""),
        ("config.json", b'{"recipe": 1, "colour": 2}'),
    ):
        whole = (run / file).read_bytes()
        (run / file).write_bytes(damage)
        with pytest.raises(InputError, match=Path(file).name):
            train(config, dataset, run, device="cpu", resume=True, progress=False)
        (run / file).write_bytes(whole)
    assert (
        train(config, dataset, run, device="cpu", resume=True, progress=False)["test"]
        == json.loads(results)["test"]
    )
    (run / "best.safetensors").write_bytes((run / "best.safetensors").read_bytes()[:-9])
    with pytest.raises(InputError, match="best.safetensors"):
        load_run(run, "cpu")
    (run / "config.json").write_text('{"recipe": "x", "loss": {"rank": "best"}}')
    with pytest.raises(InputError, match="rank=best"):
        load_run(run, "cpu")


def test_the_command_ends_with_one_line(dataset, tmp_path, monkeypatch, capsys):
    def said(*words):
        monkeypatch.setattr(sys, "argv", ["vslnb", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code
        return capsys.readouterr().err

    (tmp_path / "file").write_text("x")
    run = ["train", "world-saf", "--data", dataset, "--quiet", "--run"]
    assert "Name a folder" in said(*run, tmp_path / "file")
    assert "device 'gpu'" in said(*run, tmp_path / "run", "--device", "gpu")
    assert not (tmp_path / "run").exists()
    assert "Name a folder" in said("world", tmp_path / "file")
    assert "there is no such profile" in said("reproduce", "mars")
    (tmp_path / "p.yaml").write_bytes(b"run: \xff")
    assert "not YAML" in said("reproduce", tmp_path / "p.yaml")
    (tmp_path / "p.yaml").write_text("profile: p")
    assert "no dataset, data, run" in said("reproduce", tmp_path / "p.yaml")
    assert "Give a checkpoint of the released" in said("evaluate", tmp_path / "file", "--data", dataset)
    for wrong in (["--folds", "0"], ["--precision", "int4"]):
        assert "Invalid value" in said("evaluate", tmp_path / "file", "--data", dataset, *wrong)


def test_the_command_trains_evaluates_and_speaks(dataset, tmp_path):
    run = CliRunner().invoke
    sets = [x for key, value in TINY.items() for x in ("--set", f"{key}={value}")]
    for module in ("saf", "sgr"):
        arguments = ["train", f"world-{module}", "--data", str(dataset), "--run", str(tmp_path / module)]
        result = run(app, [*arguments, *sets, "--quiet", "--device", "cpu"])
        assert result.exit_code == 0, result.output
    result = run(
        app,
        [
            "evaluate",
            str(tmp_path / "saf"),
            str(tmp_path / "sgr"),
            "--data",
            str(dataset),
            "--ensemble",
            "--quiet",
        ],
    )
    assert result.exit_code == 0 and "ensemble" in result.output
    alone = run(app, ["evaluate", str(tmp_path / "saf"), "--quiet"])
    assert alone.exit_code == 0 and alone.output.splitlines()[-1] in result.output.splitlines()
    for _ in range(2):  # the second search finds the gallery there
        found = run(app, ["search", str(tmp_path / "saf"), "a dog", "--top", "3"])
        assert found.exit_code == 0 and len(found.output.splitlines()) == 4, found.output
        assert "of 60 pictures" in found.output  # train, dev and test
    assert "one query" in str(run(app, ["search", str(tmp_path / "saf")]).exception)
    foreign = run(app, ["search", str(tmp_path / "saf"), "--image", str(tmp_path / "no.jpg")])
    assert "not in this data set" in str(foreign.exception)
    unknown = run(app, ["evaluate", str(tmp_path), "--quiet"])
    assert unknown.exit_code == 1 and "Give --data DATA" in str(unknown.exception)
    assert run(app, ["check", str(dataset)]).exit_code == 0
    lines = (dataset / "dev_caps.txt").read_text().splitlines()
    (dataset / "dev_caps.txt").write_text("\n".join(lines[:-1]) + "\n")
    result = run(app, ["check", str(dataset)])
    assert result.exit_code == 1 and "dev_caps.txt, line 49" in result.output


def test_a_model_refuses_data_it_was_not_trained_on(dataset, tmp_path):
    train(tiny(training__epochs=1), dataset, tmp_path / "run", device="cpu", progress=False)
    other = write_dataset(tmp_path / "other", {"train": 30, "dev": 4, "test": 4}, width=7)
    with pytest.raises(InputError, match="trained on.*regions of 6"):
        load_matcher(tmp_path / "run", load_split(other, "test"), load_vocabulary(other), "cpu")
    assert load_file(tmp_path / "run" / "best.safetensors")


def test_the_first_epochs_may_be_the_triplets_alone(dataset):
    trainer = Trainer(tiny(loss__vsl_warmup_epochs=1), dataset, "cpu")
    assert "visual" not in trainer.losses(trainer.loader.load(np.arange(20)), 0, 0)[0]
    assert "visual" in trainer.losses(trainer.loader.load(np.arange(20)), 1, 0)[0]


def test_a_slow_start_is_no_collapse():
    guard = CollapseGuard(window=3)
    assert not any(guard(1.0, 1e-4, 0.6) for _ in range(9))
    assert [guard(1.0, 1e-4, 0.5) for _ in range(3)][-1]
    assert not guard(0.7, 0.1, 0.5) and not guard.history
