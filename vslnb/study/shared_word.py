"""The word through which a caption and a picture meet: the one whose attention explains a match."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vslnb.data.world.captions import SYNONYMS
from vslnb.evaluation.secondary_content import concepts_of


def shared_word(words: Sequence[str], shared: Collection[str]) -> int | None:
    """The place of the first word of a caption that names a shared concept; None where no word does.

    Args:
        words: of a caption, `<start>` and `<end>` may be among them.
        shared: concepts that the caption and a picture have in common. The bundled world's concepts have other names
            too, such as `sailboat` for `boat`.

    >>> shared_word(["<start>", "a", "dog", "near", "a", "sailboat", "<end>"], {"boat"})
    5
    >>> shared_word(["a", "dog"], {"cat"}) is None
    True
    """
    names = {name for concept in shared for name in SYNONYMS.get(concept, ()) if " " not in name}
    for place, word in enumerate(words):
        if not word.startswith("<") and (word in names or concepts_of(word) & set(shared)):
            return place
    return None
