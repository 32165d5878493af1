"""How a long session is cut for a model that reads a little at a time: windows of whole turns, nothing left out.

A measured window size decides, not the model's context: reading slows down with depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.domain import preprocess
from orchestrator.domain.transcript import sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orchestrator.domain.turns import Transcript, Turn

DEFAULT_BUDGET = 1200  # prompt tokens: about where reading a second window starts to be cheaper than reading on
INSTRUCTION_TOKENS = 320  # what the prompt says besides the dialogue, with the chat template
TOKENS_PER_CHAR = 0.26  # English speech in SmolLM2's vocabulary, with labels; other scripts: count and pass it in

Piece = tuple["Turn", int, int]
"""A turn and the offsets of the part of it that is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of a session that fits one prompt. ``number`` counts from 1."""

    number: int
    pieces: tuple[Piece, ...]


def plan(
    transcript: Transcript,
    budget_tokens: int = DEFAULT_BUDGET,
    tokens_per_char: float = TOKENS_PER_CHAR,
    instruction_tokens: int = INSTRUCTION_TOKENS,
) -> tuple[Window, ...]:
    """Windows that together hold everything said, in order, each within ``budget_tokens`` prompt tokens.

    Raises ``ValueError`` where the budget leaves no room for at least 40 tokens of dialogue.
    """
    room = budget_tokens - instruction_tokens
    if room < 40:
        msg = f"a window of {budget_tokens} tokens leaves {room} for the dialogue; at least 40 are needed"
        raise ValueError(msg)
    room_chars = int(room / tokens_per_char)
    groups: list[list[Piece]] = []
    left = 0
    for piece in _pieces(transcript, room_chars):
        cost = _cost(piece)
        if cost > left:
            groups.append([])
            left = room_chars
        groups[-1].append(piece)
        left -= cost
    return tuple(Window(number=number, pieces=_joined(group)) for number, group in enumerate(groups, 1))


def coverage(transcript: Transcript, shown: Iterable[Window]) -> float:
    """The share of what was said, in code points other than white space, that the windows show: 0 to 1."""
    said = sum(_letters(transcript.said(turn)) for turn in transcript.turns)
    seen = sum(_letters(transcript.text[start:end]) for window in shown for _, start, end in window.pieces)
    return min(1.0, seen / said) if said else 1.0


def _letters(text: str) -> int:
    return sum(map(len, text.split()))


def _cost(piece: Piece) -> int:
    turn, start, end = piece
    return len(preprocess.line_label(turn)) + (end - start) + 1


def _pieces(transcript: Transcript, room: int) -> Iterator[Piece]:
    """Whole turns where they fit, else runs of sentences, else what fits of a sentence."""
    for turn in transcript.turns:
        whole = (turn, turn.said_start, turn.said_end)
        if turn.said_start == turn.said_end:
            continue
        if _cost(whole) <= room:
            yield whole
            continue
        width = max(1, room - _cost((turn, 0, 0)))
        for sentence in sentences(transcript, turn):
            for start in range(sentence.start, sentence.end, width):
                yield turn, start, min(start + width, sentence.end)


def _joined(group: list[Piece]) -> tuple[Piece, ...]:
    """Sentences of one turn put together again, so that its label stands once."""
    joined: list[Piece] = []
    for turn, start, end in group:
        if joined and joined[-1][0].number == turn.number:
            joined[-1] = (turn, joined[-1][1], end)
        else:
            joined.append((turn, start, end))
    return tuple(joined)
