"""What is kept: therapists, patients, sessions, and the versions of notes. Times are aware and in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from orchestrator.domain.note import Origin


class Role(StrEnum):
    """What an account may do."""

    THERAPIST = "therapist"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTherapist:
    """An account to open. ``password_hash`` is Argon2id, never the password."""

    email: str
    username: str
    password_hash: str
    full_name: str
    license_number: str
    specialization: str | None = None
    phone: str | None = None
    role: Role = Role.THERAPIST


@dataclass(frozen=True, slots=True, kw_only=True)
class Therapist:
    """An account. ``patient_count`` counts the active patients."""

    id: int
    email: str
    username: str
    full_name: str
    license_number: str
    specialization: str | None
    phone: str | None
    role: Role
    is_active: bool
    is_verified: bool
    created_at: datetime
    patient_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A patient of one therapist. ``details`` holds every optional field of the contract by name."""

    id: int
    patient_id: str
    full_name: str
    is_active: bool
    created_at: datetime
    updated_at: datetime
    session_count: int
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """A note to keep as the next version.

    ``origin`` None: a human wrote or changed it, and the store derives whose it is from the versions before.
    ``replace`` False: refused with ``NotesExist`` if there is a note by then.
    """

    rendered: str
    origin: Origin | None = None
    note_json: str | None = None
    revision_id: int | None = None
    replace: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteVersion:
    """One version of a session's note. Versions are numbered from 1 and never change.

    ``author_id`` is the therapist who wrote or asked for it; ``based_on`` the number of the version current before it.
    """

    number: int
    origin: Origin
    rendered: str
    note_json: str | None
    revision_id: int | None
    author_id: int
    based_on: int | None
    created_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorship:
    """What the frontend shows about a note's origin."""

    is_ai_generated: bool = False
    edited_from_ai: bool = False
    generated_at: datetime | None = None  # when a model last wrote a version
    last_edited_at: datetime | None = None  # when a human last wrote one


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session with its current transcript and note. ``patient_id`` is the ``id`` of its patient.

    ``revision_id`` names the transcript as it stands; an edited transcript is a new revision.
    """

    id: int
    patient_id: int
    session_number: int
    session_date: datetime
    duration: int | None  # seconds
    language: str
    transcript: str | None
    revision_id: int | None
    notes: str | None
    note_json: str | None  # the note as data, where the current version is a written one
    origin: Origin | None
    authorship: Authorship
    translated_transcription: str | None = None
    translation_language: str | None = None
    diagnosis: str | None = None
    treatment_plan: str | None = None
    is_completed: bool = False
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session to open; its number is the next of its patient."""

    patient_id: int
    language: str
    duration: int | None = None
    transcript: str | None = None
