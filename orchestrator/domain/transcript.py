"""What was said: a transcript as turns with exact offsets into the stored text.

``parse`` accepts whatever a session leaves behind: role labels, names, time stamps, labels in mid-line, swapped labels or none. It
never fails, and never loses a character: the spans of the turns, joined, are the text.
"""

from __future__ import annotations

import re

from orchestrator.domain import labels, punctuation, speakers
from orchestrator.domain.turns import Span, Speaker, Transcript, Turn

__all__ = ["Span", "Speaker", "Transcript", "Turn", "fold", "parse", "sentences", "words"]

_LETTER = r"(?:[^\W_]|[\u0300-\u036f\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e])"  # with vowel signs, which \w leaves out
_WORD = re.compile(rf"{_LETTER}+(?:['-]{_LETTER}+)*")
_FOLDED = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "ʼ": "'",
        "＇": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "‐": "-",
        "‑": "-",
        "–": "-",
    }
)


def parse(text: str) -> Transcript:
    """Cut a stored text into turns. Never raises; linear time; offsets are code points of ``text`` itself."""
    found = list(labels.find(text) or labels.lines(text))
    if not found or text[: found[0].start].strip():
        found.insert(0, labels.Label(0, 0, ""))
    elif found[0].start:
        found[0] = labels.Label(0, found[0].end, found[0].name)
    ends = [label.start for label in found[1:]] + [len(text)]
    said = [punctuation.trimmed(text, label.end, end) for label, end in zip(found, ends, strict=True)]
    who = speakers.assign([label.name for label in found], [text[start:end] for start, end in said])
    return Transcript(text, tuple(_turns(found, ends, said, who)) if text else ())


def _turns(found: list[labels.Label], ends: list[int], said: list[tuple[int, int]], who: list[Speaker]) -> list[Turn]:
    return [
        Turn(
            number=number,
            speaker=speaker,
            label=label.name,
            start=label.start,
            end=end,
            said_start=said_start,
            said_end=said_end,
        )
        for number, (label, end, (said_start, said_end), speaker) in enumerate(
            zip(found, ends, said, who, strict=True), 1
        )
    ]


def sentences(transcript: Transcript, turn: Turn) -> list[Span]:
    """The sentences said in ``turn``, in order, without outer white space; none longer than ``punctuation.MAX_SENTENCE``."""
    cuts = punctuation.breaks(transcript.text, turn.said_start, turn.said_end)
    return [transcript.span(turn, start, end) for start, end in cuts]


def fold(text: str) -> str:
    """``text`` in lower case with straight quotes and hyphens: same length, so that offsets stay true."""
    straight = text.translate(_FOLDED)
    lower = straight.lower()
    if len(lower) == len(text):
        return lower
    return "".join(low if len(low := char.lower()) == 1 else char for char in straight)  # "İ" becomes two code points


def words(text: str) -> list[str]:
    """The words of ``text``, folded: letters and digits, with apostrophes and hyphens inside."""
    return _WORD.findall(fold(text))
