"""Formulas as MathML, which a browser shows without a script and without a network."""

from __future__ import annotations

import re

from latex2mathml.converter import convert

TAG = re.compile(r"(?:\\q?quad\s*)?\\tag\{([^}]*)\}")


def displayed(latex: str) -> str:
    r"""A formula on a line of its own, its number (`\tag{4}`) at the right.

    >>> displayed(r"a = b \tag{4}").partition("</math>")[2]
    '<span class="number">(4)</span></div>'
    """
    number = TAG.search(latex)
    formula = convert(TAG.sub("", latex).strip(), display="block")
    label = f'<span class="number">({number[1]})</span>' if number else ""
    return f'<div class="equation">{formula}{label}</div>'


def in_line(latex: str) -> str:
    """A formula within a sentence.

    >>> in_line("x")[-14:]
    '</mrow></math>'
    """
    return convert(latex.strip())


def with_mathml(text: str) -> str:
    r"""Markdown whose formulas, between `$` or `$$`, are MathML; code and a lone dollar stay.

    >>> with_mathml("`$x$` costs $5").count("<math")
    0
    """
    pieces = re.split(r"(```.*?```|`[^`\n]+`)", text, flags=re.S)
    return "".join(piece if k % 2 else _replaced(piece) for k, piece in enumerate(pieces))


def _replaced(text: str) -> str:
    text = re.sub(r"\$\$(.+?)\$\$", lambda m: displayed(m[1]), text, flags=re.S)
    return re.sub(r"\$([^$\n]+)\$", lambda m: in_line(m[1]), text)
