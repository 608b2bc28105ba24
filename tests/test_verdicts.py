import math

import pytest

from vslnb.intervals import Interval
from vslnb.verdicts import effect, semantics, told

UP, DOWN, NEITHER = Interval(2, 1, 3), Interval(-2, -3, -1), Interval(0.1, -1, 1.2)


@pytest.mark.parametrize(
    "gain, over_false, says, why",
    [
        (UP, UP, "it raises rsum", "true captions matter"),
        (UP, DOWN, "it raises rsum", "false captions help more"),
        (UP, NEITHER, "it raises rsum", "not shown to be semantics"),
        (NEITHER, UP, "no effect is shown", "is no help"),
        (NEITHER, DOWN, "no effect is shown", "false captions do better"),
        (NEITHER, NEITHER, "no effect is shown", "cannot be told apart"),
        (DOWN, UP, "it lowers rsum", "is no help"),
        (DOWN, DOWN, "it lowers rsum", "false captions do better"),
        (DOWN, NEITHER, "it lowers rsum", "cannot be told apart"),
    ],
)
def test_every_outcome_has_its_words(gain, over_false, says, why):
    assert effect(gain, True) == says and semantics(gain, over_false, True).endswith(why)
    assert effect(gain, False) == semantics(gain, over_false, False) == "no verdict yet"


def test_a_bound_at_zero_is_no_effect_and_unknown_bounds_are_said():
    assert effect(Interval(1, 0, 2), True) == "no effect is shown"
    unknown = Interval(1.0, math.nan, math.nan)
    assert told(unknown) == "+1.0 (no interval)" and effect(unknown, True) == "no effect is shown"
