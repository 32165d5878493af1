"""Where sentences end, in the punctuation of many scripts; bounded in length, so that a run-on recording is still in pieces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SENTENCE = 400  # code points; about 100 tokens, which keeps a piece well inside the encoder's 256
_NEWLINES = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_END = re.compile(rf"(?:[.!?…]{{1,8}}[\"'”’»)\]]{{0,3}}(?=\s|\Z)|[。！？।॥؟]{{1,8}}[”’」』»)]{{0,3}}|[{_NEWLINES}])")
_ABBREVIATION = re.compile(r"(?:\A|[\s(\[\"“])(?:dr|mr|mrs|ms|prof|st|vs|approx|e\.g|i\.e|[a-z])\.\Z", re.IGNORECASE)
_MAY_GO_ON = re.compile(r"(?:\.\.|…|\betc\.|\b[ap]\.m\.)[\"'”’)]{0,3}\Z", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


def breaks(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences of ``text[start:end]`` as ``(start, end)`` offsets into ``text``, without outer white space."""
    begin = start
    for match in _END.finditer(text, start, end):
        if match.end() < end and _goes_on(text, match, end):
            continue
        yield from _pieces(text, begin, match.end())
        begin = match.end()
    yield from _pieces(text, begin, end)


def _goes_on(text: str, match: re.Match[str], end: int) -> bool:
    before = text[max(0, match.end() - 12) : match.end()]
    if _ABBREVIATION.search(before) and not before.endswith(" I."):
        return True
    after = text[match.end() : min(end, match.end() + 8)].lstrip()
    return bool(after[:1].islower() and _MAY_GO_ON.search(before))


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = end if end - start <= MAX_SENTENCE else _last_space(text, start, start + MAX_SENTENCE)
        first, last = trimmed(text, start, stop)
        if first < last:
            yield first, last
        start = stop


def _last_space(text: str, start: int, end: int) -> int:
    """Where to cut inside a run-on sentence: behind the last white space of its second half, else hard."""
    for i in range(end - 1, start + MAX_SENTENCE // 2, -1):
        if text[i].isspace():
            return i + 1
    return end


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """``[start, end)`` without outer white space; empty at ``end`` where there is nothing else."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
