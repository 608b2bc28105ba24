"""Whether a few photos carry what experts see: by hand, by literal loops and where one photo carries all."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from strength_photos import exchange, gain, over_photos
from vslnb.evaluation.human_ratings import ExpertPairs

PHOTOS, EACH = 30, 6


def rated(seed=0):
    draw = np.random.default_rng(seed)
    images = np.repeat(np.arange(PHOTOS), EACH)
    draw.shuffle(images)
    ratings = draw.integers(1, 5, (len(images), 3)).astype(float)
    return ExpertPairs(images, np.arange(len(images)), ratings), draw


def test_the_gain_by_literal_loops():
    pairs, draw = rated()
    runs = [(draw.normal(size=PHOTOS * EACH), draw.normal(size=PHOTOS * EACH)) for _ in range(2)]
    rows = draw.integers(0, PHOTOS * EACH, 90)  # some several times
    gaps = []
    for arm, alone in runs:
        taus = []
        for scores in (arm, alone):
            flat = [(scores[row], rating) for row in rows for rating in pairs.ratings[row]]
            taus.append(100 * kendalltau(*zip(*flat), variant="c").statistic)
        gaps.append(taus[0] - taus[1])
    assert gain(pairs, runs, rows) == pytest.approx(np.mean(gaps))


def test_what_all_photos_show_holds_over_photos_and_what_one_shows_does_not():
    pairs, draw = rated()
    noise = draw.normal(size=PHOTOS * EACH)
    everywhere = over_photos(pairs, [(noise + pairs.ratings.mean(1), noise)])
    assert everywhere["low"] > 0 and everywhere["half"] == 100
    assert everywhere["low"] < everywhere["gain"] < everywhere["high"]
    once = over_photos(pairs, [(np.where(pairs.images == 3, 4 * pairs.ratings.mean(1), noise), noise)])
    assert once["low"] < 0.1 and once["half"] < 100
    assert over_photos(pairs, [(noise, noise)])["half"] == 0


def test_an_exchange_stays_within_the_photo_and_leaves_nothing_to_see():
    pairs, draw = rated()
    photos = [np.flatnonzero(pairs.images == photo) for photo in range(PHOTOS)]
    other = exchange(pairs, photos, draw)
    for rows in photos:
        assert sorted(map(tuple, other.ratings[rows])) == sorted(map(tuple, pairs.ratings[rows]))
    assert (other.ratings != pairs.ratings).any()
    right = pairs.ratings.mean(1)
    assert pairs.within_photos(right) == 100
    assert abs(over_photos(pairs, [(right, right)])["exchanged"]) < 5
