"""Whether a few photos carry what experts see: by hand, by literal loops and where one photo carries all."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from strength_photos import HALVES, RESAMPLES, Draws, over_photos
from vslnb.evaluation.human_ratings import ExpertPairs

PHOTOS, EACH = 30, 6


def rated(seed=0):
    draw = np.random.default_rng(seed)
    images = np.repeat(np.arange(PHOTOS), EACH)
    draw.shuffle(images)
    ratings = draw.integers(1, 5, (len(images), 3)).astype(float)
    return ExpertPairs(images, np.arange(len(images)), ratings), draw


def test_taus_by_literal_loops():
    pairs, draw = rated()
    draws, scores = Draws(pairs), draw.normal(size=PHOTOS * EACH)
    draws.rows = draws.rows[:5]
    for rows, found in zip(draws.rows, draws.taus(scores), strict=True):
        flat = [(scores[row], rating) for row in rows for rating in pairs.ratings[row]]
        assert found == pytest.approx(100 * kendalltau(*zip(*flat), variant="c").statistic)


def test_photos_are_drawn_whole():
    pairs, _ = rated()
    draws = Draws(pairs)
    assert len(draws.rows) == 1 + RESAMPLES + HALVES and len(draws.rows[0]) == PHOTOS * EACH
    for rows in (draws.rows[1], draws.rows[-1]):
        rated_times = np.bincount(rows, minlength=PHOTOS * EACH)
        for photo in range(PHOTOS):
            assert len(set(rated_times[pairs.images == photo])) == 1
    assert len(np.unique(pairs.images[draws.rows[1]])) < PHOTOS  # some twice, some never
    assert len(draws.rows[-1]) == PHOTOS // 2 * EACH == len(np.unique(draws.rows[-1]))


def test_what_all_photos_show_holds_over_photos_and_what_one_shows_does_not():
    pairs, draw = rated()
    draws, noise = Draws(pairs), draw.normal(size=PHOTOS * EACH)
    plain, right = draws.taus(noise), pairs.ratings.mean(1)
    everywhere = over_photos(np.array([draws.taus(noise + right) - plain]))
    assert everywhere["low"] > 0 and everywhere["half"] == 100
    assert everywhere["low"] < everywhere["gain"] < everywhere["high"]
    once = over_photos(np.array([draws.taus(np.where(pairs.images == 3, 4 * right, noise)) - plain]))
    assert once["low"] < 0.1 and once["half"] < 100
    assert over_photos(np.array([plain - plain]))["half"] == 0


def test_an_exchange_stays_within_the_photo_and_leaves_nothing_to_see():
    pairs, _ = rated()
    draws = Draws(pairs)
    other = draws.exchange()
    for rows in draws.photos:
        assert sorted(map(tuple, other.ratings[rows])) == sorted(map(tuple, pairs.ratings[rows]))
    assert (other.ratings != pairs.ratings).any()
    right = pairs.ratings.mean(1)
    assert pairs.within_photos(right) == 100 and abs(draws.exchanged(right)) < 5
