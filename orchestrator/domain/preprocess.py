"""From a stored transcript to the dialogue that a model reads: white space normalised, one line a turn, plain labels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.domain.turns import Speaker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.domain.turns import Transcript, Turn

_BREAK = re.compile(r"\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_BLANK = re.compile(r"[^\S\n]+|[\x00-\x08\x0e-\x1f\x7f\ufeff\u200b]+")
_AROUND_BREAK = re.compile(r"[ ]*\n[ \n]*")
_NAMES = {Speaker.THERAPIST: "Therapist", Speaker.CLIENT: "Client"}


def normalize_whitespace(text: str) -> str:
    """``text`` with single spaces, one line break between lines and no control characters. Idempotent.

    No word, label or ``{{RED:..}}`` marker changes, and the turns stay the same.
    """
    lines = _BREAK.sub("\n", text)
    while (single := _BLANK.sub(" ", lines)) != lines:
        lines = single
    return _AROUND_BREAK.sub("\n", lines).strip()


def dialogue(transcript: Transcript, pieces: Iterable[tuple[Turn, int, int]] | None = None) -> str:
    """The turns as a model reads them: ``Therapist: ...`` and ``Client: ...``, one line each, silent ones left out.

    ``pieces`` are turns with the offsets of what to show of them, as ``windows`` plans them; by default all of every turn.
    """
    shown = pieces if pieces is not None else ((turn, turn.said_start, turn.said_end) for turn in transcript.turns)
    lines = ((line_label(turn), " ".join(transcript.text[start:end].split())) for turn, start, end in shown)
    return "\n".join(f"{label}{said}" for label, said in lines if said)


def line_label(turn: Turn) -> str:
    """What stands before a turn in a dialogue: ``Therapist: ``, ``Client: ``, the label as written, or nothing."""
    name = _NAMES.get(turn.speaker) or " ".join(turn.label.split())
    return f"{name}: " if name else ""
