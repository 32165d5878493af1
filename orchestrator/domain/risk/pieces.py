"""What the encoder is shown: each turn of a client in pieces, with the end of what was said before and the start of what follows.

Indirect speech is understood from the question before it and from how the other takes it up, so both stand around the piece. A piece
is at most 512 characters, and so at most 512 tokens in any script, which is all the encoder takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.domain.risk import answers
from orchestrator.domain.transcript import Speaker, fold, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.domain.transcript import Span, Transcript, Turn

BEFORE, SAID, AFTER = 88, 360, 56  # characters
BREAK = " > "


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some sentences of one turn, and the text that stands for them."""

    text: str
    spans: tuple[Span, ...]
    before: str
    after: str

    def sentence(self, span: Span) -> str:
        """The text that stands for one sentence of the piece."""
        return BREAK.join((self.before, span.quote[:SAID], self.after))


def cut(transcript: Transcript) -> tuple[Piece, ...]:
    """The pieces of a transcript, in order: all turns but the therapist's, and of theirs those that speak of oneself."""
    folded = fold(transcript.text)
    return tuple(piece for turn in transcript.turns if _counts(folded, turn) for piece in _of(transcript, turn))


def _counts(folded: str, turn: Turn) -> bool:
    """A label may be wrong: what a therapist says of themselves is looked at as if a client had said it."""
    said = (turn.said_start, turn.said_end)
    return said[0] < said[1] and (turn.speaker is not Speaker.THERAPIST or answers.speaks_of_oneself(folded, said))


def _of(transcript: Transcript, turn: Turn) -> Iterator[Piece]:
    groups = list(_grouped(sentences(transcript, turn)))
    before = _said(transcript, turn.number - 1)[-BEFORE:]
    after = _said(transcript, turn.number + 1)[:AFTER]
    for number, spans in enumerate(groups):
        head = before if number == 0 else groups[number - 1][-1].quote[-BEFORE:]
        tail = after if number == len(groups) - 1 else groups[number + 1][0].quote[:AFTER]
        said = transcript.text[spans[0].start : spans[-1].end][:SAID]
        yield Piece(text=BREAK.join((head, said, tail)), spans=spans, before=head, after=tail)


def _grouped(spans: list[Span]) -> Iterator[tuple[Span, ...]]:
    """Sentences one after the other, as many as fit; one that is too long stands alone."""
    group: list[Span] = []
    for span in spans:
        if group and span.end - group[0].start > SAID:
            yield tuple(group)
            group = []
        group.append(span)
    if group:
        yield tuple(group)


def _said(transcript: Transcript, number: int) -> str:
    return transcript.said(transcript.turns[number - 1]) if 1 <= number <= len(transcript.turns) else ""
