"""What an interval says, in words.

Which case an interval is was fixed before any seed that decides was whole, so that no result chooses its
sentence. After three seeds the words became more careful, and say what an interval excludes either way.
"""

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
    digits = _digits(found)
    bounds = f"{found.low:+.{digits}f} to {found.high:+.{digits}f}"
    return f"{found.value:+.{digits}f} ({'no interval' if math.isnan(found.low) else bounds})"


def effect(gain: Interval, decided: bool) -> str:
    """What the gain of rsum over the triplet says, once all seeds that were planned are `decided`.

    >>> effect(Interval(1, 0.5, 1.5), True), effect(Interval(1, 0.5, 1.5), False)
    ('it raises rsum here', 'no verdict yet')
    >>> effect(Interval(1, -0.5, 2.5), True)
    'neither a gain nor a loss is shown here; gains above 2.5 and losses beyond 0.5 are each excluded at 97.5 percent'
    """
    if not decided:
        return "no verdict yet"
    if gain.low > 0 or gain.high < 0:
        return f"it {'raises' if gain.low > 0 else 'lowers'} rsum here"
    undecided = "neither a gain nor a loss is shown here"
    if math.isnan(gain.low):
        return undecided
    above, beyond = (f"{abs(bound):.{_digits(gain)}f}" for bound in (gain.high, gain.low))
    excluded = f"gains above {above} and losses beyond {beyond} are each excluded at 97.5 percent"
    return f"{undecided}; {excluded}"


def semantics(gain: Interval, over_false: Interval, decided: bool) -> str:
    """What that gain and the difference to the same loss on false captions say together.

    >>> semantics(Interval(4, 1, 7), Interval(1, -2, 4), True)
    'a gain over the triplet, but none is shown over false captions: its cause is open'
    >>> semantics(Interval(0, -1, 1), Interval(2, 1, 3), True)
    'true captions do better than false ones, and no gain over the triplet is shown'
    >>> semantics(Interval(0, -1, 1), Interval(0, -1, 1), True)
    'true and false captions cannot be told apart'
    """
    if not decided:
        return "no verdict yet"
    if over_false.high < 0:
        return "false captions do better than true ones"
    if over_false.low > 0:
        better = "true captions do better than false ones"
        return better if gain.low > 0 else f"{better}, and no gain over the triplet is shown"
    if gain.low > 0:
        return "a gain over the triplet, but none is shown over false captions: its cause is open"
    return "true and false captions cannot be told apart"


def _digits(found: Interval) -> int:
    return 2 if min(abs(found.low), abs(found.high)) < 0.05 else 1
