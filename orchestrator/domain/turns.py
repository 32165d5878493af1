"""The types of a transcript: turns and spans with exact offsets into the stored text; ``transcript`` makes them.

Offsets count Unicode code points, as Python's ``str`` does. A stored transcript is never changed, so an offset stays
true for as long as the revision it points into exists.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum


class Speaker(StrEnum):
    """Who speaks in a turn. UNKNOWN where the transcript does not tell."""

    THERAPIST = "therapist"
    CLIENT = "client"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One stretch of speech by one speaker.

    ``text[start:end]`` is the whole turn with its label and the white space behind it: the spans of all turns, joined,
    rebuild the transcript. ``text[said_start:said_end]`` is what was said, without label or outer white space.
    """

    number: int  # from 1
    speaker: Speaker
    label: str  # as written, "" where there was none
    start: int
    end: int
    said_start: int
    said_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of the transcript: ``transcript.text[start:end] == quote``, always."""

    start: int
    end: int
    quote: str
    turn: int  # the number of the turn that holds it
    speaker: Speaker


@dataclass(frozen=True, slots=True)
class Transcript:
    """A stored text and its turns, in order, without gaps."""

    text: str
    turns: tuple[Turn, ...]

    def said(self, turn: Turn) -> str:
        """What was said in ``turn``, label and outer white space left out."""
        return self.text[turn.said_start : turn.said_end]

    def turn_at(self, offset: int) -> Turn:
        """The turn that holds the code point at ``offset``. Raises ``IndexError`` outside the text."""
        if not 0 <= offset < len(self.text):
            raise IndexError(offset)
        return self.turns[bisect_right(self.turns, offset, key=lambda turn: turn.start) - 1]

    def span(self, turn: Turn, start: int, end: int) -> Span:
        """The span of ``[start, end)``, offsets into the whole text, inside ``turn``."""
        return Span(start=start, end=end, quote=self.text[start:end], turn=turn.number, speaker=turn.speaker)
