"""What holds for every route, generated from the table of routes."""

from __future__ import annotations

import re

from openapi_spec_validator import validate

from orchestrator.web import openapi
from orchestrator.web.access import Rule
from orchestrator.web.routes import ROUTES, STREAMS, twin

CLOSED = [route for route in ROUTES if route.rule is not Rule.PUBLIC]
OWNED = [route for route in CLOSED if "{" in route.path]
BODIES = {
    "Register": {},
    "Login": {},
    "NewPatient": {"full_name": "Pat"},
    "PatientChanges": {"full_name": "Eve"},
    "SessionChanges": {"notes": "Eve was here."},
    "EditNotes": {"notes": "Eve was here."},
    "Generate": {"regenerate": True},
}


def body_of(route):
    """Something valid to send."""
    return BODIES.get(route.request.__name__, {}) if route.method in {"POST", "PUT"} else None


def path_of(route, identifier):
    """The route's path with this identifier in it."""
    return re.sub(r"\{\w+\}", str(identifier), route.path)


async def test_without_a_token_nothing_is_said(server):
    """Every route that is not public answers 401, whatever is asked and whether or not it exists, with a shown reason."""
    assert CLOSED
    for route in CLOSED:
        for headers in ({}, {"Authorization": "Bearer made-up"}, {"Authorization": "Basic eA=="}):
            answer = await server.anyone.call(route.method, path_of(route, 1), body_of(route), headers=headers)
            assert answer.status == 401, route
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert isinstance(answer.body["detail"], str)
            assert answer.body["success"] is False


async def test_what_is_somebody_elses_does_not_exist(ann, ben):
    """Every route with an identifier answers 404 to another therapist, exactly as for what never was."""
    await ann.patient()
    patient = await ann.patient()
    session = await ann.session(patient_id=patient, notes="Ann's note.")
    assert patient != session
    for route in OWNED:
        about_patient = route.path.startswith("/patients") or "patient_id" in route.path
        paths = [path_of(route, patient if about_patient else session), path_of(route, 4711)]
        answers = [await ben.call(route.method, path, body_of(route)) for path in paths]
        assert [answer.status for answer in answers] == [404, 404], route
        assert answers[0].body["detail"] == answers[1].body["detail"]
    assert (await ann.shown(session))["notes"] == "Ann's note."
    assert (await ann.get(f"/patients/{patient}")).body["patient"]["is_active"] is True


async def test_bodies_that_name_somebody_elses_patient(ann, ben):
    """A patient named in a body is looked up among one's own, too."""
    patient = await ann.patient()
    opened = await ben.post("/sessions/", {"patient_id": patient, "language": "english"})
    summary = await ben.post("/summarize-sessions", {"patient_id": patient})
    assert (opened.status, summary.status) == (404, 404)


async def test_identifiers_that_cannot_be(ann):
    """What cannot be an identifier names nothing: 404, never a crash."""
    for route in OWNED:
        for odd in ("0", "-1", "x", "9" * 40, "٣", "1.5", "%00", "%ff", "1%0a"):
            answer = await ann.call(route.method, path_of(route, odd), body_of(route))
            assert answer.status == 404, (route, odd)


async def test_paths_work_with_and_without_the_slash(server):
    """The twin path is the same route, and a wrong method is told which ones are right."""
    for route in ROUTES:
        for path in (path_of(route, 1), twin(path_of(route, 1))):
            answer = await server.anyone.call("PATCH", path)
            assert answer.status == 405, path
            assert route.method in answer.headers["Allow"]
            assert answer.headers["Content-Type"].startswith("application/problem+json")


async def test_the_document_is_valid_and_whole(server):
    """/openapi.json is OpenAPI 3.1, has every route of the table, and says what is asked of a caller."""
    document = (await server.anyone.get("/openapi.json")).body
    validate(document)
    assert document["openapi"].startswith("3.1")
    operations = {(m.upper(), p): o for p, methods in document["paths"].items() for m, o in methods.items()}
    assert set(operations) == {(route.method, route.path) for route in ROUTES}
    for route in ROUTES:
        assert bool(operations[route.method, route.path].get("security")) == (route.rule is not Rule.PUBLIC)
    identifiers = [operation["operationId"] for operation in operations.values()]
    assert len(set(identifiers)) == len(identifiers)
    generation = operations["POST", "/sessions/{id}/generate-notes"]["responses"]["200"]["content"]
    assert set(generation) == {"application/json", "text/event-stream"}


def test_the_document_needs_no_server():
    """The document is made from the table alone."""
    assert openapi.build(ROUTES, "1", STREAMS)["info"]["version"] == "1"


async def test_the_page_is_local(server):
    """/docs and what it loads come from here, under a policy that allows nothing else."""
    page = await server.anyone.get("/docs")
    assert page.status == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for path in loaded:
        assert path.startswith("/")
        assert (await server.anyone.get(path)).status == 200
    script = (await server.anyone.get("/docs/page.js")).text
    assert "innerHTML" not in script
    assert "http" not in script.replace("https://", "http://").replace("http-equiv", "")
