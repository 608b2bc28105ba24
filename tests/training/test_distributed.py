import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import PROGRAM_ENV, write_dataset
from vslnb import distributed
from vslnb.config import MODULES
from vslnb.errors import InputError
from vslnb.recipes import recipe
from vslnb.retrieval.similarity import split_scores
from vslnb.storage import read_json
from vslnb.training.loop import Trainer
from vslnb.training.noisy import NoisyTrainer

PROGRAM = ("-m", "--", "vslnb")  # without the dashes torchrun takes --run for one of its own, in Python 3.11
TINY = {
    "model.embed_dim": 16,
    "model.sim_dim": 8,
    "model.word_dim": 12,
    "model.dropout": 0,
    "training.batch_size": 20,
    "training.epochs": 2,
    "loss.beta_text": 1,
}


@pytest.fixture
def data(tmp_path):
    return write_dataset(tmp_path / "data", {"train": 40, "dev": 60, "test": 60})


def step(data: Path, module: str) -> dict[str, torch.Tensor]:
    """Loss, gradients and running statistics of one step in float64, and dev's scores."""
    config = recipe(f"world-{module}-vsl").with_settings(TINY | {"training.drop_words": 0.3})
    if module == "vsrn":
        config = config.with_settings({"model.caption_dim": 8})
    if module in ("vsepp", "gpo", "chan"):
        config = config.with_settings({"training.drop_regions": 0.3})
    trainer = Trainer(config, data, "cpu")
    trainer.model.double()
    if module == "vsrn":  # its dropout is no setting, and each process draws its own
        trainer.model.caption_branch.dropout.p = 0
    for name, value in trainer.model.named_buffers():
        if name.endswith(("shift", "scale")):
            value.add_(0.01)

    batch = trainer.loader.load(np.arange(0, 200, 10))
    parts, scores = trainer.losses(batch._replace(features=batch.features.double()), 1, 0)
    parts["loss"].backward()
    distributed.sum_gradients(trainer.model.parameters())
    found = {name: parameter.grad for name, parameter in trainer.model.named_parameters()}
    found |= dict(trainer.model.named_buffers()) | {"scores": scores, **parts}
    matrix = split_scores(trainer.model.float(), trainer.dev, trainer.vocabulary)
    return {name: value.detach() for name, value in found.items()} | {"dev": torch.from_numpy(matrix)}


def noisy_step(data: Path) -> dict[str, torch.Tensor]:
    """What NCR makes of all pairs, and the gradients and running statistics of one of its steps, in float64."""
    changes = {"training.epochs": 2, "ncr.warmup_epochs": 0, "training.noise_ratio": 0.3}
    trainer = NoisyTrainer(recipe("world-saf-ncr").with_settings(TINY | changes), data, "cpu")
    trainer.model.double()
    load = trainer.loader.load
    trainer.loader.load = lambda *asked: (batch := load(*asked))._replace(features=batch.features.double())
    for _ in trainer._ask(1, False):
        pass
    batches = trainer.batches(1)
    parts, scores = trainer.losses(trainer.loader.load(batches[1]), 1, 1)
    parts["loss"].backward()
    distributed.sum_gradients(trainer.model.parameters())
    found = {
        name: weight.grad for name, weight in trainer.model.named_parameters() if weight.grad is not None
    }
    found |= dict(trainer.model.named_buffers()) | {
        "scores": scores,
        "clean": trainer.memory["clean"].double(),
    }
    return {name: value.detach() for name, value in found.items()} | {"part": torch.tensor(batches[1])}


