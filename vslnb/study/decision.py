"""What the intervals that decide say, in words.

Which case an outcome is was fixed before any seed that decides was whole, so that no result chooses its case. The
words became more careful after three seeds, and the rule's own after the fifth.
"""

from __future__ import annotations

import math

from vslnb.evaluation.intervals import Interval


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


def told_each(found: dict[str, Interval]) -> str:
    """Several of them by name.

    >>> told_each({"SAF": Interval(1.2, -0.5, 3.0), "SGR": Interval(2.0, 1.0, 3.0)}), told_each({})
    ('SAF +1.2 (-0.5 to +3.0), SGR +2.0 (+1.0 to +3.0)', 'not known')
    """
    return ", ".join(f"{name} {told(one)}" for name, one in found.items()) or "not known"


def verdict(gain: Interval, over_false: Interval, decided: bool) -> str:
    """The outcome of the rule, once all seeds that were planned are `decided`.

    Args:
        gain: of rsum over the triplet.
        over_false: of rsum over the same loss on the captions of other images.
        decided: whether all seeds that were planned are there.

    >>> verdict(Interval(4, 1, 7), Interval(2, 1, 3), True)
    'VSL works here, through semantics'
    >>> verdict(Interval(0, -1, 1), Interval(0, -1, 1), True)
    'neither a gain nor a loss is shown here, and true and false captions cannot be told apart'
    """
    if not decided:
        return "no verdict yet"
    if gain.low > 0 and over_false.low > 0:
        return "VSL works here, through semantics"
    if gain.low > 0:
        effect = "VSL works here"
    else:
        effect = "VSL does harm here" if gain.high < 0 else "neither a gain nor a loss is shown here"
    if over_false.low > 0:
        return f"{effect}, though true captions do better than false ones"
    if over_false.high < 0:
        return f"{effect}, and false captions do better than true ones"
    return f"{effect}, and true and false captions cannot be told apart"
