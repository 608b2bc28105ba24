"""What an interval says, in words: written before any seed that decides was whole, so that no result chooses its sentence."""

from __future__ import annotations

import math

from vslnb.intervals import Interval


def told(found: Interval) -> str:
    """A difference with its interval; a second digit where one would not say on which side of zero a bound lies.

    >>> told(Interval(1.25, -0.5, 3.0)), told(Interval(1.0, math.nan, math.nan))
    ('+1.2 (-0.5 to +3.0)', '+1.0 (no interval)')
    >>> told(Interval(0.7, 0.04, 1.5))
    '+0.70 (+0.04 to +1.50)'
    """
    digits = 2 if min(abs(found.low), abs(found.high)) < 0.05 else 1
    bounds = f"{found.low:+.{digits}f} to {found.high:+.{digits}f}"
    return f"{found.value:+.{digits}f} ({'no interval' if math.isnan(found.low) else bounds})"


def effect(gain: Interval, decided: bool) -> str:
    """What the gain of rsum over the triplet says, once all seeds that were planned are `decided`.

    >>> effect(Interval(1, 0.5, 1.5), True), effect(Interval(1, 0.5, 1.5), False)
    ('it raises rsum', 'no verdict yet')
    """
    if not decided:
        return "no verdict yet"
    return "it raises rsum" if gain.low > 0 else "it lowers rsum" if gain.high < 0 else "no effect is shown"


def semantics(gain: Interval, over_false: Interval, decided: bool) -> str:
    """What that gain and the difference to the same loss on false captions say together.

    >>> semantics(Interval(4, 1, 7), Interval(1, -2, 4), True)
    'false captions do as well, as far as can be told: not shown to be semantics'
    >>> semantics(Interval(0, -1, 1), Interval(2, 1, 3), True)
    'true captions do better than false ones, which without a gain over the triplet is no help'
    >>> semantics(Interval(0, -1, 1), Interval(0, -1, 1), True)
    'true and false captions cannot be told apart'
    """
    if not decided:
        return "no verdict yet"
    if gain.low > 0:
        if over_false.low > 0:
            return "true captions matter"
        if over_false.high < 0:
            return "false captions help more"
        return "false captions do as well, as far as can be told: not shown to be semantics"
    if over_false.low > 0:
        return "true captions do better than false ones, which without a gain over the triplet is no help"
    return (
        "false captions do better" if over_false.high < 0 else "true and false captions cannot be told apart"
    )
