"""Opening and changing sessions; a note that comes along goes through ``edit_note`` like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.service import edit_note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.domain.records import NewSession, Session
    from orchestrator.domain.stores import Stores

NEVER_NONE = ("language", "is_completed")


async def open_session(new: NewSession, note: str | None, *, therapist_id: int, stores: Stores) -> Session:
    """Open a session, with a note if there is one already."""
    session = await stores.sessions.add(new, therapist_id=therapist_id)
    return await _with_note(session, note, therapist_id=therapist_id, stores=stores)


async def change(
    session: int, fields: Mapping[str, object], note: str | None, *, therapist_id: int, stores: Stores
) -> Session:
    """Change the named fields and the note. A note of None was not sent and stays."""
    kept = {name: value for name, value in fields.items() if value is not None or name not in NEVER_NONE}
    changed = await stores.sessions.update(session, kept, therapist_id=therapist_id)
    return await _with_note(changed, note, therapist_id=therapist_id, stores=stores)


async def _with_note(session: Session, note: str | None, *, therapist_id: int, stores: Stores) -> Session:
    if note is None:
        return session
    return await edit_note.edit(
        session.id, note, therapist_id=therapist_id, sessions=stores.sessions, notes=stores.notes
    )
