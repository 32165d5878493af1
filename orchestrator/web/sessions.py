"""Sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.domain.records import NewSession
from orchestrator.service import sessions
from orchestrator.web import schemas
from orchestrator.web.access import path_id, therapist_id
from orchestrator.web.keys import STORES

if TYPE_CHECKING:
    from aiohttp import web


async def add(request: web.Request, asked: schemas.NewSession) -> schemas.SessionReply:
    """Open a session."""
    new = NewSession(
        patient_id=asked.patient_id,
        language=asked.language,
        duration=asked.duration,
        transcript=asked.original_transcription,
    )
    stores, mine = request.app[STORES], therapist_id(request)
    session = await sessions.open_session(new, asked.notes, therapist_id=mine, stores=stores)
    return schemas.SessionReply(message="Session created.", session=schemas.Session.of(session))


async def of_patient(request: web.Request, _asked: schemas.Nothing) -> schemas.SessionsReply:
    """List a patient's sessions, newest first."""
    store = request.app[STORES].sessions
    found = await store.of_patient(path_id(request, "patient_id"), therapist_id=therapist_id(request))
    return schemas.SessionsReply(count=len(found), sessions=[schemas.Session.of(session) for session in found])


async def one(request: web.Request, _asked: schemas.Nothing) -> schemas.SessionReply:
    """Show a session."""
    session = await request.app[STORES].sessions.get(path_id(request), therapist_id=therapist_id(request))
    return schemas.SessionReply(session=schemas.Session.of(session))


async def change(request: web.Request, asked: schemas.SessionChanges) -> schemas.SessionReply:
    """Change a session. Its transcript and its note go through the same doors as everywhere."""
    fields = asked.model_dump(exclude_unset=True)
    text = fields.pop("notes", None)
    if "original_transcription" in fields:
        fields["transcript"] = fields.pop("original_transcription")
    stores, mine = request.app[STORES], therapist_id(request)
    session = await sessions.change(path_id(request), fields, text, therapist_id=mine, stores=stores)
    return schemas.SessionReply(message="Session updated.", session=schemas.Session.of(session))


async def delete(request: web.Request, _asked: schemas.Nothing) -> schemas.Done:
    """Put a session out of sight."""
    await request.app[STORES].sessions.delete(path_id(request), therapist_id=therapist_id(request))
    return schemas.Done(message="Session deleted.")
