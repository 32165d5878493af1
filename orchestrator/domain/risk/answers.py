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

_OPENING = re.compile(r"[^\w]*")
_SECOND_PERSON = re.compile(r"\byou(?:r|rself|'ve|'re|'d|'ll)?\b")
_ASKING = re.compile(
    r"(?:so|and|or|but|well|okay|ok|right)?,?\s*"
    r"(?:any|are|do|did|have|has|had|is|was|were|ever|can|could|would|will|does|no|what about|how about)\b"
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|me|my|myself)\b")


class Answer(StrEnum):
    """What a turn answers to the question before it."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


def answer(folded: str, said: Region) -> Answer:
    """How ``said``, the turn after a question, answers it: by how it begins. Silence and evasion are UNCLEAR."""
    opening = _OPENING.match(folded, *said)
    start = opening.end() if opening else said[0]
    found = [match for match in vocabulary.answers().find(folded, start, min(said[1], start + 80)) if match.start == start]
    if not found:
        return Answer.UNCLEAR
    longest = max(found, key=lambda match: (match.end, match.meaning == "answer_yes"))
    return {"answer_no": Answer.NO, "answer_yes": Answer.YES}.get(longest.meaning, Answer.UNCLEAR)


def asks(folded: str, sentence: Region) -> bool:
    """Whether a sentence puts something to the other: a question, or a remark about "you"."""
    said = folded[slice(*sentence)].strip()
    return said.rstrip("\"')” ").endswith("?") or bool(_SECOND_PERSON.search(said) or _ASKING.match(said))


def speaks_of_oneself(folded: str, sentence: Region) -> bool:
    """Whether a sentence says "I" and not "you": then it is a disclosure, whatever label it stands under."""
    said = folded[slice(*sentence)]
    return bool(_FIRST_PERSON.search(said)) and not _SECOND_PERSON.search(said)


def about_the_past(folded: str, question: Region) -> bool:
    """Whether a question asks what has been ("have you ever", "in your teens") rather than what is."""
    return any(match.meaning == "question_of_the_past" for match in vocabulary.answers().find(folded, *question))
