"""A therapist's own words: every way of writing a note by hand comes through this door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.domain.markers import normalize
from orchestrator.domain.records import NewVersion

if TYPE_CHECKING:
    from orchestrator.domain.records import Session
    from orchestrator.domain.stores import NoteStore, SessionStore


async def edit(session: int, text: str, *, therapist_id: int, sessions: SessionStore, notes: NoteStore) -> Session:
    """Keep ``text`` as the session's note; whose it is, the versions say. Equal text changes nothing."""
    before = await sessions.get(session, therapist_id=therapist_id)
    if not text.strip() and before.notes is None:
        return before
    await notes.add_version(session, NewVersion(rendered=normalize(text)), therapist_id=therapist_id)
    return await sessions.get(session, therapist_id=therapist_id)
