import math

import pytest

from vslnb.evaluation.intervals import Interval
from vslnb.study.decision import told, verdict

UP, DOWN, NEITHER = Interval(2, 1, 3), Interval(-2, -3, -1), Interval(0.1, -1, 1.2)
UNKNOWN = Interval(1.0, math.nan, math.nan)
OPEN, WORKS, HARM = "neither a gain nor a loss is shown here", "VSL works here", "VSL does harm here"
TRUE, FALSE = "though true captions do better than false ones", "and false captions do better than true ones"
ALIKE = "and true and false captions cannot be told apart"


@pytest.mark.parametrize(
    "gain, over_false, says",
    [
        (UP, UP, "VSL works here, through semantics"),
        (UP, DOWN, f"{WORKS}, {FALSE}"),
        (UP, NEITHER, f"{WORKS}, {ALIKE}"),
        (NEITHER, UP, f"{OPEN}, {TRUE}"),
        (NEITHER, DOWN, f"{OPEN}, {FALSE}"),
        (NEITHER, NEITHER, f"{OPEN}, {ALIKE}"),
        (DOWN, UP, f"{HARM}, {TRUE}"),
        (DOWN, DOWN, f"{HARM}, {FALSE}"),
        (DOWN, NEITHER, f"{HARM}, {ALIKE}"),
        (Interval(1, 0, 2), Interval(1, 0, 2), f"{OPEN}, {ALIKE}"),
        (UNKNOWN, UNKNOWN, f"{OPEN}, {ALIKE}"),
    ],
)
def test_every_outcome_has_its_words(gain, over_false, says):
    assert verdict(gain, over_false, True) == says
    assert verdict(gain, over_false, False) == "no verdict yet"


def test_unknown_bounds_are_said_and_a_bound_near_zero_shows_its_side():
    assert told(UNKNOWN) == "+1.0 (no interval)"
    assert told(Interval(-0.4, -0.8, -0.02)) == "-0.40 (-0.80 to -0.02)"
