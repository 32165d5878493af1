"""The ``{{RED:text}}`` marker: every spelling that is accepted, the one that is written, and every keyword that must carry it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Range = tuple[int, int]

_OPEN = r"\{\{\s{0,3}RED\s{0,3}(?::|\}\})"
_CLOSE_PAIR = r"\{\{\s{0,3}/\s{0,3}REDC?\s{0,3}\}\}"
_TAG = re.compile(rf"(?P<open>{_OPEN})|(?P<close>{_CLOSE_PAIR})|(?P<end>\}}\}})", re.IGNORECASE)
_MARKER = re.compile(rf"{_OPEN}|{_CLOSE_PAIR}", re.IGNORECASE)
_ROUND = str.maketrans("{}", "()")
_GAP = "[ \t\xa0\\-‐‑‒–]"
_KEYWORD = re.compile(
    rf"\b(?:suicid\w*|self{_GAP}{{0,3}}harm\w*|kill\w*|hurt(?:s|ing)?{_GAP}{{1,3}}(?:my|your|him|her|it|one|our|them)\s?sel(?:f|ves)"
    r"|violen(?:ce|t|tly)\b|abus\w*|overdos\w*)",
    re.IGNORECASE,
)
_NOT_INSIDE = re.compile(r"[{}\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")


def normalize(text: str) -> str:
    """``text`` with every accepted marker written ``{{RED:text}}``: no line break, brace or marker inside, no loose halves."""
    plain, marked = split(text)
    return _write(plain, marked)


def mark(text: str, terms: Iterable[str] = ()) -> str:
    """``text`` with every risk keyword, and every one of ``terms``, inside a marker. Idempotent; markers never nest.

    Marks that are there stay; one that covers part of a keyword grows to the whole of it.
    """
    plain, marked = split(text)
    found = [match.span() for match in _KEYWORD.finditer(plain)]
    found += [span for term in terms for span in _occurrences(plain, term)]
    return _write(plain, [*marked, *found])


def strip(text: str) -> str:
    """``text`` without markers, what was marked left in."""
    return split(text)[0]


def split(text: str) -> tuple[str, list[Range]]:
    """The text without markers, and the ranges of it that were marked."""
    parts: list[str] = []
    marked: list[Range] = []
    opened: tuple[int, bool] | None = None  # where the mark began, and whether "}}" ends it
    at = length = 0
    for tag in _TAG.finditer(text):
        parts.append(text[at : tag.start()])
        length += tag.start() - at
        at = tag.end()
        if tag["open"]:
            opened = opened or (length, tag["open"].endswith(":"))
        elif opened and (tag["close"] or opened[1]):
            marked.append((opened[0], length))
            opened = None
        elif tag["end"]:  # braces that belong to no marker
            parts.append(tag["end"])
            length += len(tag["end"])
    plain = "".join([*parts, text[at:]])
    if _MARKER.search(plain):  # halves that met when a marker between them was taken out
        plain = plain.translate(_ROUND)
    return plain, marked


def _occurrences(text: str, term: str) -> Iterator[Range]:
    words = term.split()
    if words:
        pattern = r"\s+".join(re.escape(word) for word in words)
        yield from (match.span() for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE))


def _write(text: str, ranges: list[Range]) -> str:
    parts, at = [], 0
    for start, end in _united(text, ranges):
        parts += [text[at:start], "{{RED:", text[start:end], "}}"]
        at = end
    return "".join([*parts, text[at:]])


def _united(text: str, ranges: list[Range]) -> list[Range]:
    """The ranges in order, those that overlap made one, cut where a marker may not reach, without outer white space."""
    united: list[Range] = []
    for start, end in sorted(ranges):
        if united and start < united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return [cut for start, end in united for cut in _allowed(text, start, end)]


def _allowed(text: str, start: int, end: int) -> Iterator[Range]:
    at = start
    for stop in [*_NOT_INSIDE.finditer(text, start, end), None]:
        piece = text[at : stop.start() if stop else end]
        left = at + len(piece) - len(piece.lstrip())
        if piece.strip():
            yield left, left + len(piece.strip())
        at = stop.end() if stop else end
