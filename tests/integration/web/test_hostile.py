"""What a careless or hostile client can send: a clear answer, never a crash, never an echo."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.running import serving

JSON = {"Content-Type": "application/json"}


UNUSABLE = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b'{"full_name": "\\ud800"}',
    b'{"full_name": "a\\u0000b"}',
    b'{"full_name": {"a": 1}}',
    b'{"full_name": "   "}',
    b'{"full_name": "x", "age": 99999999999999999999999}',
    b'{"full_name": "x", "patient_id": "\\u0000"}',
    b"[" * 100_000,
)


async def test_bodies_that_cannot_be_used(ann):
    """Each is a 422 with a sentence and the places, without what was sent."""
    for body in UNUSABLE:
        answer = await ann.call("POST", "/patients/", data=body, headers=JSON)
        assert answer.status == 422, (body, answer.text)
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert answer.body["detail"]
        assert answer.body["errors"]


async def test_what_was_sent_is_not_repeated(ann):
    """A refusal names the member, not its content."""
    answer = await ann.post("/patients/", {"full_name": ["a secret of a session"], "age": "older than a secret"})
    assert answer.status == 422
    assert "secret" not in answer.text
    assert {error["loc"][0] for error in answer.body["errors"]} == {"full_name", "age"}


QUERIES = ("q=%00%00", "q=%ff%fe", "q=%ed%a0%80x", "q=a", "", "q=(((", "q=%25%25", "q=" + "x" * 201)


async def test_odd_searches(ann):
    """A search is answered or refused."""
    for query in QUERIES:
        assert (await ann.get(f"/patients/search?{query}")).status in {200, 422}, query


FORMS = (
    b"",
    b"username=a",
    b"username=%00&password=%00",
    b"username=%ff&password=%ff",
    b"username=%ed%a0%80&password=x",
)


async def test_odd_logins(server):
    """A log-in is refused, whatever bytes it has and in whatever character set it claims to be."""
    for form in FORMS:
        for kind in ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=made-up"):
            answer = await server.anyone.call("POST", "/auth/login", data=form, headers={"Content-Type": kind})
            assert answer.status in {401, 422}, (form, kind)


async def test_a_file_is_no_password(server):
    """A multipart form with a file in it is refused."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="username"; filename="f"\r\n\r\nx\r\n'
        b'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nx\r\n--b--\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert (await server.anyone.call("POST", "/auth/login", data=body, headers=headers)).status == 422


async def test_too_much(tmp_path):
    """A body over the limit is a 413 that says so."""
    async with serving(tmp_path, body_megabytes=0.001) as server:
        ann = await server.anyone.sign_in()
        answer = await ann.post("/patients/", {"full_name": "x" * 2000})
        assert answer.status == 413
        assert "large" in answer.body["detail"]


async def test_unknown_and_read_only_members_are_ignored(ann):
    """The app sends some; they change nothing."""
    extra = {"id": 99, "created_at": "yesterday", "session_count": 7, "colour": "blue"}
    patient = await ann.patient(**extra)
    shown = (await ann.get(f"/patients/{patient}")).body["patient"]
    assert shown["id"] == patient != 99
    assert shown["session_count"] == 0
    assert "colour" not in shown


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["full_name", "patient_id", "age", "phone", "notes", "is_active", "allergies", "x"])
members = st.sampled_from(["duration", "language", "original_transcription", "notes", "diagnosis", "is_completed", "x"])


@pytest.mark.timeout(120)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    patients=st.lists(st.dictionaries(names, values, max_size=4), min_size=1, max_size=3),
    sessions=st.lists(st.dictionaries(members, values, max_size=4), min_size=1, max_size=3),
)
def test_any_json_is_answered(signed_in, patients, sessions):
    """Whatever JSON comes (lone surrogates, NUL, huge numbers, nesting), no route crashes, and what is kept can be read."""
    loop, ann, patient, session = signed_in

    async def send():
        for body in patients:
            for method, path in (("POST", "/patients/"), ("PUT", f"/patients/{patient}")):
                answer = await ann.call(method, path, data=json.dumps(body), headers=JSON)
                assert answer.status in {200, 400, 422}, answer.text
        for body in sessions:
            answer = await ann.call("PUT", f"/sessions/{session}", data=json.dumps(body), headers=JSON)
            assert answer.status in {200, 422}, answer.text
        assert (await ann.get(f"/patients/{patient}?include_sessions=true")).status == 200

    loop.run_until_complete(send())


@pytest.fixture
def signed_in(tmp_path):
    """A loop with a running server in it, a therapist, a patient and a session: shared by all examples."""
    loop = asyncio.new_event_loop()
    running = serving(tmp_path)
    server = loop.run_until_complete(running.__aenter__())
    ann = loop.run_until_complete(server.anyone.sign_in())
    patient = loop.run_until_complete(ann.patient())
    session = loop.run_until_complete(ann.session(patient_id=patient))
    yield loop, ann, patient, session
    loop.run_until_complete(running.__aexit__(None, None, None))
    loop.close()
