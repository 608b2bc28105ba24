"""How `experiments/strength.py` turns arms into configurations and keeps what other processes wrote."""

import json

import numpy as np
import pytest

import strength
from strength import COSINE, EXPLORE, SAF, TRIALS, TRIED, Arm, machine, plan
from vslnb.recipes import arm_recipe


def test_an_arm_is_the_recipe_with_its_similarity_rank_and_strength():
    config, usual = (
        plan("cosine", Arm("sentence", "descending", 3), 2),
        arm_recipe("flickr8k", "cosine", "vsl-paper", 2),
    )
    assert (config.loss.similarity, config.loss.rank, config.seed) == ("sentence", "descending", 2)
    assert config.loss.beta == 3 * usual.loss.beta and not config.loss.shuffled
    control = plan("cosine", Arm("sentence", "descending", 3, "shuffled"), 2)
    assert control.loss.shuffled and (control.loss.beta, control.loss.rank) == (
        config.loss.beta,
        "descending",
    )
    assert plan("saf", Arm(), 1).loss.beta == 0
    for architecture, arms in EXPLORE.values():
        assert len({plan(architecture, arm, 1).hash for arm in arms}) == len(arms)
    assert len(COSINE) == 23 and len(SAF) == 5


def test_a_trial_changes_one_thing_of_the_setting_that_made_us_ask():
    plain = plan("cosine", Arm("cider", "paper", 10), 1).settings()
    for arm in TRIED[1:]:
        changed = plan("cosine", arm, 1).settings()
        assert {name for name in plain if plain[name] != changed[name]} == set(TRIALS[arm.trial])


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Results in a folder of the test, and runs that are trained by nobody."""
    (tmp_path / "flickr8k").mkdir()

    def read(name):
        path = tmp_path / f"{name}.json"
        return json.loads(path.read_text()) if path.exists() else {}

    class Questions:
        def answers(self, model, config, arm):
            return {"within_photos": 47.0}, np.arange(3)

    def sweep(configs, *_):
        for config in configs:
            recalls = {"test": {"rsum": 250.0}, "measures": {"ratings": {"expert": 44.0}}}
            yield {"name": "a run", "config_hash": config.hash, "seed": config.seed} | recalls

    monkeypatch.setattr(strength, "read", read)
    monkeypatch.setattr(strength, "sweep", sweep)
    monkeypatch.setattr(strength, "Questions", Questions)
    monkeypatch.setattr(strength, "load_run", lambda *_: (None, None))
    monkeypatch.setattr(strength, "HOME", tmp_path / "runs")
    monkeypatch.setattr(strength, "RANKS", tmp_path / "flickr8k" / "expert_ranks.npz")
    return tmp_path / "flickr8k"


CELLS = [("cosine", Arm(), 1), ("cosine", Arm("cider", "paper", 10), 1)]


def test_what_is_there_is_not_trained_again_and_two_files_stay_together(home):
    strength.run(CELLS[:1])
    strength.run(CELLS)
    listed = json.loads((home / "strength.json").read_text())
    assert [one["strength"] for one in listed] == [0, 10] and listed[0]["machine"] == machine()
    assert sorted(np.load(home / "expert_ranks.npz")) == sorted(one["config_hash"] for one in listed)
    (home / "expert_ranks.npz").unlink()  # without ranks a run has to be asked again
    strength.run(CELLS)
    assert (
        len(np.load(home / "expert_ranks.npz").files)
        == len(json.loads((home / "strength.json").read_text()))
        == 2
    )


def test_what_another_process_wrote_meanwhile_stays(home, monkeypatch):
    train = strength.sweep

    def slow(configs, *rest):
        for result in train(configs, *rest):
            other = [{"config_hash": "other", "architecture": "saf", "seed": 1, "machine": machine()}]
            (home / "strength.json").write_text(json.dumps(other))
            yield result

    monkeypatch.setattr(strength, "sweep", slow)
    strength.run(CELLS[:1])
    assert len(json.loads((home / "strength.json").read_text())) == 2


def test_a_seed_is_not_continued_on_another_machine(home):
    other = {"config_hash": "other", "architecture": "cosine", "seed": 1, "machine": "a slide rule"}
    (home / "strength.json").write_text(json.dumps([other]))
    with pytest.raises(SystemExit, match="cosine, seed 1: its other runs are from a slide rule"):
        strength.run(CELLS)
    strength.run([("cosine", Arm(), 2)])


def test_a_mistyped_part_is_named(monkeypatch):
    monkeypatch.setattr("sys.argv", ["strength.py", "cosin", "1"])
    with pytest.raises(SystemExit, match="not known here: cosin. Known: cosine, saf, trials, 1, 2, 3"):
        strength.main()
