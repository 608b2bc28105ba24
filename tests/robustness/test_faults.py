"""What goes wrong in the middle: a full disk, two processes in one folder, Ctrl-C, a kill."""

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import kills
import numpy as np
import pytest
import torch
from test_importing import MeanColour, make_photos, token_file
from test_loop import TINY, tiny

from conftest import PROGRAM_ENV
from vslnb.data.importing.dataset import import_captions
from vslnb.data.precomp import Split, load_split
from vslnb.errors import FolderBusyError, InputError
from vslnb.figures import Figure
from vslnb.retrieval.matrix_store import MatrixFile
from vslnb.retrieval.similarity import similarity_matrix
from vslnb.storage import locked, new_array, write_bytes
from vslnb.study.profiles import save_figure
from vslnb.study.report import write_report
from vslnb.training.guard import TrainingError
from vslnb.training.loop import Trainer, train
from vslnb.training.run import load_run


@contextlib.contextmanager
def no_file_above(size):
    """A disk that is full for files above a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_disk_that_fills_while_training_leaves_the_last_checkpoint(dataset, tmp_path, monkeypatch):
    train(tiny(), dataset, tmp_path / "whole", device="cpu", progress=False)
    run, original = tmp_path / "run", Trainer.epoch
    with contextlib.ExitStack() as full:

        def epoch(self, number, *arguments):
            if number == 1:
                full.enter_context(no_file_above(10_000))
            return original(self, number, *arguments)

        monkeypatch.setattr(Trainer, "epoch", epoch)
        with pytest.raises(InputError, match=r"no room: 0\.\d MiB are needed.*start again"):
            train(tiny(), dataset, run, device="cpu", progress=False)
    monkeypatch.undo()
    assert json.loads((run / "last" / "progress.json").read_text())["epochs"] == 1
    assert not list(run.rglob("*.tmp")) and not (run / "last.new").exists()
    assert load_run(run, "cpu")
    train(tiny(), dataset, run, device="cpu", resume=True, progress=False)
    for file in ("best.safetensors", "last/state.safetensors", "results.json"):
        assert (run / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_a_disk_that_fills_while_importing_costs_nothing(tmp_path):
    photos, captions = make_photos(tmp_path / "photos"), token_file(tmp_path / "captions.token")
    arguments = {"backbone": MeanColour(), "progress": False}
    import_captions(photos, captions, tmp_path / "whole", **arguments)
    with no_file_above(500), pytest.raises(InputError, match="ims.npy.part: no room.*are needed"):
        import_captions(photos, captions, tmp_path / "d", **arguments)
    assert not list((tmp_path / "d").glob("*.npy*")) and not (tmp_path / "d" / "dataset.json").exists()
    import_captions(photos, captions, tmp_path / "d", **arguments)
    assert bytes_of(tmp_path / "whole") == bytes_of(tmp_path / "d")


def test_a_disk_that_fills_while_reporting_leaves_the_old_report(tmp_path):
    report = write_report(tmp_path, "demo", [])
    before = report.read_bytes()
    rows = [{"notebook": "00_x", "began": 0.0, "seconds": 1.0, "fault": "x" * 5000}]
    with no_file_above(2000), pytest.raises(InputError, match="report.html: no room"):
        write_report(tmp_path, "demo", rows)
    assert report.read_bytes() == before
    figure = Figure()
    path = save_figure(figure, tmp_path, "one")
    drawn = path.read_bytes()
    with no_file_above(100), pytest.raises(InputError, match="one.png: no room"):
        save_figure(figure, tmp_path, "one")
    assert path.read_bytes() == drawn and not list(tmp_path.rglob("*.tmp"))


def test_a_matrix_without_room_is_refused_before_it_is_begun(tmp_path):
    with no_file_above(1000), pytest.raises(InputError, match="scores.npy: no room"):
        MatrixFile(tmp_path / "m", (100, 100), "key")
    assert not any((tmp_path / "m").glob("scores.*"))
    array = new_array(tmp_path / "a.npy", np.float32, (1000, 100))
    assert array.shape == (1000, 100) and os.stat(tmp_path / "a.npy").st_blocks * 512 >= array.nbytes


def test_a_short_matrix_is_not_made_longer(dataset, tmp_path, trained):
    model, split = load_run(trained, "cpu")[0], load_split(dataset, "test")
    ids = torch.ones(50, 3, dtype=torch.long)
    lengths = torch.full((50,), 3)
    whole = similarity_matrix(model, split, ids, lengths, keep=tmp_path / "kept")
    assert np.isfinite(whole).all()
    path = tmp_path / "kept" / "scores.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged matrix"):
        similarity_matrix(model, split, ids, lengths, keep=tmp_path / "kept")


@pytest.fixture
def trained(dataset, tmp_path):
    train(tiny(training__epochs=1), dataset, tmp_path / "trained", device="cpu", progress=False)
    return tmp_path / "trained"


def test_the_second_process_in_a_folder_is_refused(dataset, tmp_path):
    with locked(tmp_path / "run"), pytest.raises(FolderBusyError, match="another process is writing here"):
        train(tiny(), dataset, tmp_path / "run", device="cpu", progress=False)
    train(tiny(training__epochs=1), dataset, tmp_path / "run", device="cpu", progress=False)


def test_ctrl_c_saves_in_the_middle_of_an_epoch_and_goes_on_to_the_same_bytes(dataset, tmp_path, monkeypatch):
    train(tiny(), dataset, tmp_path / "whole", device="cpu", progress=False)
    original, steps = Trainer.step, []

    def step(self, *arguments):
        steps.append(arguments)
        if len(steps) == 13:
            signal.raise_signal(signal.SIGINT)
        return original(self, *arguments)

    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(KeyboardInterrupt, match=r"saved after epoch 2, step 3.*--resume"):
        train(tiny(), dataset, tmp_path / "cut", device="cpu", progress=False)
    train(tiny(), dataset, tmp_path / "cut", device="cpu", resume=True, progress=False)
    whole, cut = bytes_of(tmp_path / "whole"), bytes_of(tmp_path / "cut")
    for name in ("best.safetensors", "state.safetensors", "results.json", "ranks.json"):
        assert whole[name] == cut[name]
    batches = [batch.captions.tobytes() for batch, *_ in steps]
    assert len(batches) == 30 and len(set(batches)) == 30  # no step was taken twice
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupted_command_says_how_to_go_on(dataset, tmp_path):
    sets = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    words = ["train", "world-saf", "--data", dataset, "--run", tmp_path / "run", *sets]
    words += ["--set", "training.epochs=500", "--quiet", "--device", "cpu"]
    program = subprocess.Popen(
        [sys.executable, "-m", "vslnb", *map(str, words)], stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "run" / "last").exists():
        assert program.poll() is None
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    _, told = program.communicate(timeout=30)
    assert program.returncode == 130 and "Go on with --resume" in told and "Traceback" not in told


def test_a_run_that_goes_wrong_keeps_its_batch_and_its_last_checkpoint(dataset, tmp_path, monkeypatch):
    original = Trainer.losses

    def losses(self, captions, epoch, step):
        parts, scores = original(self, captions, epoch, step)
        return ({**parts, "loss": parts["loss"] * float("nan")} if (epoch, step) == (1, 3) else parts), scores

    monkeypatch.setattr(Trainer, "losses", losses)
    run = tmp_path / "run"
    with pytest.raises(TrainingError, match="epoch 2, step 4: the loss is nan"):
        train(tiny(), dataset, run, device="cpu", progress=False)
    told = json.loads((run / "stopped.json").read_text())
    assert (told["epoch"], told["step"], len(told["captions"])) == (1, 3, 20)
    split = load_split(dataset, "train")
    assert told["texts"][0] == split.captions[told["captions"][0]]
    assert told["images"][0] == split.ids[told["captions"][0] // 5]
    assert json.loads((run / "last" / "progress.json").read_text())["epochs"] == 1


@pytest.mark.parametrize(("factor", "match"), [(float("inf"), "the gradient is"), (1e12, "explodes")])
def test_a_gradient_that_goes_wrong_stops_before_the_weights_change(dataset, factor, match):
    trainer = Trainer(tiny(), dataset, "cpu")
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    trainer.model.head.weight.register_hook(lambda gradient: gradient * factor)
    with pytest.raises(TrainingError, match=match):
        trainer.step(trainer.loader.load(np.arange(20)), 1, 0)
    for name, value in trainer.model.named_parameters():
        assert torch.equal(value, before[name])


def test_the_order_of_data_is_the_seeds_alone(dataset, monkeypatch):
    """No matter how long the thread takes that reads ahead."""
    one, two = (Trainer(tiny(), dataset, "cpu") for _ in range(2))
    quick, stored = [line for _, line in one.epoch(0, progress=False)], Split.stored

    def slowly(split, images):
        time.sleep(0.01)
        return stored(split, images)

    monkeypatch.setattr(Split, "stored", slowly)
    assert [line for _, line in two.epoch(0, progress=False)] == quick and any(quick)


@pytest.mark.parametrize("name", ["training", "import"])  # the others in `make kills`
def test_killed_programs_end_with_the_same_bytes(tmp_path, name):
    found = kills.commands(tmp_path / "home")
    told = kills.campaign(name, found[name], tmp_path, kills=1, draw=random.Random(1))
    assert told["kills"] >= 1 and told["ends compared"] >= 1


def test_what_is_written_is_whole_or_not_there(tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with no_file_above(2), pytest.raises(InputError, match="no room"):
        write_bytes(path, b"newer")
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["file"]


def test_damaged_input_is_refused_by_every_reader():
    """A few cases; `make fuzz` has thousands."""
    program = [sys.executable, Path(__file__).parent / "fuzz.py", "60", "7"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=300, env=PROGRAM_ENV)
    assert done.returncode == 0 and done.stdout.count("traceback 0  slow 0  started or wrote 0") == 22, (
        done.stdout
    )
