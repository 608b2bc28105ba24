import pickle

import pytest
import torch

from test_training import tiny
from vslnb.errors import InputError
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
    broken = tiny("world-cosine", loss__margin="nan")
    done = []
    with pytest.raises(TrainingError, match="cosine-triplet-s0: epoch 1.*nan"):
        done += sweep([broken, tiny("world-cosine-vsl")], dataset, tmp_path / "runs")
    assert (tmp_path / "runs" / "cosine-vsl-paper-s0" / "results.json").exists()


def test_a_fault_crosses_from_a_worker_whole():
    fault = InputError("file", "problem", "remedy")
    assert str(pickle.loads(pickle.dumps(fault))) == str(fault)
