"""13: ``/summarize-sessions`` answers ``summary``, ``session_count`` and ``key_points``, and the points are whole findings."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.running import serving
from tests.writing import NEUTRAL, RISKY

pytestmark = pytest.mark.timeout(240)

said = st.lists(st.sampled_from([*NEUTRAL, *RISKY]), min_size=1, max_size=3).map(" ".join)
sessions = st.lists(said.map(lambda text: f"Therapist: How have you been?\nClient: {text}"), max_size=4)
QUOTE = re.compile(r"“([^”]*)”$")


@pytest.fixture(scope="module")
def practice(tmp_path_factory):
    """A loop with a running server in it, and a therapist: shared by all examples."""
    with asyncio.Runner() as runner:
        house = serving(tmp_path_factory.mktemp("practice"))
        server = runner.run(house.__aenter__())
        yield runner, runner.run(server.anyone.sign_in())
        runner.run(house.__aexit__(None, None, None))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(texts=sessions)
def test_the_answer_has_its_members(practice, texts):
    """Members and types for any history; without a session the message the app shows; a quoted point is a whole sentence said."""
    runner, ann = practice

    async def ask():
        patient = await ann.patient()
        for text in texts:
            await ann.session(text, patient_id=patient)
        return await ann.post("/summarize-sessions", {"patient_id": patient})

    answer = runner.run(ask())
    assert answer.status == 200
    if not texts:
        assert (answer.body["success"], answer.body["message"]) == (False, "No sessions found for this patient")
        return
    assert answer.body["success"] is True
    assert answer.body["session_count"] == len(texts)
    assert answer.body["summary"].startswith("**Chief Complaint:** ")
    spoken = " ".join(" ".join(texts).split())
    for point in answer.body["key_points"]:
        assert re.match(r"(Session \d+ \(|(Chief Complaint|Emotional State|Plan) in Session \d+ \()", point)
        if quoted := QUOTE.search(point):
            assert quoted[1] in spoken
