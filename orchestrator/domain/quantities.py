"""Numbers and durations as they are said and as they are written: "a fortnight", "two weeks" and "14 days" are the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
_SMALL = {word: float(value) for value, word in enumerate(_UNITS.split())}
_SMALL |= {word: float(value) for value, word in enumerate(_ORDINALS.split()) if value > 3}
_TENS = {
    word: float(10 * value)
    for value, words in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
    for word in (words, words[:-1] + "ies", words[:-1] + "ieth")
}
_SCALES = {"hundred": 100.0, "thousand": 1000.0, "million": 1_000_000.0}
_VAGUE = {"couple": 2.0, "dozen": 12.0, "half": 0.5, "both": 2.0, "twins": 2.0, "decade": 10.0, "decades": 10.0}
_TIMES = {"once": 1.0, "twice": 2.0, "thrice": 3.0}
_MEASURES = {
    "minute": ("minute", 1.0), "min": ("minute", 1.0), "mins": ("minute", 1.0), "hour": ("minute", 60.0), "hr": ("minute", 60.0),
    "hrs": ("minute", 60.0), "day": ("day", 1.0), "night": ("day", 1.0), "evening": ("day", 1.0), "morning": ("day", 1.0),
    "week": ("day", 7.0), "fortnight": ("day", 14.0), "month": ("month", 1.0), "year": ("month", 12.0), "yr": ("month", 12.0),
    "yrs": ("month", 12.0), "time": ("time", 1.0), "mg": ("mg", 1.0), "milligram": ("mg", 1.0), "percent": ("%", 1.0), "%": ("%", 1.0),
}  # fmt: skip
_TOKEN = re.compile(r"\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?|[a-z]+|%")
_DURATION_ALONE = re.compile(
    r"(?<!times )(?<!once )(?<!twice )\b(?:a|an) (minute|hour|day|week|fortnight|month|year)\b|\b(fortnight)"
)


WORDS = frozenset({*_SMALL, *_TENS, *_SCALES, *_VAGUE, *_TIMES, *_MEASURES, *(f"{word}s" for word in _MEASURES)})
"""Words of which quantities are made."""


class Quantity(NamedTuple):
    """A number with what it measures: minutes, days, months, times, mg, % or "" for a bare number."""

    value: float
    unit: str


def find(folded: str) -> list[Quantity]:
    """The quantities of folded text. "One" counts only in front of a measure: alone it is mostly no number."""
    tokens = [(match[0], match.end()) for match in _TOKEN.finditer(folded)]
    return [*_counted(tokens), *_single(folded)]


def said(wanted: Quantity, heard: frozenset[Quantity]) -> bool:
    """Whether ``wanted`` is among ``heard``: the same value in the same unit, or where one of the two has no unit."""
    if wanted in heard or any(quantity.value == wanted.value and not quantity.unit for quantity in heard):
        return True
    return not wanted.unit and any(wanted.value in _spoken(quantity) for quantity in heard)


def _spoken(quantity: Quantity) -> set[float]:
    """The numbers in which a quantity may have been said: 14 days also as 2 weeks."""
    return {quantity.value / factor for unit, factor in _MEASURES.values() if unit == quantity.unit} | {quantity.value}


def _counted(tokens: list[tuple[str, int]]) -> Iterator[Quantity]:
    words = [word for word, _ in tokens]
    at = 0
    while at < len(words):
        value, after = _number(words, at)
        if value is None:
            at += 1
            continue
        unit, factor, after = _measure(words, after)
        if not (words[at] == "one" and not unit):
            yield Quantity(value * factor, unit)
        at = after


def _number(words: list[str], at: int) -> tuple[float | None, int]:
    """The number that begins at ``at`` and where it ends; None where there is none."""
    word = words[at]
    if word[0].isdigit():
        return float(word.replace(",", "")), at + 1
    if word in _TIMES or word in _VAGUE:
        return (_TIMES | _VAGUE)[word], at + 1
    total: float | None = None
    while at < len(words) and (value := _plain(words[at])) is not None:
        if words[at] in _SCALES:
            total = (total or 1.0) * value
        elif total is None or total % 100 == 0 or (total >= 20 and total % 10 == 0 and value < 10):
            total = (total or 0.0) + value
        else:
            break
        at += (
            2
            if total >= 100
            and words[at + 1 : at + 2] == ["and"]
            and _plain(" ".join(words[at + 2 : at + 3])) is not None
            else 1
        )
    return total, at


def _plain(word: str) -> float | None:
    return _SMALL.get(word, _TENS.get(word, _SCALES.get(word)))


def _measure(words: list[str], at: int) -> tuple[str, float, int]:
    """The unit behind a number, "of", "more" and "-old" skipped."""
    look = at
    while look < len(words) and look < at + 2 and words[look] in {"of", "more", "full", "whole", "good", "long"}:
        look += 1
    word = words[look] if look < len(words) else ""
    measure = _MEASURES.get(word) or _MEASURES.get(word.removesuffix("s"))
    if measure is None:
        return "", 1.0, at
    if words[look + 1 : look + 2] == ["old"]:
        return "", 1.0, look + 2  # an age is said with or without "years old"
    return measure[0], measure[1], look + 1


def _single(folded: str) -> Iterator[Quantity]:
    for match in _DURATION_ALONE.finditer(folded):
        unit, factor = _MEASURES[match[1] or match[2]]
        yield Quantity(factor, unit)
