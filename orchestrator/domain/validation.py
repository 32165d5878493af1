"""What a draft must be: English, in the third person, said once, within bounds; and how it is brought there without inventing."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.domain import markers, punctuation
from orchestrator.domain.completion import Draft, Problem
from orchestrator.domain.transcript import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.domain.note import SectionName, Sentence

normalize = markers.normalize


class Bounds(NamedTuple):
    """The fewest and the most words of a note; headings and markers do not count."""

    least: int
    most: int


SHORT = Bounds(30, 70)
LONG = Bounds(30, 150)
SECTION_WORDS = 60  # a section beyond this is no section of a note of 150

_SHINGLE = 6
_LOOP_TIMES = 3
_LABELLED = re.compile(
    r"(?:\A|[.!?\n\"]\s*)(?:Therapist|Client|Patient|Counsell?or|Doctor|Dr|T|C)\s?:\s", re.IGNORECASE
)
_QUOTED = re.compile(r"[\"“”«»„][^\"“”«»„]{0,400}[\"“”«»„]")
_FIRST_PERSON = re.compile(r"\b(?:I(?:'|’)?(?:m|ve|d|ll)?|my|myself)\b")
_LITTLE_WORDS = frozenset(
    "a an and are as at be been but by for from had has have her his in into is it its not of on or she he so than that the their them "
    "they this to was were when which who will with about after before during no said says".split()
)


def word_count(text: str) -> int:
    """The words of ``text`` as a reader counts them: between white space, with at least a letter or digit, markers aside."""
    return sum(any(char.isalnum() for char in word) for word in markers.strip(text).split())


def count(sections: Mapping[SectionName, Sequence[Sentence]]) -> int:
    """The words of all sentences of a note."""
    return sum(word_count(sentence.text) for sentences in sections.values() for sentence in sentences)


def bounds(*, long: bool, risk: bool) -> Bounds:
    """30 to 70 words; up to 150 where the session is long or has risk."""
    return LONG if long or risk else SHORT


def check(draft: Draft, instructions: str = "") -> Draft:
    """``draft`` with loops and repetitions taken out and the problems of its words added. ``instructions``: the prompt's own words."""
    sections, problems = _without_repetition(draft.sections)
    prompt = set(_shingles(words(instructions)))
    for name, text in sections.items():
        problems += [Problem(name, slug) for slug in _slugs(text, prompt)]
    return replace(draft, sections=sections, problems=(*draft.problems, *problems))


def _slugs(text: str, prompt: set[tuple[str, ...]]) -> list[str]:
    folded = words(text)
    checks = {
        "loop": _loops(folded),
        "leaked-prompt": any(shingle in prompt for shingle in _shingles(folded)),
        "dialogue": bool(_LABELLED.search(text)),
        "first-person": bool(_FIRST_PERSON.search(_QUOTED.sub(" ", text))),
        "foreign": _foreign(text, folded),
        "too-long": len(folded) > SECTION_WORDS,
    }
    return [slug for slug, holds in checks.items() if holds]


def split(text: str) -> list[str]:
    """The sentences of a note's section."""
    return [text[start:end] for start, end in punctuation.breaks(text, 0, len(text))]


def _without_repetition(sections: Mapping[SectionName, str]) -> tuple[dict[SectionName, str], list[Problem]]:
    """Each sentence once: again in its own section it is dropped, again in a later one it is a problem of that one."""
    seen: dict[tuple[str, ...], SectionName] = {}
    kept: dict[SectionName, str] = {}
    problems: list[Problem] = []
    for name, text in sections.items():
        fresh = []
        for sentence in split(text):
            key = tuple(words(sentence))
            if key not in seen or len(key) <= 3:  # "Not discussed." may stand in every section
                fresh.append(sentence)
            elif seen[key] is not name:
                problems.append(Problem(name, "repeated"))
            seen.setdefault(key, name)
        kept[name] = " ".join(dict.fromkeys(fresh))
    return kept, problems


def _shingles(folded: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return zip(*(folded[i:] for i in range(_SHINGLE)), strict=False)


def _loops(folded: Sequence[str]) -> bool:
    runs = max(Counter(zip(folded, folded[1:], folded[2:], strict=False)).values(), default=0)
    same = any(len({*folded[i : i + 4]}) == 1 for i in range(len(folded) - 3))
    return runs >= _LOOP_TIMES or same


def _foreign(text: str, folded: Sequence[str]) -> bool:
    """Mostly other letters than Latin, or eight words and none of the little ones that no English goes without."""
    letters = [char for char in text if char.isalpha()]
    other = sum(not unicodedata.name(char, "").startswith("LATIN") for char in letters)
    if letters and other > 0.2 * len(letters):
        return True
    return len(folded) >= 8 and not _LITTLE_WORDS & set(folded)
