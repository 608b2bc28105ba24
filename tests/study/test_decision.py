import math

import pytest

from vslnb.evaluation.intervals import Interval
from vslnb.study.decision import format_interval, verdict

UP, DOWN, NEITHER = Interval(2, 1, 3), Interval(-2, -3, -1), Interval(0.1, -1, 1.2)
UNKNOWN = Interval(1.0, math.nan, math.nan)
OPEN, WORKS, HARM = "neither a gain nor a loss is shown here", "VSL works here", "VSL does harm here"
TRUE, SHUFFLED = (
    "though true captions do better than shuffled ones",
    "and shuffled captions do better than true ones",
)
NO_DIFFERENCE = "and true and shuffled captions cannot be told apart"


@pytest.mark.parametrize(
    "gain, over_shuffled, says",
    [
        (UP, UP, "VSL works here, through semantics"),
        (UP, DOWN, f"{WORKS}, {SHUFFLED}"),
        (UP, NEITHER, f"{WORKS}, {NO_DIFFERENCE}"),
        (NEITHER, UP, f"{OPEN}, {TRUE}"),
        (NEITHER, DOWN, f"{OPEN}, {SHUFFLED}"),
        (NEITHER, NEITHER, f"{OPEN}, {NO_DIFFERENCE}"),
        (DOWN, UP, f"{HARM}, {TRUE}"),
        (DOWN, DOWN, f"{HARM}, {SHUFFLED}"),
        (DOWN, NEITHER, f"{HARM}, {NO_DIFFERENCE}"),
        (Interval(1, 0, 2), Interval(1, 0, 2), f"{OPEN}, {NO_DIFFERENCE}"),
        (UNKNOWN, UNKNOWN, f"{OPEN}, {NO_DIFFERENCE}"),
    ],
)
def test_every_outcome_has_its_words(gain, over_shuffled, says):
    assert verdict(gain, over_shuffled, True) == says
    assert verdict(gain, over_shuffled, False) == "no verdict yet"


def test_unknown_bounds_are_said_and_a_bound_near_zero_shows_its_side():
    assert format_interval(UNKNOWN) == "+1.0 (no interval)"
    assert format_interval(Interval(-0.4, -0.8, -0.02)) == "-0.40 (-0.80 to -0.02)"
