import pickle
import subprocess
import sys
import time

import pytest
import torch

from test_training import tiny
from vslnb.errors import InputError
from vslnb.reproduce import ROOT
from vslnb.sweep import run_name, sweep
from vslnb.training import TrainingError, train


def test_a_sweep_equals_single_runs_and_keeps_what_is_done(dataset, tmp_path):
    configs = [tiny("world-cosine"), tiny("world-cosine-vsl"), tiny("world-cosine", seed=1)]
    results = list(sweep(configs, dataset, tmp_path / "runs"))
    assert {(r["arm"], r["seed"]) for r in results} == {("triplet", 0), ("vsl-paper", 0), ("triplet", 1)}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the sweep: another number of threads adds in another order
    try:
        train(configs[1], dataset, tmp_path / "alone", progress=False, device="cpu")
    finally:
        torch.set_num_threads(threads)
    there = tmp_path / "runs" / run_name(configs[1]) / "best.safetensors"
    assert there.read_bytes() == (tmp_path / "alone" / "best.safetensors").read_bytes()
    before = there.stat().st_mtime_ns
    assert sorted(map(str, sweep(configs, dataset, tmp_path / "runs"))) == sorted(map(str, results))
    assert there.stat().st_mtime_ns == before


def test_a_run_that_fails_is_named_after_the_others_are_done(dataset, tmp_path):
    broken = tmp_path / "runs" / "cosine-triplet-s0"
    broken.mkdir(parents=True)
    (broken / "config.json").write_text("{}")
    with pytest.raises(TrainingError, match="cosine-triplet-s0: .*config.json: not the settings of a run"):
        list(sweep([tiny("world-cosine"), tiny("world-cosine-vsl")], dataset, tmp_path / "runs"))
    assert (tmp_path / "runs" / "cosine-vsl-paper-s0" / "results.json").exists()


def test_a_fault_crosses_from_a_worker_whole():
    fault = InputError("file", "problem", "remedy")
    assert str(pickle.loads(pickle.dumps(fault))) == str(fault)


def test_workers_end_when_their_parent_is_killed(dataset, tmp_path):
    code = (
        "from vslnb.config import recipe; from vslnb.sweep import sweep\n"
        "if __name__ == '__main__':\n"
        f"    long = recipe('world-cosine').with_settings({{'training.epochs': 100000}})\n"
        f"    list(sweep([long], {str(dataset)!r}, {str(tmp_path / 'runs')!r}, device='cpu'))\n"
    )
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], cwd=ROOT)
    log = tmp_path / "runs" / "cosine-triplet-s0" / "metrics.jsonl"
    _until(log.exists)
    parent.kill()
    parent.wait()

    def silent() -> bool:
        size = log.stat().st_size
        time.sleep(1)
        return log.stat().st_size == size

    _until(silent)


def _until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
