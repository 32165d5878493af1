"""The versions of notes in SQL.

One row of the session says which version is current, and the lock on that row puts two writers in line: so there is never
a second current note, and no version that a slower writer could overwrite.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlmodel import col

from orchestrator.adapters.accounts import audit
from orchestrator.adapters.sessions import own_session
from orchestrator.adapters.tables import NoteVersionRow, PatientRow, SessionRow, now
from orchestrator.domain.authorship import after_edit
from orchestrator.domain.note import Origin
from orchestrator.domain.records import NewVersion, NoteVersion
from orchestrator.errors import NotesExist, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from orchestrator.adapters.database import Database


class SqlNoteStore:
    """A ``NoteStore``."""

    def __init__(self, database: Database) -> None:
        """Keep versions in ``database``."""
        self._database = database

    async def add_version(self, session: int, version: NewVersion, *, therapist_id: int) -> NoteVersion:
        """See the port."""
        return await self._database.write(lambda db: _add_version(db, session, version, therapist_id))

    async def versions(self, session: int, *, therapist_id: int) -> Sequence[NoteVersion]:
        """See the port."""
        async with self._database.read() as db:
            query = select(SessionRow).join(PatientRow, col(PatientRow.id) == col(SessionRow.patient_id))
            mine = (
                col(SessionRow.id) == session,
                col(PatientRow.therapist_id) == therapist_id,
                col(SessionRow.deleted_at).is_(None),
            )
            row = await db.scalar(query.where(*mine))
            if row is None:
                raise NotFound("There is no such session.")
            all_of_it = select(NoteVersionRow).where(col(NoteVersionRow.session_id) == session)
            rows = await db.scalars(all_of_it.order_by(col(NoteVersionRow.number).desc()))
            return [_version(version, current=row.note_number) for version in rows]


async def _add_version(db: AsyncSession, session: int, new: NewVersion, therapist_id: int) -> NoteVersion:
    owner = await own_session(db, session, therapist_id)
    current = await _numbered(db, owner)
    if current and current.rendered.strip() and not new.replace:
        raise NotesExist
    if current and new.origin is None and _same(new.rendered, current.rendered):
        return _version(current, current=current.number)
    if new.origin is None:
        new = await _edit(db, session, new, current)
    row = await _append(db, session, new, therapist_id=therapist_id, based_on=current)
    if new.origin is not Origin.FALLBACK or current is None or not current.rendered.strip():
        owner.note_number, owner.updated_at = row.number, now()
    db.add(audit(f"note.{row.origin}", therapist_id, f"session:{session}/note:{row.number}"))
    return _version(row, current=owner.note_number)


async def _numbered(db: AsyncSession, session: SessionRow) -> NoteVersionRow | None:
    here = (col(NoteVersionRow.session_id) == session.id, col(NoteVersionRow.number) == session.note_number)
    return await db.scalar(select(NoteVersionRow).where(*here))


async def _edit(db: AsyncSession, session: int, new: NewVersion, current: NoteVersionRow | None) -> NewVersion:
    """A text that stood before, put back, is the version it was then; any other is a human's edit of the current one."""
    same = (col(NoteVersionRow.session_id) == session, col(NoteVersionRow.rendered) == new.rendered)
    before = await db.scalar(select(NoteVersionRow).where(*same).order_by(col(NoteVersionRow.number).desc()).limit(1))
    # What came from a fallback and was put there by a human is a human's.
    if before and before.origin != Origin.FALLBACK:
        return replace(new, origin=Origin(before.origin), note_json=before.note_json, revision_id=before.revision_id)
    return replace(new, origin=after_edit(Origin(current.origin) if current else None))


async def _append(
    db: AsyncSession,
    session: int,
    new: NewVersion,
    *,
    therapist_id: int,
    based_on: NoteVersionRow | None,
) -> NoteVersionRow:
    last = await db.scalar(
        select(func.max(col(NoteVersionRow.number))).where(col(NoteVersionRow.session_id) == session)
    )
    row = NoteVersionRow(
        session_id=session,
        number=(last or 0) + 1,
        origin=(new.origin or Origin.HUMAN).value,
        rendered=new.rendered,
        note_json=new.note_json,
        revision_id=new.revision_id,
        author_id=therapist_id,
        based_on=based_on.number if based_on else None,
    )
    db.add(row)
    await db.flush()
    return row


def _same(text: str, other: str) -> bool:
    """Equal but for what a text field of a browser changes by itself: line ends and outer white space."""
    return _plain(text) == _plain(other)


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def _version(row: NoteVersionRow, *, current: int | None) -> NoteVersion:
    return NoteVersion(
        number=row.number,
        origin=Origin(row.origin),
        rendered=row.rendered,
        note_json=row.note_json,
        revision_id=row.revision_id,
        author_id=row.author_id,
        based_on=row.based_on,
        created_at=row.created_at,
        is_current=row.number == current,
    )
