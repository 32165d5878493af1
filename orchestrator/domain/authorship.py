"""Who a version of a note may be said to come from: derived from the versions before it, never from what a caller claims."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.domain.note import Origin

_FROM_MODEL = frozenset({Origin.AI, Origin.AI_EDITED})


class Flags(NamedTuple):
    """What the existing frontend shows of an origin."""

    is_ai_generated: bool
    edited_from_ai: bool


def after_edit(current: Origin | None, *, edited_from_model: bool = False) -> Origin:
    """The origin of what a human makes of ``current`` (None: there was no note).

    ``edited_from_model`` is true when the stored versions, not the caller, say that the text goes back to the model.
    What was edited from a fallback is human.
    """
    if current in _FROM_MODEL or (current is Origin.HUMAN and edited_from_model):
        return Origin.AI_EDITED
    return Origin.HUMAN


def flags(origin: Origin | None) -> Flags:
    """The two members of ``notes_metadata``; a restored version keeps its origin and so its flags."""
    return Flags(is_ai_generated=origin in _FROM_MODEL, edited_from_ai=origin is Origin.AI_EDITED)