def launch(count: int, *words: object, **more: object) -> subprocess.Popen:
    """`torchrun` with a program's words; threads are few, so that numbers do not depend on their number."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    return subprocess.Popen(
        [*torchrun, *map(str, words)], env={**PROGRAM_ENV, "OMP_NUM_THREADS": "1"}, **more
    )


@pytest.mark.parametrize("count", [2, 4])
def test_many_processes_take_the_step_of_one(data, tmp_path, count):
    assert launch(count, __file__, data, tmp_path).wait() == 0
    for module in MODULES:
        one = step(data, module)
        for rank in range(count):
            many = torch.load(tmp_path / f"{module}-{rank}.pt")
            assert set(one) == set(many)
            if module in ("saf", "sgr", "cosine", "gpo", "vsrn"):
                assert any(name.endswith("running_var") for name in one)
            for name, value in one.items():
                tolerance = {"atol": 1e-6, "rtol": 1e-6} if name == "dev" else {"atol": 1e-9, "rtol": 1e-9}
                torch.testing.assert_close(many[name], value, msg=f"{module} {name}", **tolerance)


def test_many_processes_split_the_pairs_as_one_does(data, tmp_path):
    assert launch(2, __file__, data, tmp_path, "noisy").wait() == 0
    one = noisy_step(data)
    assert any(name.endswith("weight") for name in one) and len(one["part"]) > 2
    for rank in range(2):
        many = torch.load(tmp_path / f"noisy-{rank}.pt")
        assert set(one) == set(many)
        for name, value in one.items():
            tolerance = 1e-6 if name == "clean" else 1e-9  # made from losses in float32
            torch.testing.assert_close(many[name], value, msg=name, atol=tolerance, rtol=tolerance)


def train(data: Path, run: Path, *more: str) -> list[object]:
    sets = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    return [*PROGRAM, "train", "world-saf-vsl", "--data", data, "--run", run, *sets, "--quiet", *more]


def test_a_run_of_two_agrees_with_a_run_of_one(data, tmp_path):
    for count in (1, 2):
        assert launch(count, *train(data, tmp_path / str(count))).wait() == 0
    one, two = (json.loads((tmp_path / name / "results.json").read_text()) for name in "12")
    assert one["curve"] == pytest.approx(two["curve"], abs=1.0)
    assert one["config_hash"] == two["config_hash"]
    lines = [(tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in "12"]
    for line, other in zip(*map(lambda rows: map(json.loads, rows), lines)):
        assert line.get("loss", 0) == pytest.approx(other.get("loss", 0), rel=1e-4)
    done = launch(2, *PROGRAM, "evaluate", tmp_path / "1", "--keep", tmp_path / "kept", "--quiet",
                  stdout=subprocess.PIPE, text=True)  # fmt: skip
    told, _ = done.communicate()
    assert (
        done.returncode == 0 and told.count("rsum is the sum") == 1 and f"{one['test']['rsum']:.1f}" in told
    )


def test_the_death_of_one_ends_all_and_another_number_goes_on(data, tmp_path):
    run = tmp_path / "run"
    words = train(data, run, "--set", "training.epochs=400", "--device", "cpu")
    group = launch(2, *words, stderr=subprocess.PIPE, text=True)
    while not (run / "last").exists():
        assert group.poll() is None
        time.sleep(0.05)
    children = Path(f"/proc/{group.pid}/task/{group.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    _, told = group.communicate(timeout=60)
    assert group.returncode and "another process of this run has ended" in told and "--resume" in told
    done = read_json(run / "last" / "progress.json", "")["epochs"]
    words[words.index("training.epochs=400")] = f"training.epochs={done + 2}"
    config = json.loads((run / "config.json").read_text())
    config["training"]["epochs"] = done + 2  # the same run, ended sooner
    (run / "config.json").write_text(json.dumps(config))
    assert launch(1, *words, "--resume").wait() == 0
    assert len(json.loads((run / "results.json").read_text())["curve"]) == done + 2


def test_a_batch_that_cannot_be_shared_is_named(data, monkeypatch):
    monkeypatch.setattr(distributed, "process_count", lambda: 3)
    with pytest.raises(InputError, match="batch_size=20: 3 processes cannot share"):
        Trainer(recipe("world-saf").with_settings(TINY), data, "cpu")


if __name__ == "__main__":
    torch.set_num_threads(1)
    with distributed.process_group(torch.device("cpu")):
        if sys.argv[3:] == ["noisy"]:
            torch.save(noisy_step(Path(sys.argv[1])), f"{sys.argv[2]}/noisy-{distributed.process_index()}.pt")
        for module in MODULES if not sys.argv[3:] else ():
            torch.save(
                step(Path(sys.argv[1]), module), f"{sys.argv[2]}/{module}-{distributed.process_index()}.pt"
            )
    distributed.exit_process()
