"""13 and 14: the summary's answer has its members, and its input is the patient's sessions by date, empty ones skipped."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.running import serving

pytestmark = pytest.mark.timeout(240)

kinds = st.lists(st.sampled_from(["transcript", "notes", "both", "empty", "blank"]), max_size=5)


@pytest.fixture(scope="module")
def practice(tmp_path_factory):
    """A loop with a running server in it, its data folder, and a therapist: shared by all examples."""
    folder = tmp_path_factory.mktemp("practice")
    with asyncio.Runner() as runner:
        house = serving(folder)
        server = runner.run(house.__aenter__())
        yield runner, server, folder, runner.run(server.anyone.sign_in())
        runner.run(house.__aexit__(None, None, None))


async def a_session(ann, patient, kind, mark):
    """A session of the given kind whose texts hold ``mark``."""
    transcript = f"Therapist: And then?\nClient: I feel sad about {mark} and I cannot sleep because of it at all."
    notes = f"**Chief Complaint:** noted {mark}.\n**Plan:** They meet again."
    texts = {
        "transcript": {"original_transcription": transcript},
        "notes": {"notes": notes},
        "both": {"original_transcription": transcript, "notes": notes},
        "blank": {"original_transcription": "  \n ", "notes": " "},
    }
    body = {"patient_id": patient, "language": "english", **texts.get(kind, {})}
    return (await ann.post("/sessions/", body)).body["session"]["id"]


def put_in_order(folder, sessions, days):
    """Give each session the date that is drawn for it, as a clinic does that enters them late."""
    (path,) = folder.glob("*.sqlite3")
    with sqlite3.connect(path, timeout=10) as database:
        for session, day in zip(sessions, days, strict=True):
            database.execute(
                "UPDATE session SET session_date = ? WHERE id = ?", (f"2026-01-{day:02d} 09:00:00.000000", session)
            )
    database.close()


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(kinds=kinds, order=st.randoms(use_true_random=False))
def test_the_summary_reads_the_sessions_that_have_text_oldest_first(practice, kinds, order):
    """Every session with a transcript or a note is in the prompt, in the order of the dates; the answer has its members."""
    runner, server, folder, ann = practice
    days = order.sample(range(1, 29), len(kinds))

    async def ask():
        patient = await ann.patient()
        marks = [f"mark{number}z" for number in range(len(kinds))]
        made = [await a_session(ann, patient, kind, mark) for kind, mark in zip(kinds, marks, strict=True)]
        put_in_order(folder, made, days)
        server.fake.requests.clear()
        return (await ann.post("/summarize-sessions", {"patient_id": patient})).body

    answer = runner.run(ask())
    told = [number for number, kind in enumerate(kinds) if kind in {"transcript", "notes", "both"}]
    if not told:
        assert answer["success"] is False
        assert answer["message"] == "No sessions found for this patient"
        assert server.fake.requests == []
        return
    assert answer["success"] is True
    assert answer["session_count"] == len(told)
    assert all(isinstance(point, str) and point for point in answer["key_points"])
    headings = ["Chief Complaint", "Emotional State", "Risk", "Intervention", "Plan", "Latest Session", "Progress"]
    assert [line.split(":**")[0][2:] for line in answer["summary"].split("\n")] == headings
    prompt = server.fake.requests[0]["messages"][1]["content"]
    places = [prompt.find(f"mark{number}z") for number in sorted(told, key=lambda number: days[number])]
    assert -1 not in places
    assert places == sorted(places)
