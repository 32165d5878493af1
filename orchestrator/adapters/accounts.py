"""Therapists and their tokens in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Row, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from orchestrator.adapters.tables import AuditEventRow, PatientRow, TherapistRow, TokenRow, now
from orchestrator.domain.records import Role, Therapist
from orchestrator.errors import NotFound, Taken

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from orchestrator.adapters.database import Database
    from orchestrator.domain.records import NewTherapist


class SqlAccountStore:
    """An ``AccountStore``."""

    def __init__(self, database: Database) -> None:
        """Keep accounts in ``database``."""
        self._database = database

    async def add(self, new: NewTherapist) -> Therapist:
        """See the port."""
        return await self._database.write(lambda db: _add(db, new))

    async def credentials(self, login: str) -> tuple[Therapist, str] | None:
        """See the port."""
        async with self._database.read() as db:
            names = or_(col(TherapistRow.username) == login, col(TherapistRow.email) == login.lower())
            # A username may look like somebody's e-mail: the username goes first.
            order = (col(TherapistRow.username) == login).desc()
            found = (await db.execute(_therapists().where(names).order_by(order).limit(1))).first()
        return (_therapist(found), found[0].password_hash) if found else None

    async def set_password(self, therapist_id: int, password_hash: str) -> None:
        """See the port."""

        async def work(db: AsyncSession) -> None:
            row = await db.get(TherapistRow, therapist_id)
            if row is None:
                raise NotFound
            row.password_hash = password_hash

        await self._database.write(work)

    async def open_token(self, therapist_id: int, digest: str, expires_at: datetime) -> None:
        """See the port."""

        async def work(db: AsyncSession) -> None:
            db.add(TokenRow(digest=digest, therapist_id=therapist_id, expires_at=expires_at))
            db.add(audit("account.login", therapist_id, f"therapist:{therapist_id}"))

        await self._database.write(work)

    async def by_token(self, digest: str, now: datetime) -> Therapist | None:
        """See the port."""
        live = (col(TokenRow.digest) == digest, col(TokenRow.expires_at) > now, col(TokenRow.closed_at).is_(None))
        query = _therapists().join(TokenRow, col(TokenRow.therapist_id) == col(TherapistRow.id)).where(*live)
        async with self._database.read() as db:
            found = (await db.execute(query.where(col(TherapistRow.is_active)))).first()
        return _therapist(found) if found else None

    async def close_token(self, digest: str) -> None:
        """See the port."""

        async def work(db: AsyncSession) -> None:
            row = await db.get(TokenRow, digest)
            if row and row.closed_at is None:
                row.closed_at = now()
                db.add(audit("account.logout", row.therapist_id, f"therapist:{row.therapist_id}"))

        await self._database.write(work)

    async def record(self, action: str, *, therapist_id: int | None, subject: str) -> None:
        """See the port."""

        async def work(db: AsyncSession) -> None:
            db.add(audit(action, therapist_id, subject))

        await self._database.write(work)


def audit(action: str, therapist_id: int | None, subject: str) -> AuditEventRow:
    """An audit event, to be added in the transaction of what it tells of."""
    return AuditEventRow(action=action, therapist_id=therapist_id, subject=subject)


async def _add(db: AsyncSession, new: NewTherapist) -> Therapist:
    fields = {name: getattr(new, name) for name in new.__dataclass_fields__}
    row = TherapistRow(**fields | {"email": new.email.lower(), "role": new.role.value})
    for name, word in _UNIQUE.items():
        if await db.scalar(select(col(TherapistRow.id)).where(getattr(TherapistRow, name) == getattr(row, name))):
            raise Taken(f"This {word} is already registered.")
    db.add(row)
    try:
        await db.flush()
    except IntegrityError:  # where two transactions overlap, the first one wins
        raise Taken from None
    db.add(audit("account.register", row.id, f"therapist:{row.id}"))
    return _therapist((row, 0))


_UNIQUE = {
    "email": "e-mail address",
    "username": "username",
    "license_number": "licence number",
}


def _therapists() -> Select[TherapistRow, int]:
    mine = (col(PatientRow.therapist_id) == col(TherapistRow.id), col(PatientRow.is_active))
    patients = select(func.count(col(PatientRow.id))).where(*mine).scalar_subquery()
    return select(TherapistRow, patients)


def _therapist(found: Row[TherapistRow, int] | tuple[TherapistRow, int]) -> Therapist:
    row, patients = found
    fields = {name: getattr(row, name) for name in Therapist.__dataclass_fields__ if name != "patient_count"}
    return Therapist(**fields | {"role": Role(row.role), "patient_count": patients})
