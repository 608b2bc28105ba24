"""Whether a few photos carry what experts see: by hand, by literal loops and where one photo carries all."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from strength_photos import HALVES, LEVELS, RESAMPLES, Asked, Draws, half, interval, of_every_arm
from vslnb.evaluation.human_ratings import ExpertPairs

PHOTOS, EACH = 30, 6


def rated(seed=0):
    draw = np.random.default_rng(seed)
    images = np.repeat(np.arange(PHOTOS), EACH)
    draw.shuffle(images)
    ratings = draw.integers(1, 5, (len(images), 3)).astype(float)
    return ExpertPairs(images, np.arange(len(images)), ratings), draw


def rows_of(draws, times):
    """The pairs of a draw, photo by photo, each as often as its photo was drawn."""
    return [
        row for rows, count in zip(draws.photos, times, strict=True) for _ in range(count) for row in rows
    ]


def test_taus_by_literal_loops():
    pairs, draw = rated()
    draws = Draws(pairs)
    scores = draw.integers(0, 40, PHOTOS * EACH).astype(float)  # some are equal
    found = draws.taus(draws.surplus(scores))
    assert len(found) == 1 + RESAMPLES + HALVES
    for number in (0, 1, 2, RESAMPLES, -1):
        rows = rows_of(draws, draws.times[number])
        flat = [(scores[row], rating) for row in rows for rating in pairs.ratings[row]]
        assert found[number] == pytest.approx(100 * kendalltau(*zip(*flat), variant="c").statistic)
    assert found[0] == pytest.approx(pairs.tau(scores))


def test_a_draw_without_a_rating_has_one_class_less():
    images, ratings = np.repeat([0, 1, 2], 3), np.array([[1, 1, 2], [2, 1, 1], [2, 2, 2], [4, 3, 2], [1, 2, 3], [2, 2, 2],
                                                         [1, 2, 2], [2, 2, 1], [1, 1, 1]], float)  # fmt: skip
    pairs, scores = ExpertPairs(images, np.arange(9), ratings), np.arange(9.0)[::-1].copy()
    draws = Draws(pairs)
    (number, *_) = np.flatnonzero(draws.times[:, 1] == 0)
    rows = rows_of(draws, draws.times[number])
    assert ratings[rows].max() == 2
    expected = ExpertPairs(images[rows], np.arange(9)[rows], ratings[rows]).tau(scores[rows])
    assert draws.taus(draws.surplus(scores))[number] == pytest.approx(expected)


def test_photos_are_drawn_whole():
    draws = Draws(rated()[0])
    assert draws.times.shape == (1 + RESAMPLES + HALVES, PHOTOS) and set(draws.times[0]) == {1}
    anew, halves = draws.times[1 : 1 + RESAMPLES], draws.times[1 + RESAMPLES :]
    assert set(anew.sum(1)) == {PHOTOS} and anew.max() > 1 and anew.min() == 0
    assert set(halves.sum(1)) == {PHOTOS // 2} and halves.max() == 1


def test_an_arm_stands_beside_the_triplet_of_its_architecture_and_seed():
    def one(key, seed, architecture="cosine", strength=0, instead=""):
        setting = {
            "similarity": "cider",
            "rank": "paper",
            "captions": "true",
            "trial": "",
            "instead": instead,
        }
        return setting | {
            "architecture": architecture,
            "strength": strength,
            "seed": seed,
            "config_hash": key,
        }

    runs = [one("a", 1), one("b", 2), one("c", 1, strength=10), one("d", 2, strength=10), one("e", 1, instead="slack"),
            one("f", 1, "saf", 10), one("g", 3, strength=10)]  # fmt: skip
    level = dict(zip("abcdefg", (1, 2, 4, 6, 0, 9, 9)))
    asked = {}
    for key, value in level.items():
        draws = np.full(1 + RESAMPLES + HALVES, float(value))
        asked[key] = Asked(draws, {"1 and 2": 2 * draws}, value)
    found = of_every_arm(runs, asked)
    assert [(x["strength"], x["instead"], x["seeds"], x["gain"]) for x in found] == [(10, "", [1, 2], 3.5), (0, "slack", [1], -1.0)]  # fmt: skip
    assert found[0]["told_apart"] == {"1 and 2": {"gain": 7.0, "low": 7.0, "high": 7.0}}
    assert found[0]["exchanged"] == 5 and [one["half"] for one in found] == [100, 0]


@pytest.mark.parametrize(("low", "high"), [(1, 2), (2, 3), (3, 4), (1, 4)])
def test_two_ratings_are_told_apart_by_literal_loops(low, high):
    pairs, draw = rated(3)
    draws, scores = Draws(pairs), draw.integers(0, 40, PHOTOS * EACH).astype(float)
    found = draws.told_apart(draws.surplus(scores), low, high)
    for number in (0, 1, -1):
        flat = [
            (scores[row], rating)
            for row in rows_of(draws, draws.times[number])
            for rating in pairs.ratings[row]
        ]
        below, above = ([score for score, rating in flat if rating == level] for level in (low, high))
        agree = sum(np.sign(b - a) for a in below for b in above)
        assert found[number] == pytest.approx(100 * agree / (len(below) * len(above)))


def test_a_score_that_is_the_rating_tells_all_apart():
    images = np.repeat(np.arange(PHOTOS), EACH)
    ratings = np.repeat(1 + np.arange(PHOTOS * EACH)[:, None] % 4, 3, 1).astype(float)
    draws = Draws(ExpertPairs(images, np.arange(len(images)), ratings))
    for low, high in zip(LEVELS, LEVELS[1:]):
        assert draws.told_apart(draws.surplus(ratings[:, 0]), low, high)[0] == 100
        assert draws.told_apart(draws.surplus(-ratings[:, 0]), low, high)[0] == -100
        assert draws.told_apart(draws.surplus(np.ones(len(images))), low, high)[0] == 0


def test_what_all_photos_show_holds_over_photos_and_what_one_shows_does_not():
    pairs, draw = rated()
    draws, noise = Draws(pairs), draw.normal(size=PHOTOS * EACH)
    plain, right = draws.taus(draws.surplus(noise)), pairs.ratings.mean(1)
    gaps = np.array([draws.taus(draws.surplus(noise + right)) - plain])
    everywhere = interval(gaps)
    assert everywhere["low"] > 0 and half(gaps) == 100
    assert everywhere["low"] < everywhere["gain"] < everywhere["high"]
    gaps = np.array([draws.taus(draws.surplus(np.where(pairs.images == 3, 4 * right, noise))) - plain])
    assert interval(gaps)["low"] < 0.1 and half(gaps) < 100
    assert half(np.array([plain - plain])) == 0


def test_an_exchange_stays_within_the_photo_and_leaves_nothing_to_see():
    pairs, _ = rated()
    draws = Draws(pairs)
    other = draws.exchange()
    for rows in draws.photos:
        assert sorted(map(tuple, other.ratings[rows])) == sorted(map(tuple, pairs.ratings[rows]))
    assert (other.ratings != pairs.ratings).any()
    right = pairs.ratings.mean(1)
    assert pairs.within_photos(right) == 100 and abs(draws.exchanged(right)) < 5
