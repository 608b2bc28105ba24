"""Which words of a free text a model knows: it ranks by those alone."""

from __future__ import annotations

from vslnb.data.vocabulary import Vocabulary, tokenize
from vslnb.errors import InputError


def unknown_in_query(text: str, vocabulary: Vocabulary) -> list[str]:
    """The words of a text that a model does not know, in their order.

    Raises:
        InputError: if it knows none of them.

    >>> unknown_in_query("a zebra in a spaceship", Vocabulary.build(["a dog in a car"], min_count=1))
    ['zebra', 'spaceship']
    """
    unknown = vocabulary.unknown_words(text)
    words = {token for token in tokenize(text) if any(letter.isalnum() for letter in token)}
    if not words - set(unknown):
        named = f" ({', '.join(unknown[:10])})" if unknown else ""
        problem = f"none of these words is in the model's vocabulary{named}"
        raise InputError(f"{text[:60]!r}", problem, "Use words that occur in the captions it was trained on.")
    return unknown
