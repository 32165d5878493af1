"""The whole API on one screen. The router, the OpenAPI document and the access rules are made from this one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp.hdrs import METH_DELETE as DELETE, METH_GET as GET, METH_POST as POST, METH_PUT as PUT

from orchestrator.web import accounts, docs, health, notes, patients, schemas, sessions, sse, summaries
from orchestrator.web.access import Route, Rule, endpoint
from orchestrator.web.schemas import Nothing

if TYPE_CHECKING:
    from aiohttp import web

PUBLIC, MINE = Rule.PUBLIC, Rule.THERAPIST
TEXT, HTML, JSON, SCRIPT, STYLE = "text/plain", "text/html", "application/json", "text/javascript", "text/css"

# fmt: off
ROUTES: tuple[Route, ...] = (
    Route(POST, "/auth/register", accounts.register, PUBLIC, schemas.Register, {200: schemas.TherapistReply}),
    Route(POST, "/auth/login", accounts.log_in, PUBLIC, schemas.Login, {200: schemas.LoginReply}),
    Route(GET, "/auth/me", accounts.me, MINE, Nothing, {200: schemas.TherapistReply}),
    Route(POST, "/auth/logout", accounts.log_out, PUBLIC, Nothing, {200: schemas.Done}),
    Route(GET, "/patients/", patients.all_of_them, MINE, schemas.PatientsQuery, {200: schemas.PatientsReply}),
    Route(GET, "/patients/search", patients.search, MINE, schemas.SearchQuery, {200: schemas.SearchReply}),
    Route(POST, "/patients/", patients.add, MINE, schemas.NewPatient, {200: schemas.PatientReply}),
    Route(GET, "/patients/{id}", patients.one, MINE, schemas.PatientQuery, {200: schemas.PatientReply}),
    Route(PUT, "/patients/{id}", patients.change, MINE, schemas.PatientChanges, {200: schemas.PatientReply}),
    Route(DELETE, "/patients/{id}", patients.deactivate, MINE, Nothing, {200: schemas.Done}),
    Route(POST, "/sessions/", sessions.add, MINE, schemas.NewSession, {200: schemas.SessionReply}),
    Route(GET, "/sessions/patient/{patient_id}", sessions.of_patient, MINE, Nothing, {200: schemas.SessionsReply}),
    Route(GET, "/sessions/{id}", sessions.one, MINE, Nothing, {200: schemas.SessionReply}),
    Route(PUT, "/sessions/{id}", sessions.change, MINE, schemas.SessionChanges, {200: schemas.SessionReply}),
    Route(DELETE, "/sessions/{id}", sessions.delete, MINE, Nothing, {200: schemas.Done}),
    Route(POST, "/sessions/{id}/generate-notes", notes.generate, MINE, schemas.Generate,
          {200: schemas.GenerateReply, 202: schemas.StillWriting}),
    Route(PUT, "/sessions/{id}/notes", notes.edit, MINE, schemas.EditNotes, {200: schemas.NotesReply}),
    Route(GET, "/sessions/{id}/notes/versions", notes.versions, MINE, Nothing, {200: schemas.VersionsReply}),
    Route(POST, "/summarize-sessions", summaries.summarize, Rule.LISTED_NETWORK, schemas.Summarize,
          {200: schemas.SummaryReply}),
    Route(GET, "/health", health.health, PUBLIC, Nothing, {200: schemas.Health}),
    Route(GET, "/ready", health.ready, PUBLIC, Nothing, {200: schemas.Ready, 503: schemas.Ready}),
    Route(GET, "/version", health.version, PUBLIC, Nothing, {200: schemas.Version}),
    Route(GET, "/metrics", health.show_metrics, PUBLIC, Nothing, {200: TEXT}),
    Route(GET, "/openapi.json", docs.document, PUBLIC, Nothing, {200: JSON}),
    Route(GET, "/docs", docs.page, PUBLIC, Nothing, {200: HTML}),
    Route(GET, "/docs/page.js", docs.script, PUBLIC, Nothing, {200: SCRIPT}),
    Route(GET, "/docs/page.css", docs.style, PUBLIC, Nothing, {200: STYLE}),
)
# fmt: on

STREAMS = {"/sessions/{id}/generate-notes": sse.MEDIA_TYPE}  # what also answers as a stream, when asked to


def add_to(app: web.Application) -> None:
    """Put every route into ``app``'s router, each with and without its trailing slash."""
    for route in ROUTES:
        call = endpoint(route)
        for path in (route.path, twin(route.path)):
            app.router.add_route(route.method, path, call)
            if route.method == GET:
                app.router.add_route("HEAD", path, call)


def twin(path: str) -> str:
    """The same path, with the trailing slash that it lacks or without the one that it has."""
    return path[:-1] if path.endswith("/") else f"{path}/"
