"""What the use cases need of a database. Every call names the therapist: what is not theirs does not exist (``NotFound``).

No call holds a connection after it returns. A write that has begun is carried through even if its caller is cancelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from orchestrator.domain.records import (
        NewSession,
        NewTherapist,
        NewVersion,
        NoteVersion,
        Patient,
        Session,
        Therapist,
    )


class AccountStore(Protocol):
    """Therapists and their tokens. Only digests of tokens are kept."""

    async def add(self, new: NewTherapist) -> Therapist:
        """Open an account. Raises ``Taken`` where e-mail, username or licence is in use."""
        ...

    async def credentials(self, login: str) -> tuple[Therapist, str] | None:
        """The account with this username or e-mail, and its password hash."""
        ...

    async def set_password(self, therapist_id: int, password_hash: str) -> None:
        """Replace the password hash."""
        ...

    async def open_token(self, therapist_id: int, digest: str, expires_at: datetime) -> None:
        """Keep a token's digest until it expires."""
        ...

    async def by_token(self, digest: str, now: datetime) -> Therapist | None:
        """Whose token this is, unless it expired, was closed or its owner was switched off."""
        ...

    async def close_token(self, digest: str) -> None:
        """Make a token worthless. An unknown one is no error."""
        ...

    async def record(self, action: str, *, therapist_id: int | None, subject: str) -> None:
        """Add an audit event: ``action`` and ``subject`` are slugs and identifiers, never text."""
        ...


class PatientStore(Protocol):
    """A therapist's patients."""

    async def add(self, fields: Mapping[str, object], *, therapist_id: int) -> Patient:
        """Add a patient of these contract fields. Raises ``Taken`` where the therapist used the ``patient_id`` before."""
        ...

    async def get(self, patient: int, *, therapist_id: int) -> Patient:
        """One patient."""
        ...

    async def all(self, *, therapist_id: int, active_only: bool = True) -> Sequence[Patient]:
        """All of them, newest first."""
        ...

    async def update(self, patient: int, fields: Mapping[str, object], *, therapist_id: int) -> Patient:
        """Change the named fields. Raises ``Taken`` as ``add`` does."""
        ...

    async def deactivate(self, patient: int, *, therapist_id: int) -> None:
        """Switch the record off; nothing is erased."""
        ...

    async def owner(self, patient: int) -> int:
        """The therapist of a patient: only for calls let through from a listed network without a token."""
        ...


class SessionStore(Protocol):
    """A therapist's sessions."""

    async def add(self, new: NewSession, *, therapist_id: int) -> Session:
        """Open a session; its number counts per patient from 1."""
        ...

    async def get(self, session: int, *, therapist_id: int) -> Session:
        """One session with its current transcript and note."""
        ...

    async def of_patient(self, patient: int, *, therapist_id: int) -> Sequence[Session]:
        """A patient's sessions, newest first."""
        ...

    async def update(self, session: int, fields: Mapping[str, object], *, therapist_id: int) -> Session:
        """Change the named fields; a ``transcript`` unlike the current one becomes a new revision."""
        ...

    async def delete(self, session: int, *, therapist_id: int) -> None:
        """Put a session out of sight. Its versions stay in the record."""
        ...


class NoteStore(Protocol):
    """The versions of notes. Nothing that was written is ever changed or lost."""

    async def add_version(self, session: int, version: NewVersion, *, therapist_id: int) -> NoteVersion:
        """Keep a version, decide whether it becomes the current one, and audit it: one transaction.

        A fallback becomes current only where there is no note; everything else does. A human's text equal to the
        current version adds nothing: that version is returned.
        """
        ...

    async def versions(self, session: int, *, therapist_id: int) -> Sequence[NoteVersion]:
        """All versions, newest first."""
        ...


class PasswordHasher(Protocol):
    """Turns passwords into hashes that cannot be turned back; slow on purpose, and off the event loop."""

    async def hash(self, password: str) -> str:
        """A new salted hash."""
        ...

    async def verify(self, password: str, hashed: str | None) -> bool:
        """True for the right password. A missing hash takes as long as a wrong password."""
        ...

    def is_outdated(self, hashed: str) -> bool:
        """True where it was made with weaker parameters than are used now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """All the stores over one database. ``ping`` raises where it does not answer."""

    accounts: AccountStore
    patients: PatientStore
    sessions: SessionStore
    notes: NoteStore
    ping: Callable[[], Awaitable[None]]
