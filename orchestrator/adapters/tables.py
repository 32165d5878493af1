"""The tables, private to this folder. ``transcript_revision``, ``note_version`` and ``audit_event`` only ever grow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import JSON, DateTime, MetaData, Text, UniqueConstraint
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def now() -> datetime:
    """The time, aware and in UTC."""
    return datetime.now(UTC)


class UtcTime(TypeDecorator[datetime]):
    """A time that goes in and comes out aware and in UTC, also where the database keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(SQLModel):
    """What all tables share: the metadata with fixed constraint names."""

    metadata: ClassVar[MetaData] = METADATA


class TherapistRow(Table, table=True):
    """An account."""

    __tablename__ = "therapist"

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)
    username: str = Field(unique=True)
    password_hash: str
    full_name: str
    license_number: str = Field(unique=True)
    specialization: str | None = None
    phone: str | None = None
    role: str
    is_active: bool = True
    is_verified: bool = False
    created_at: datetime = Field(default_factory=now, sa_type=UtcTime)


class TokenRow(Table, table=True):
    """A bearer token, by the SHA-256 of it: who reads the database cannot sign in with what stands here."""

    __tablename__ = "token"

    digest: str = Field(primary_key=True)
    therapist_id: int = Field(foreign_key="therapist.id", index=True)
    created_at: datetime = Field(default_factory=now, sa_type=UtcTime)
    expires_at: datetime = Field(sa_type=UtcTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcTime)


class PatientRow(Table, table=True):
    """A patient; ``details`` is the long tail of optional fields, one validated document."""

    __tablename__ = "patient"
    __table_args__ = (UniqueConstraint("therapist_id", "patient_id"),)

    id: int | None = Field(default=None, primary_key=True)
    therapist_id: int = Field(foreign_key="therapist.id", index=True)
    patient_id: str
    full_name: str
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    is_active: bool = True
    created_at: datetime = Field(default_factory=now, sa_type=UtcTime)
    updated_at: datetime = Field(default_factory=now, sa_type=UtcTime)


class SessionRow(Table, table=True):
    """A session. ``revision_number`` and ``note_number`` point at the current transcript and the current note."""

    __tablename__ = "session"
    __table_args__ = (UniqueConstraint("patient_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    number: int
    session_date: datetime = Field(default_factory=now, sa_type=UtcTime)
    duration: int | None = None
    language: str
    revision_number: int | None = None
    note_number: int | None = None
    translated_transcription: str | None = Field(default=None, sa_type=Text)
    translation_language: str | None = None
    diagnosis: str | None = Field(default=None, sa_type=Text)
    treatment_plan: str | None = Field(default=None, sa_type=Text)
    is_completed: bool = False
    created_at: datetime = Field(default_factory=now, sa_type=UtcTime)
    updated_at: datetime = Field(default_factory=now, sa_type=UtcTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcTime)


class TranscriptRevisionRow(Table, table=True):
    """A transcript as it once stood; offsets of evidence point into it."""

    __tablename__ = "transcript_revision"
    __table_args__ = (UniqueConstraint("session_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    session_id: int = Field(foreign_key="session.id")
    number: int
    text: str = Field(sa_type=Text)
    created_at: datetime = Field(default_factory=now, sa_type=UtcTime)


class NoteVersionRow(Table, table=True):
    """A note as it once stood."""

    __tablename__ = "note_version"
    __table_args__ = (UniqueConstraint("session_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    session_id: int = Field(foreign_key="session.id")
    number: int
    origin: str
    rendered: str = Field(sa_type=Text)
    note_json: str | None = Field(default=None, sa_type=Text)
    revision_id: int | None = Field(default=None, foreign_key="transcript_revision.id")
    author_id: int = Field(foreign_key="therapist.id")
    based_on: int | None = None
    created_at: datetime = Field(default_factory=now, sa_type=UtcTime)


class AuditEventRow(Table, table=True):
    """Who did what to which thing: slugs and identifiers, never text."""

    __tablename__ = "audit_event"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=now, sa_type=UtcTime)
    therapist_id: int | None = Field(default=None, foreign_key="therapist.id")
    action: str
    subject: str


class SettingRow(Table, table=True):
    """A value the program keeps for itself."""

    __tablename__ = "setting"

    name: str = Field(primary_key=True)
    value: str
