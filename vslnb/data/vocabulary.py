"""Words to integers, in the file format the field shares (SCAN, SGRAF and their followers)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vslnb.data.text import normalised, spaced
from vslnb.errors import InputError
from vslnb.storage import read_json, write_text

if TYPE_CHECKING:
    from nltk.tokenize.api import TokenizerI

PAD, START, END, UNKNOWN = "<pad>", "<start>", "<end>", "<unk>"
SPECIAL = (PAD, START, END, UNKNOWN)


@lru_cache
def _tokenizer() -> TokenizerI:
    from nltk.tokenize import NLTKWordTokenizer  # its import takes seconds, and not everyone reads captions

    return NLTKWordTokenizer()


@lru_cache(maxsize=500_000)
def tokenize(caption: str) -> tuple[str, ...]:
    """Lower case, then Penn Treebank words: the tokens of the text encoder.

    However an accent or an apostrophe was typed, a word is the same word; where a script writes no blanks
    between words (Chinese, Japanese, Thai), each character is one.

    >>> tokenize("Two dogs don't run.")
    ('two', 'dogs', 'do', "n't", 'run', '.')
    """
    return tuple(_tokenizer().tokenize(spaced(normalised(caption.lower()))))


class Vocabulary:
    """A bijection between words and 0..n-1, with `<pad>` at 0.

    >>> vocabulary = Vocabulary.build(["a dog", "a cat"], min_count=1)
    >>> len(vocabulary), vocabulary.encode("a dog flies")
    (7, [1, 4, 6, 3, 2])
    """

    def __init__(self, words: Sequence[str]):
        self.words = tuple(words)
        self.index = {word: i for i, word in enumerate(self.words)}
        # A file of somebody else may hold words in another form of Unicode; the first of a form counts.
        self._forms = {normalised(word): i for i, word in reversed(list(enumerate(self.words)))} | self.index

    @property
    def digest(self) -> str:
        """SHA-256 of the words in their order, which tells a vocabulary from another."""
        return hashlib.sha256("\n".join(self.words).encode("utf-8", "surrogatepass")).hexdigest()

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._forms

    @classmethod
    def build(cls, captions: Iterable[str], min_count: int = 4) -> Vocabulary:
        """Keep the words seen at least `min_count` times (the field keeps four), in alphabetical order."""
        counts = Counter(token for caption in captions for token in tokenize(caption))
        return cls(SPECIAL + tuple(sorted(word for word, n in counts.items() if n >= min_count)))

    def encode(self, caption: str) -> list[int]:
        """The ids of a caption between `<start>` and `<end>`; an unknown word becomes `<unk>`."""
        unknown = self.index[UNKNOWN]
        inner = [self._forms.get(token, unknown) for token in tokenize(caption)]
        return [self.index[START], *inner, self.index[END]]

    def encode_all(self, captions: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids (C, W) int64 padded with 0 and lengths (C,) int64 that count `<start>` and `<end>`."""
        rows = [self.encode(caption) for caption in captions]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        ids = np.zeros((len(rows), int(lengths.max(initial=0))), dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
        return ids, lengths

    def unknown_share(self, captions: Iterable[str]) -> float:
        """The share of tokens that this vocabulary does not hold."""
        known = total = 0
        for caption in captions:
            tokens = tokenize(caption)
            total += len(tokens)
            known += sum(token in self._forms for token in tokens)
        return 1 - known / total if total else 0.0

    def unknown_words(self, text: str) -> list[str]:
        """The words of a text that this vocabulary does not hold, in their order; punctuation is no word."""
        words = (token for token in tokenize(text) if any(letter.isalnum() for letter in token))
        return list(dict.fromkeys(word for word in words if word not in self))

    def write(self, path: str | Path) -> None:
        """Write the field's JSON: `word2idx`, `idx2word` (string keys) and `idx`, the count."""
        content = {
            "idx2word": {str(i): word for i, word in enumerate(self.words)},
            "word2idx": self.index,
            "idx": len(self),
        }
        write_text(Path(path), json.dumps(content, ensure_ascii=False))

    @classmethod
    def read(cls, path: str | Path) -> Vocabulary:
        """Read the field's JSON.

        Raises:
            InputError: if the file is not such a vocabulary, or its two tables disagree.
        """
        remedy = "Use the vocabulary file that came with the features, or `vslnb import` to make one."
        content = read_json(path, remedy, ("idx2word", "word2idx", "idx"))
        table, back, count = content["idx2word"], content["word2idx"], content["idx"]
        if not (isinstance(table, dict) and isinstance(back, dict) and count == len(table)):
            problem = "word2idx and idx2word must be mappings of idx words"
            raise InputError(path, problem, remedy)
        words: list[str] = []
        for i in range(len(table)):
            word = table.get(str(i))
            if not isinstance(word, str) or back.get(word) != i:
                raise InputError(f"{path}, index {i}", f"idx2word says {word!r}, word2idx disagrees", remedy)
            words.append(word)
        if words[:1] != [PAD] or any(special not in back for special in SPECIAL):
            raise InputError(
                path, f"{PAD} must be word 0 and {', '.join(SPECIAL[1:])} must be present", remedy
            )
        return cls(words)
