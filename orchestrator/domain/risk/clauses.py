"""Clauses: how far a trigger acts. "I don't want to be here, I want to kill myself" has two, and only the first is negated.

A clause ends at a semicolon, a colon, a dash, a bracket or an ellipsis, at a comma before a new subject, and before the
words that turn a sentence ("but", "though", "because", "and I"...), which ``context.toml`` lists as boundaries.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PUNCTUATION = re.compile(
    r"[;:()\[\]…—]|\.\.+|\s[-–]{1,3}\s"
    r"|,(?=\s+(?:i|i'[a-z]+|he|she|they|we|it|you|my|there|sometimes|just|only|not|but|though|though)\b)"
    r"|[.!?](?=\s)"
)


def cuts(folded: str, start: int, end: int, boundaries: Iterable[int]) -> list[int]:
    """Where the clauses of ``folded[start:end]`` begin and end: sorted offsets, ``start`` first and ``end`` last.

    ``boundaries`` are the offsets of the boundary words in it.
    """
    marks = {match.end() for match in _PUNCTUATION.finditer(folded, start, end)}
    return sorted({start, end, *marks, *boundaries})


def around(offsets: list[int], position: int) -> tuple[int, int]:
    """The clause that holds ``position``: of sorted ``offsets``, the two it lies between."""
    begin = max((offset for offset in offsets if offset <= position), default=offsets[0])
    stop = min((offset for offset in offsets if offset > position), default=offsets[-1])
    return begin, stop
