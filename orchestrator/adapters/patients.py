"""Patients in SQL."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from orchestrator.adapters.accounts import audit
from orchestrator.adapters.tables import PatientRow, SessionRow, now
from orchestrator.domain.records import Patient
from orchestrator.errors import NotFound, Taken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from orchestrator.adapters.database import Database

COLUMNS = ("patient_id", "full_name", "is_active")


class SqlPatientStore:
    """A ``PatientStore``."""

    def __init__(self, database: Database) -> None:
        """Keep patients in ``database``."""
        self._database = database

    async def add(self, fields: Mapping[str, object], *, therapist_id: int) -> Patient:
        """See the port."""
        return await self._database.write(lambda db: _add(db, fields, therapist_id))

    async def get(self, patient: int, *, therapist_id: int) -> Patient:
        """See the port."""
        query = _patients().where(col(PatientRow.id) == patient, col(PatientRow.therapist_id) == therapist_id)
        async with self._database.read() as db:
            found = (await db.execute(query)).first()
        if not found:
            raise NotFound("There is no such patient.")
        return _patient(*found)

    async def all(self, *, therapist_id: int, active_only: bool = True) -> Sequence[Patient]:
        """See the port."""
        query = _patients().where(col(PatientRow.therapist_id) == therapist_id)
        if active_only:
            query = query.where(col(PatientRow.is_active))
        newest_first = query.order_by(col(PatientRow.created_at).desc(), col(PatientRow.id).desc())
        async with self._database.read() as db:
            return [_patient(*found) for found in await db.execute(newest_first)]

    async def update(self, patient: int, fields: Mapping[str, object], *, therapist_id: int) -> Patient:
        """See the port."""

        async def work(db: AsyncSession) -> None:
            row = await own_patient(db, patient, therapist_id)
            if fields.get("patient_id", row.patient_id) != row.patient_id:
                await _refuse_taken(db, therapist_id, fields["patient_id"])
            _set(row, fields)
            row.updated_at = now()
            await _flush(db)
            db.add(audit("patient.update", therapist_id, f"patient:{patient}"))

        await self._database.write(work)
        return await self.get(patient, therapist_id=therapist_id)

    async def deactivate(self, patient: int, *, therapist_id: int) -> None:
        """See the port."""

        async def work(db: AsyncSession) -> None:
            row = await own_patient(db, patient, therapist_id)
            row.is_active, row.updated_at = False, now()
            db.add(audit("patient.deactivate", therapist_id, f"patient:{patient}"))

        await self._database.write(work)

    async def owner(self, patient: int) -> int:
        """See the port."""
        async with self._database.read() as db:
            row = await db.get(PatientRow, patient)
        if row is None:
            raise NotFound("There is no such patient.")
        return row.therapist_id


async def own_patient(db: AsyncSession, patient: int, therapist_id: int) -> PatientRow:
    """The row of a therapist's own patient, for a transaction that goes on with it. Raises ``NotFound``."""
    mine = (col(PatientRow.id) == patient, col(PatientRow.therapist_id) == therapist_id)
    row = await db.scalar(select(PatientRow).where(*mine).with_for_update())
    if row is None:
        raise NotFound("There is no such patient.")
    return row


async def _add(db: AsyncSession, fields: Mapping[str, object], therapist_id: int) -> Patient:
    number = fields.get("patient_id") or f"P-{secrets.token_hex(4).upper()}"
    await _refuse_taken(db, therapist_id, number)
    row = PatientRow(therapist_id=therapist_id, patient_id=str(number), full_name=str(fields["full_name"]))
    _set(row, {**fields, "patient_id": number})
    db.add(row)
    await _flush(db)
    db.add(audit("patient.add", therapist_id, f"patient:{row.id}"))
    return _patient(row, 0)


async def _refuse_taken(db: AsyncSession, therapist_id: int, number: object) -> None:
    same = (col(PatientRow.therapist_id) == therapist_id, col(PatientRow.patient_id) == number)
    if await db.scalar(select(col(PatientRow.id)).where(*same)):
        raise Taken("You already have a patient with this patient ID.")


async def _flush(db: AsyncSession) -> None:
    try:
        await db.flush()
    except IntegrityError:  # where two transactions overlap, the first one wins
        raise Taken from None


def _set(row: PatientRow, fields: Mapping[str, object]) -> None:
    for name in COLUMNS:
        if fields.get(name) is not None:
            setattr(row, name, fields[name])
    changed = {name: value for name, value in fields.items() if name not in COLUMNS}
    row.details = {name: value for name, value in {**row.details, **changed}.items() if value is not None}


def _patients() -> Select[PatientRow, int]:
    theirs = (col(SessionRow.patient_id) == col(PatientRow.id), col(SessionRow.deleted_at).is_(None))
    return select(PatientRow, select(func.count(col(SessionRow.id))).where(*theirs).scalar_subquery())


def _patient(row: PatientRow, sessions: int) -> Patient:
    names = [name for name in Patient.__dataclass_fields__ if name != "session_count"]
    return Patient(**{name: getattr(row, name) for name in names}, session_count=sessions)
