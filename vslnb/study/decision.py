"""Turn confidence intervals into text and into the verdict whose rule was fixed before the runs."""

from __future__ import annotations

import math

from vslnb.evaluation.intervals import Interval


def format_interval(found: Interval) -> str:
    """A difference with its interval, to one digit; to two where a bound would round to zero.

    >>> format_interval(Interval(1.25, -0.5, 3.0)), format_interval(Interval(1.0, math.nan, math.nan))
    ('+1.2 (-0.5 to +3.0)', '+1.0 (no interval)')
    >>> format_interval(Interval(0.7, 0.04, 1.5))
    '+0.70 (+0.04 to +1.50)'
    """
    digits = 2 if min(abs(found.low), abs(found.high)) < 0.05 else 1
    bounds = f"{found.low:+.{digits}f} to {found.high:+.{digits}f}"
    return f"{found.value:+.{digits}f} ({'no interval' if math.isnan(found.low) else bounds})"


def verdict(gain: Interval, over_shuffled: Interval, decided: bool) -> str:
    """The outcome of the rule: VSL works if its gain lies above zero, through semantics if both gains do.

    Args:
        gain: of rsum over the triplet.
        over_shuffled: of rsum over the same loss on shuffled captions.
        decided: whether all seeds that were planned are complete.

    >>> verdict(Interval(4, 1, 7), Interval(2, 1, 3), True)
    'VSL works here, through semantics'
    >>> verdict(Interval(0, -1, 1), Interval(0, -1, 1), True)
    'neither a gain nor a loss is shown here, and true and shuffled captions cannot be told apart'
    """
    if not decided:
        return "no verdict yet"
    if gain.low > 0 and over_shuffled.low > 0:
        return "VSL works here, through semantics"
    if gain.low > 0:
        effect = "VSL works here"
    else:
        effect = "VSL does harm here" if gain.high < 0 else "neither a gain nor a loss is shown here"
    if over_shuffled.low > 0:
        return f"{effect}, though true captions do better than shuffled ones"
    if over_shuffled.high < 0:
        return f"{effect}, and shuffled captions do better than true ones"
    return f"{effect}, and true and shuffled captions cannot be told apart"
