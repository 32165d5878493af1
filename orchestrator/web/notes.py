"""Writing, editing and reading notes."""

from __future__ import annotations

from contextlib import aclosing
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING

from aiohttp import web

from orchestrator.domain.note_json import finding_json, sentence_json, to_json
from orchestrator.service import edit_note, generate_note
from orchestrator.service.events import Found, Progress, SectionReady, Text, Written
from orchestrator.service.generate_note import Generated, StillRunning
from orchestrator.web import schemas, sse
from orchestrator.web.access import path_id, therapist_id
from orchestrator.web.keys import OFFICE, STORES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from orchestrator.service.events import NoteEvent

KEPT = "The model could not finish. The note you had stays; an extract of the session was kept as a version."


async def generate(request: web.Request, asked: schemas.Generate) -> schemas.GenerateReply | web.StreamResponse:
    """Write a session's note: as one answer, or with ``Accept: text/event-stream`` as it comes."""
    if sse.wanted(request):
        return await sse.respond(request, _events(request, asked))
    done = await generate_note.generate(
        request.app[OFFICE], path_id(request), therapist_id=therapist_id(request), regenerate=asked.regenerate
    )
    return _later(request, done) if isinstance(done, StillRunning) else await _reply(request, done)


async def edit(request: web.Request, asked: schemas.EditNotes) -> schemas.NotesReply:
    """Keep the therapist's own words as the session's note."""
    stores = request.app[STORES]
    session = await edit_note.edit(
        path_id(request), asked.notes, therapist_id=therapist_id(request), sessions=stores.sessions, notes=stores.notes
    )
    shown = schemas.Session.of(session)
    flags = schemas.Flags(
        is_ai_generated=shown.notes_metadata.is_ai_generated, edited_from_ai=shown.notes_metadata.edited_from_ai
    )
    return schemas.NotesReply(
        session_id=session.id, notes=session.notes or "", updated_at=session.updated_at, notes_metadata=flags
    )


async def versions(request: web.Request, _asked: schemas.Nothing) -> schemas.VersionsReply:
    """Show every version of a session's note."""
    session = path_id(request)
    found = await request.app[STORES].notes.versions(session, therapist_id=therapist_id(request))
    shown = [
        schemas.NoteVersion(
            notes=version.rendered,
            **{name: getattr(version, name) for name in schemas.NoteVersion.model_fields if name != "notes"},
        )
        for version in found
    ]
    return schemas.VersionsReply(session_id=session, count=len(shown), versions=shown)


def _later(request: web.Request, running: StillRunning) -> web.Response:
    seconds = ceil(running.look_again_seconds)
    detail = f"This is a long session. Its note is still being written; please look again in {seconds} seconds."
    reply = schemas.StillWriting(
        detail=detail, message=detail, session_id=path_id(request), look_again_seconds=running.look_again_seconds
    )
    return web.Response(
        text=reply.model_dump_json(),
        status=HTTPStatus.ACCEPTED,
        content_type="application/json",
        headers={"Retry-After": str(seconds)},
    )


async def _reply(request: web.Request, done: Generated) -> schemas.GenerateReply:
    shown, note = done.written.rendered, done.written.note
    if not done.version.is_current:
        # The app shows what it gets and sends it back on Save: an extract must not take a better note's place that way.
        session = await request.app[STORES].sessions.get(path_id(request), therapist_id=therapist_id(request))
        shown = session.notes or shown
    return schemas.GenerateReply(
        message=None if done.version.is_current else KEPT,
        session_id=path_id(request),
        generated_notes=shown,
        inference_time=round(done.seconds, 3),
        origin=note.origin,
        version=done.version.number,
        is_current=done.version.is_current,
        coverage=note.coverage,
        note=to_json(note),
    )


async def _events(request: web.Request, asked: schemas.Generate) -> AsyncGenerator[sse.Event, None]:
    stream = generate_note.stream(
        request.app[OFFICE], path_id(request), therapist_id=therapist_id(request), regenerate=asked.regenerate
    )
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, Generated):
                yield "done", (await _reply(request, event)).model_dump(mode="json")
            elif shown := _shown(event):
                yield shown


def _shown(event: NoteEvent) -> sse.Event | None:
    match event:
        case Progress(what=what, done=done, total=total):
            return "progress", {"what": what, "done": done, "total": total}
        case Text(text=text):
            return "token", {"text": text}
        case Found(finding=finding):
            return "finding", finding_json(finding)
        case SectionReady(name=name, sentences=sentences):
            return "section", {"name": str(name), "sentences": [sentence_json(sentence) for sentence in sentences]}
        case Written():
            return None  # told as ``done`` once it is stored
