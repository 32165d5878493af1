"""The small language of the vocabulary files, and how its phrases are found in linear time.

A phrase is words separated by blanks. ``a|b`` are alternatives, ``_`` a blank inside one, ``x?`` may be missing, ``@name`` is a
class of ``classes.toml``, ``..`` stands for up to three words, ``stem*`` for any ending, ``#`` for a number of two digits and ``####`` for a year.
Between two words of a phrase only blanks, commas, quotes and dashes may stand: a phrase never crosses the end of a sentence.

Every phrase is a bounded regular expression that is only tried where a word begins like one of its first words, so that the
time grows with the text and hardly with the vocabulary.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Meaning = TypeVar("Meaning")

_BETWEEN = r"[^\w.!?\n]{0,3}"
_GAP = rf"(?:{_BETWEEN}[\w']+){{0,3}}?"
_WORD_END = r"(?!\w|'t\b)"
_WORD_START = re.compile(r"(?<![\w'])\w[\w']{0,2}")
_NUMBERS = {"#": r"\d{1,2}(?!\w)", "####": r"(?:19|20)\d\d(?!\w)"}
_KEY = 3  # letters that decide which phrases are tried


@dataclass(frozen=True, slots=True)
class Match(Generic[Meaning]):
    """A phrase found at ``[start, end)`` of the text that was searched, and what it means."""

    start: int
    end: int
    meaning: Meaning


class PhraseBook(Generic[Meaning]):
    """Phrases with a meaning each. Raises ``KeyError`` for an unknown class, when it is made."""

    def __init__(self, phrases: Iterable[tuple[str, Meaning]], classes: Mapping[str, str]) -> None:
        """``phrases`` are written as the module says; ``classes`` are the alternatives of each ``@name``."""
        self._starting: dict[str, list[tuple[re.Pattern[str], Meaning]]] = defaultdict(list)
        for phrase, meaning in phrases:
            pattern = re.compile(_regex(phrase, classes))
            for key in sorted(_keys(phrase, classes)):
                self._starting[key].append((pattern, meaning))

    def find(self, folded: str, start: int = 0, end: int | None = None) -> Iterator[Match[Meaning]]:
        """Every phrase in ``folded[start:end]``, a text as ``transcript.fold`` makes it, in order of its start."""
        stop = len(folded) if end is None else end
        for word in _WORD_START.finditer(folded, start, stop):
            for pattern, meaning in self._candidates(word.group()):
                found = pattern.match(folded, word.start(), stop)
                if found:
                    yield Match(found.start(), found.end(), meaning)

    def _candidates(self, beginning: str) -> Iterator[tuple[re.Pattern[str], Meaning]]:
        yield from self._starting.get(beginning, ())
        whole, apostrophe, _ = beginning.partition("'")
        if apostrophe:  # "i'm" begins with the word "i" too
            yield from self._starting.get(whole, ())


def phrases(block: str) -> list[str]:
    """The phrases of a block of a vocabulary file: one a line, without blank lines."""
    return [line.strip() for line in block.splitlines() if line.strip()]


def _regex(phrase: str, classes: Mapping[str, str]) -> str:
    made = ""
    for number, element in enumerate(phrase.split()):
        if element == "..":
            made += _GAP
            continue
        body = "(?:" + "|".join(map(_alternative, _alternatives(element.removesuffix("?"), classes))) + ")"
        piece = (_BETWEEN if number else "") + body
        made += f"(?:{piece})?" if element.endswith("?") else piece
    return made


def _alternatives(element: str, classes: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    for alternative in element.split("|"):
        found += _alternatives(classes[alternative[1:]], classes) if alternative.startswith("@") else [alternative]
    return found


def _alternative(word: str) -> str:
    if word in _NUMBERS:
        return _NUMBERS[word]
    spaced = r"\s+".join(re.escape(part) for part in word.removesuffix("*").split("_"))
    return spaced + (r"[\w'-]*" if word.endswith("*") else _WORD_END)


def _keys(phrase: str, classes: Mapping[str, str]) -> set[str]:
    first = phrase.split(maxsplit=1)[0]
    return {word.removesuffix("*").split("_")[0][:_KEY] for word in _alternatives(first.removesuffix("?"), classes)}
