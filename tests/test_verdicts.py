import math

import pytest

from vslnb.intervals import Interval
from vslnb.verdicts import effect, semantics, told

UP, DOWN, NEITHER = Interval(2, 1, 3), Interval(-2, -3, -1), Interval(0.1, -1, 1.2)
OPEN = "neither a gain nor a loss is shown here; gains above 1.2 and losses beyond 1.0 are each excluded at 97.5 percent"
TRUE, FALSE = "true captions do better than false ones", "false captions do better than true ones"
ALIKE, NO_GAIN = "true and false captions cannot be told apart", "and no gain over the triplet is shown"


@pytest.mark.parametrize(
    "gain, over_false, says, why",
    [
        (UP, UP, "it raises rsum here", TRUE),
        (UP, DOWN, "it raises rsum here", FALSE),
        (
            UP,
            NEITHER,
            "it raises rsum here",
            "a gain over the triplet, but none is shown over false captions: its cause is open",
        ),
        (NEITHER, UP, OPEN, f"{TRUE}, {NO_GAIN}"),
        (NEITHER, DOWN, OPEN, FALSE),
        (NEITHER, NEITHER, OPEN, ALIKE),
        (DOWN, UP, "it lowers rsum here", f"{TRUE}, {NO_GAIN}"),
        (DOWN, DOWN, "it lowers rsum here", FALSE),
        (DOWN, NEITHER, "it lowers rsum here", ALIKE),
    ],
)
def test_every_outcome_has_its_words(gain, over_false, says, why):
    assert effect(gain, True) == says and semantics(gain, over_false, True) == why
    assert effect(gain, False) == semantics(gain, over_false, False) == "no verdict yet"


def test_a_bound_at_zero_shows_nothing_and_unknown_bounds_are_said():
    assert effect(Interval(1, 0, 2), True).startswith("neither a gain nor a loss is shown")
    unknown = Interval(1.0, math.nan, math.nan)
    assert told(unknown) == "+1.0 (no interval)"
    assert effect(unknown, True) == "neither a gain nor a loss is shown here"
    assert told(Interval(-0.4, -0.8, -0.02)) == "-0.40 (-0.80 to -0.02)"
