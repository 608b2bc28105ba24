"""`make general`: the setting that strength.py chose, on every architecture, with seeds that chose nothing.

By the design in strength.md. Five arms an architecture: the triplet alone, the chosen setting with true and with
shuffled captions, and the paper's own setting with both. `cosine` and SAF have four more: what one might do instead of
VSL. Seeds 6 to 10, outermost, into figures/flickr8k/general.json, an object a run as in strength.json. Nothing runs
before a setting is chosen on dev from seeds 1 to 3 of `cosine`, that is, while a missing run could change the choice.
"""

from __future__ import annotations

import sys

from strength import TRIPLET, Arm, run
from vslnb.recipes import INSTEAD
from vslnb.study.evidence.general import PAPER
from vslnb.study.evidence.strength import EXPLORED, Choice, Strength

ARCHITECTURES = ("cosine", "saf", "sgr", "gpo", "scan", "scan-i2t", "vsepp", "vsrn", "chan", "imram")
SEEDS = range(6, 11)


def arms(architecture: str, chosen: Choice) -> list[Arm]:
    """The arms of an architecture, each once."""
    settings = [Arm(*setting, captions) for setting in (chosen, PAPER) for captions in ("true", "shuffled")]
    others = (
        [Arm(chosen.similarity, instead=name) for name in INSTEAD]
        if architecture in ("cosine", "saf")
        else []
    )
    return list(dict.fromkeys([TRIPLET, *settings, *others]))


def main() -> None:
    """All of it, or the architectures and seeds that are named: `general.py cosine 6`."""
    known = [*ARCHITECTURES, *map(str, SEEDS)]
    if unknown := [name for name in sys.argv[1:] if name not in known]:
        raise SystemExit(f"not known here: {', '.join(unknown)}. Known: {', '.join(known)}.")
    try:
        found = Strength()
        chosen = found.choice()
    except LookupError as missing:
        raise SystemExit(f"{missing}. Run `strength.py cosine 1 2 3` first.") from None
    if chosen is None:
        raise SystemExit("No strength qualifies on dev, so by the design no setting goes on.")
    controls = found.gaps("experts", chosen, against="shuffled")
    if chosen.strength == 30 and len(controls) < len(EXPLORED):
        raise SystemExit(
            f"Its control comes first, {len(EXPLORED)} seeds of {chosen} with shuffled captions."
        )
    print(
        f"chosen on dev: {chosen.similarity}, {chosen.rank} ranks, {chosen.strength:g} times beta", flush=True
    )
    named = [name for name in sys.argv[1:] if name in ARCHITECTURES] or list(ARCHITECTURES)
    seeds = [int(name) for name in sys.argv[1:] if name.isdigit()] or list(SEEDS)
    cells = [(one, arm, seed) for seed in seeds for one in named for arm in arms(one, chosen)]
    run(cells, "general")


if __name__ == "__main__":
    main()
