"""Questions and what the next turn makes of them: "No" denies what the question before it asked.

A question is a finding only through its answer. A therapist's question that nobody answers says nothing about the client.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from orchestrator.domain.risk import vocabulary

if TYPE_CHECKING:
    from orchestrator.domain.risk.context import Region

_NO_WORD = re.compile(r"[^\w]*")
_NEXT_SENTENCE = re.compile(r"[.!?…]+\s")
_ANSWERING_SENTENCES = 4
_SECOND_PERSON = re.compile(r"\byou(?:r|rself|'ve|'re|'d|'ll)?\b")
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|me|my|myself)\b")


class Answer(StrEnum):
    """What a turn answers to the question before it."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


_VERDICTS = {"answer_no": Answer.NO, "answer_yes": Answer.YES}


def answer(folded: str, said: Region) -> Answer:
    """How ``said``, the turn after a question, answers it: by how its first sentences begin. Evasion is UNCLEAR."""
    starts = [said[0], *(match.end() for match in _NEXT_SENTENCE.finditer(folded, *said))]
    for start in starts[:_ANSWERING_SENTENCES]:
        verdict = _opening(folded, start, said[1])
        if verdict is not Answer.UNCLEAR and (start == said[0] or verdict is Answer.NO):
            return verdict
    return Answer.UNCLEAR


def _opening(folded: str, start: int, end: int) -> Answer:
    begins = _NO_WORD.match(folded, start, end)
    first = begins.end() if begins else start
    found = [m for m in vocabulary.answers().find(folded, first, min(end, first + 80)) if m.start == first]
    longest = max(found, key=lambda m: (m.end, m.meaning == "answer_yes"), default=None)
    return _VERDICTS.get(longest.meaning, Answer.UNCLEAR) if longest else Answer.UNCLEAR


def is_question(folded: str, sentence: Region) -> bool:
    """Whether a sentence ends with a question mark."""
    return folded[slice(*sentence)].rstrip("\"')] ").endswith("?")


def speaks_of_oneself(folded: str, sentence: Region) -> bool:
    """Whether a sentence says "I" and not "you": then it is a disclosure, whatever label it stands under."""
    said = folded[slice(*sentence)]
    return bool(_FIRST_PERSON.search(said)) and not _SECOND_PERSON.search(said)


def about_the_past(folded: str, question: Region) -> bool:
    """Whether a question asks what has been ("have you ever", "in your teens") rather than what is."""
    return any(match.meaning == "question_of_the_past" for match in vocabulary.answers().find(folded, *question))
