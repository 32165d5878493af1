"""A stored session to a stored note: as one answer, or as a stream of events.

No database session is held while the model works. The note is committed in a task that neither a caller's leaving nor a
shutdown cuts off. A caller who wants one answer may leave: the run goes on and its note is stored. A caller who streams and
leaves has changed their mind: the run ends and nothing is stored.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from orchestrator import errors, metrics
from orchestrator.domain.note import Origin
from orchestrator.domain.note_json import to_json
from orchestrator.domain.records import NewVersion
from orchestrator.service.events import Written
from orchestrator.service.write_note import budget_seconds, write_note

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from orchestrator.domain.records import NoteVersion, Session
    from orchestrator.domain.stores import NoteStore, SessionStore
    from orchestrator.service.desk import Desk
    from orchestrator.service.events import NoteEvent
    from orchestrator.service.runs import Runs

log = structlog.get_logger()

LEAST_CHARACTERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What generating needs: where sessions and notes are kept, what notes are written with, and the live runs."""

    sessions: SessionStore
    notes: NoteStore
    desk: Desk
    runs: Runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A stored note. ``version.is_current`` is false for a fallback that left a better note in its place."""

    written: Written
    version: NoteVersion
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StillRunning:
    """The run takes longer than its caller should wait; it goes on, and its note will be stored."""

    look_again_seconds: float


async def generate(office: Office, session_id: int, *, therapist_id: int, regenerate: bool) -> Generated | StillRunning:
    """Write and store the note of a session.

    Raises NotFound, NotesExist, TranscriptTooShort, and ModelUnreachable, ModelLoading or Busy, with nothing stored.
    """
    session = await _ready_session(office, session_id, therapist_id=therapist_id, regenerate=regenerate)
    patience = await budget_seconds(_transcript(session), office.desk)
    run = office.runs.start(_run(office, session, therapist_id=therapist_id, regenerate=regenerate))
    done, _ = await asyncio.wait({run}, timeout=patience)
    return run.result() if done else StillRunning(look_again_seconds=patience)


async def stream(
    office: Office, session_id: int, *, therapist_id: int, regenerate: bool
) -> AsyncGenerator[NoteEvent | Generated, None]:
    """The events of a note as it is written; the last is ``Generated``. Closing it before that stores nothing. Raises as ``generate``."""
    session = await _ready_session(office, session_id, therapist_id=therapist_id, regenerate=regenerate)
    started = time.monotonic()
    async with aclosing(write_note(_transcript(session), office.desk)) as events:
        async for event in events:
            if isinstance(event, Written):
                yield await office.runs.carry_through(
                    _store(office, session, event, therapist_id=therapist_id, regenerate=regenerate, started=started)
                )
            else:
                yield event


async def _ready_session(office: Office, session_id: int, *, therapist_id: int, regenerate: bool) -> Session:
    session = await office.sessions.get(session_id, therapist_id=therapist_id)
    if session.notes and not regenerate:
        raise errors.NotesExist
    if len(_transcript(session).strip()) < LEAST_CHARACTERS:
        raise errors.TranscriptTooShort
    return session


def _transcript(session: Session) -> str:
    return session.transcript or ""


async def _run(office: Office, session: Session, *, therapist_id: int, regenerate: bool) -> Generated:
    started = time.monotonic()
    written = await whole(_transcript(session), office.desk)
    return await office.runs.carry_through(
        _store(office, session, written, therapist_id=therapist_id, regenerate=regenerate, started=started)
    )


async def whole(text: str, desk: Desk) -> Written:
    """The note of ``text`` without the events on the way."""
    async with aclosing(write_note(text, desk)) as events:
        async for event in events:
            if isinstance(event, Written):
                return event
    raise errors.ModelFailed


async def _store(
    office: Office, session: Session, written: Written, *, therapist_id: int, regenerate: bool, started: float
) -> Generated:
    note = written.note
    version = await office.notes.add_version(
        session.id,
        NewVersion(
            rendered=written.rendered,
            origin=note.origin,
            note_json=json.dumps(to_json(note), ensure_ascii=False),
            revision_id=session.revision_id,
            replace=regenerate,
        ),
        therapist_id=therapist_id,
    )
    seconds = time.monotonic() - started
    metrics.NOTES.labels(origin=note.origin.value).inc()
    metrics.NOTE_SECONDS.observe(seconds)
    if note.origin is Origin.FALLBACK:
        log.warning("note.fallback", session_id=session.id, reason=note.provenance.get("fallback_reason"))
    log.info(
        "note.stored",
        session_id=session.id,
        version=version.number,
        current=version.is_current,
        origin=note.origin.value,
        coverage=note.coverage,
        input_chars=len(_transcript(session)),
        output_chars=len(written.rendered),
        seconds=round(seconds, 3),
    )
    return Generated(written=written, version=version, seconds=seconds)
