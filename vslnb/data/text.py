"""One form for every text: equal words are equal letters, whoever typed them and on whatever machine."""

from __future__ import annotations

import re
import unicodedata

# What looks like an apostrophe or a quotation mark, and what nobody sees.
MARKS = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "‛": "'", "＇": "'", "´": "'", "“": '"', "”": '"', "„": '"', "‟": '"'})  # fmt: skip
UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")

# Scripts without blanks between words: Thai, Lao, Myanmar, Khmer; kana, Han, their marks and wide forms.
LETTERS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3001-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
# A sign that belongs to the letter before it, such as a vowel above a Thai consonant.
ATTACHED = (
    "\u0e31\u0e33-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
)
CHARACTER = f"[{LETTERS}][{ATTACHED}]*"
_UNSPACED = re.compile(CHARACTER)
_WORD = re.compile(rf"{CHARACTER}|[^\s{LETTERS}]+")
_LETTER = re.compile(f"[{LETTERS}]")


def composed(text: str) -> str:
    """Composed letters (NFC), without characters that nobody sees.

    >>> composed("cafe\\u0301") == "caf\\u00e9"
    True
    """
    return text if text.isascii() else UNSEEN.sub("", unicodedata.normalize("NFC", text))


def normalised(text: str) -> str:
    """The form in which words are compared: composed, with straight apostrophes and quotation marks.

    >>> normalised("doesn\\u2019t")
    "doesn't"
    """
    return text if text.isascii() else composed(text).translate(MARKS)


def spaced(text: str) -> str:
    """Text with blanks around each character of a script that writes none, so that it has words.

    >>> " ".join(spaced("两只狗 and a cat").split())
    '两 只 狗 and a cat'
    """
    return text if text.isascii() else _UNSPACED.sub(r" \g<0> ", text)


def writes_without_blanks(text: str) -> bool:
    """Whether more than half of the letters are of a script without blanks between words."""
    letters = sum(not character.isspace() for character in text)
    return not text.isascii() and 2 * len(_LETTER.findall(text)) > letters


def cut(text: str, words: int) -> str:
    """The first words of a text; characters count as words where a script writes no blanks.

    >>> cut("a dog in the snow", 3)
    'a dog in'
    """
    if len(text) <= words:
        return text
    for number, match in enumerate(_WORD.finditer(text), start=1):
        if number == words:
            return text[: match.end()]
    return text
