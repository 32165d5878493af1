"""What stands around a sentence of a turn, for the rules of context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.domain.risk import answers
from orchestrator.domain.risk.context import Surroundings
from orchestrator.domain.transcript import Speaker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.domain.risk.context import Region
    from orchestrator.domain.transcript import Span, Transcript, Turn


def surroundings(transcript: Transcript, folded: str, turn: Turn, spans: Sequence[Span], index: int) -> Surroundings:
    """The surroundings of ``spans[index]``, one of the sentences of ``turn``."""
    question = transcript.turns[turn.number - 2] if turn.number > 1 else None
    return Surroundings(
        folded=folded,
        sentence=region(spans, index),
        before=region(spans, index - 1),
        after=region(spans, index + 1),
        rest=(spans[index].end, said(transcript, turn.number + 2)[1] or turn.said_end),
        asked_of_the_past=question is not None
        and question.speaker is Speaker.THERAPIST
        and answers.about_the_past(folded, (question.said_start, question.said_end)),
    )


def region(spans: Sequence[Span], index: int) -> Region:
    """Where a sentence stands; empty for one that is not there."""
    return (spans[index].start, spans[index].end) if 0 <= index < len(spans) else (0, 0)


def said(transcript: Transcript, number: int) -> Region:
    """Where it stands what was said in a turn; empty behind the last one."""
    if number > len(transcript.turns):
        return 0, 0
    turn = transcript.turns[number - 1]
    return turn.said_start, turn.said_end
