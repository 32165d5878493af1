"""Sessions and the revisions of their transcripts in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select
from sqlmodel import col

from orchestrator.adapters.accounts import audit
from orchestrator.adapters.patients import own_patient
from orchestrator.adapters.tables import NoteVersionRow, PatientRow, SessionRow, TranscriptRevisionRow, now
from orchestrator.domain.authorship import flags
from orchestrator.domain.note import Origin
from orchestrator.domain.records import Authorship, Session
from orchestrator.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from orchestrator.adapters.database import Database
    from orchestrator.domain.records import NewSession

COLUMNS = (
    "duration",
    "language",
    "translated_transcription",
    "translation_language",
    "diagnosis",
    "treatment_plan",
    "is_completed",
)
SAME_IN_BOTH = ("id", "patient_id", "session_date", "created_at", "updated_at", *COLUMNS)


class SqlSessionStore:
    """A ``SessionStore``."""

    def __init__(self, database: Database) -> None:
        """Keep sessions in ``database``."""
        self._database = database

    async def add(self, new: NewSession, *, therapist_id: int) -> Session:
        """See the port."""
        return await self._database.write(lambda db: _add(db, new, therapist_id))

    async def get(self, session: int, *, therapist_id: int) -> Session:
        """See the port."""
        async with self._database.read() as db:
            return await _get(db, session, therapist_id)

    async def of_patient(self, patient: int, *, therapist_id: int) -> Sequence[Session]:
        """See the port."""
        query = _sessions(therapist_id).where(col(SessionRow.patient_id) == patient)
        newest_first = query.order_by(col(SessionRow.session_date).desc(), col(SessionRow.number).desc())
        mine = (col(PatientRow.id) == patient, col(PatientRow.therapist_id) == therapist_id)
        async with self._database.read() as db:
            if await db.scalar(select(col(PatientRow.id)).where(*mine)) is None:
                raise NotFound("There is no such patient.")
            return [_session(*found) for found in await db.execute(newest_first)]

    async def update(self, session: int, fields: Mapping[str, object], *, therapist_id: int) -> Session:
        """See the port."""

        async def work(db: AsyncSession) -> Session:
            row = await own_session(db, session, therapist_id)
            for name in COLUMNS:
                if name in fields:
                    setattr(row, name, fields[name])
            await _revise(db, row, fields.get("transcript"))
            row.updated_at = now()
            db.add(audit("session.update", therapist_id, f"session:{session}"))
            await db.flush()
            return await _get(db, session, therapist_id)

        return await self._database.write(work)

    async def delete(self, session: int, *, therapist_id: int) -> None:
        """See the port."""

        async def work(db: AsyncSession) -> None:
            row = await own_session(db, session, therapist_id)
            row.deleted_at = now()
            db.add(audit("session.delete", therapist_id, f"session:{session}"))

        await self._database.write(work)


async def own_session(db: AsyncSession, session: int, therapist_id: int) -> SessionRow:
    """The row of a therapist's own session, locked for a transaction that goes on with it. Raises ``NotFound``."""
    query = select(SessionRow).join(PatientRow, col(PatientRow.id) == col(SessionRow.patient_id))
    mine = (
        col(SessionRow.id) == session,
        col(PatientRow.therapist_id) == therapist_id,
        col(SessionRow.deleted_at).is_(None),
    )
    row = await db.scalar(query.where(*mine).with_for_update(of=SessionRow))
    if row is None:
        raise NotFound("There is no such session.")
    return row


async def _add(db: AsyncSession, new: NewSession, therapist_id: int) -> Session:
    patient = await own_patient(db, new.patient_id, therapist_id)
    last = await db.scalar(select(func.max(col(SessionRow.number))).where(col(SessionRow.patient_id) == patient.id))
    row = SessionRow(patient_id=new.patient_id, number=(last or 0) + 1, language=new.language, duration=new.duration)
    db.add(row)
    await db.flush()
    await _revise(db, row, new.transcript)
    db.add(audit("session.add", therapist_id, f"session:{row.id}"))
    await db.flush()
    return await _get(db, _id(row), therapist_id)


def _id(row: SessionRow) -> int:
    if row.id is None:  # pragma: no cover - a flushed row has one
        raise RuntimeError("a session without an id")
    return row.id


async def _revise(db: AsyncSession, row: SessionRow, text: object) -> None:
    """Keep ``text`` as the next revision, unless there is none or it is the current one."""
    if text is None:
        return
    current = await db.scalar(
        select(col(TranscriptRevisionRow.text)).where(
            col(TranscriptRevisionRow.session_id) == row.id, col(TranscriptRevisionRow.number) == row.revision_number
        )
    )
    if text == (current or ""):
        return
    row.revision_number = (row.revision_number or 0) + 1
    db.add(TranscriptRevisionRow(session_id=_id(row), number=row.revision_number, text=str(text)))


def _sessions(therapist_id: int) -> Select[Any]:
    """Sessions in sight, each with its current revision and note and the times of its last AI and human versions."""
    revision = and_(
        col(TranscriptRevisionRow.session_id) == col(SessionRow.id),
        col(TranscriptRevisionRow.number) == col(SessionRow.revision_number),
    )
    note = and_(
        col(NoteVersionRow.session_id) == col(SessionRow.id), col(NoteVersionRow.number) == col(SessionRow.note_number)
    )
    return (
        select(
            SessionRow,
            TranscriptRevisionRow,
            NoteVersionRow,
            _last(Origin.AI),
            _last(Origin.HUMAN, Origin.AI_EDITED),
        )
        .join(PatientRow, col(PatientRow.id) == col(SessionRow.patient_id))
        .outerjoin(TranscriptRevisionRow, revision)
        .outerjoin(NoteVersionRow, note)
        .where(col(PatientRow.therapist_id) == therapist_id, col(SessionRow.deleted_at).is_(None))
    )


def _last(*origins: Origin) -> Any:
    """When a version of one of these origins was last written, of the session in the outer query."""
    version = NoteVersionRow.__table__.alias()  # type: ignore[attr-defined]  # SQLModel does not type it
    of_these = (version.c.session_id == col(SessionRow.id), version.c.origin.in_([origin.value for origin in origins]))
    return select(func.max(version.c.created_at)).where(*of_these).scalar_subquery()


async def _get(db: AsyncSession, session: int, therapist_id: int) -> Session:
    found = (await db.execute(_sessions(therapist_id).where(col(SessionRow.id) == session))).first()
    if found is None:
        raise NotFound("There is no such session.")
    return _session(*found)


def _session(
    row: SessionRow,
    revision: TranscriptRevisionRow | None,
    note: NoteVersionRow | None,
    generated_at: datetime | None,
    last_edited_at: datetime | None,
) -> Session:
    origin = Origin(note.origin) if note else None
    return Session(
        **{name: getattr(row, name) for name in SAME_IN_BOTH},
        session_number=row.number,
        transcript=revision.text if revision else None,
        revision_id=revision.id if revision else None,
        notes=note.rendered if note else None,
        note_json=note.note_json if note else None,
        origin=origin,
        authorship=Authorship(
            **flags(origin)._asdict(),
            generated_at=generated_at,
            last_edited_at=last_edited_at,
        ),
    )
