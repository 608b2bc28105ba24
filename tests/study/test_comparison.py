"""Differences of arms, with the intervals that their seeds allow."""

import numpy as np
import pytest
from test_loop import tiny

from conftest import write_dataset
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.evaluation.measures import MeasureName, measure_of
from vslnb.evaluation.recall_at_k import recall
from vslnb.recipes import run_name
from vslnb.retrieval.similarity import split_scores
from vslnb.study.comparison import gain, gain_over_images, keep_rsum, rsum_by_image, value
from vslnb.training.ensemble import sgraf
from vslnb.training.loop import TrainingError, train
from vslnb.training.run import load_run
from vslnb.training.sweep import sweep


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two arms, two seeds: their results, their configurations, and the folder of their runs."""
    home = tmp_path_factory.mktemp("comparison")
    data = write_dataset(home / "data", {"train": 40, "dev": 10, "test": 10})
    configs = [tiny(f"world-cosine{arm}", seed=seed) for arm in ("", "-vsl") for seed in (0, 1)]
    runs = home / "runs"
    return [train(one, data, runs / run_name(one), "cpu", progress=False) for one in configs], configs, runs


def test_gains_pair_seeds_and_say_what_they_cannot_know(trained):
    (a0, a1, b0, b1), _, runs = trained
    assert b0["arm"] == "vsl-paper" and measure_of(a0) == a0["test"]["rsum"]
    pair = gain([a0, a1], [b0, b1])
    differences = [b["test"]["rsum"] - a["test"]["rsum"] for a, b in ((a0, b0), (a1, b1))]
    assert pair.value == pytest.approx(np.mean(differences))
    single = gain([a0], [b0], folder=runs)
    assert single.value == pytest.approx(differences[0]) and single.low <= single.value <= single.high
    for unknown in (
        gain([a0], [b0]),
        gain([a0], [b0], MeasureName("R@1", "", "text_to_image"), runs),
    ):
        assert np.isnan(unknown.low)
    with pytest.raises(ValueError, match="same seeds"):
        gain([a0], [b1])
    low, high = a0["measures"]["intervals"]["R@5 image to text"]
    assert value([a0], MeasureName("R@5", "", "image_to_text")) == (
        a0["test"]["image_to_text"]["R@5"],
        low,
        high,
        pytest.approx(np.nan, nan_ok=True),
    )
    assert value([a0, a1]).value == pytest.approx((a0["test"]["rsum"] + a1["test"]["rsum"]) / 2)


def test_known_results_are_not_trained_again(trained, tmp_path):
    results, configs, _ = trained
    again = list(sweep(configs, tmp_path / "nowhere", tmp_path / "empty", known=results))
    assert again == results and not (tmp_path / "empty").exists()
    with pytest.raises(TrainingError, match="nowhere"):
        list(
            sweep(
                [configs[0].with_settings({"seed": 5})],
                tmp_path / "nowhere",
                tmp_path / "empty",
                known=results,
            )
        )


def test_sgraf_is_the_mean_of_two_matrices(dataset, tmp_path):
    members = [tiny("world-sgr"), tiny("world-saf")]
    for member in members:
        train(member, dataset, tmp_path / run_name(member), "cpu", progress=False)
    found = sgraf(members, dataset, tmp_path, "cpu")
    test, vocabulary = load_split(dataset, "test"), load_vocabulary(dataset)
    a, b = (split_scores(load_run(tmp_path / run_name(m), "cpu")[0], test, vocabulary) for m in members)
    assert found["test"] == recall((a + b) / 2) and found["module"] == "sgraf"
    assert sgraf(members, dataset, tmp_path / "other", "cpu", [found]) == found
    assert sgraf(members, dataset, tmp_path) == found


def test_gains_over_images_outlive_their_runs(trained, tmp_path):
    (a0, a1, b0, b1), configs, home = trained
    store = tmp_path / "kept"
    store.mkdir()
    there = gain_over_images([a0, a1], [b0, b1], [home])
    assert there.value == pytest.approx(gain([a0, a1], [b0, b1]).value) and there.low <= there.high
    one = gain([a0], [b0], folder=home)
    assert gain_over_images([a0], [b0], [home])[:3] == pytest.approx(one[:3])
    for result, config in zip((a0, a1, b0, b1), configs):
        assert gain_over_images([a0], [b1], [store]) is None
        keep_rsum(store, result, home / run_name(config))
    assert gain_over_images([a0, a1], [b0, b1], [store]) == pytest.approx(there)
    assert rsum_by_image(a1, [store]).mean() == pytest.approx(a1["test"]["rsum"], abs=1e-3)
