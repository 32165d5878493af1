"""Property 17 over HTTP: the metadata of a note tells the model's, the edited and the human's apart, whatever a client claims."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.running import serving

EXPECTED = {"ai": (True, False), "ai_edited": (True, True), "human": (False, False), None: (False, False)}
STEPS = st.lists(st.sampled_from(["write", "edit", "save", "same"]), min_size=1, max_size=4)


@pytest.fixture
def server(tmp_path):
    """A running server and its loop, shared by all examples."""
    loop = asyncio.new_event_loop()
    running = serving(tmp_path)
    started = loop.run_until_complete(running.__aenter__())
    started.fake.kinds = frozenset({"language"})  # no encoder: not what is asked here
    ann = loop.run_until_complete(started.anyone.sign_in())
    yield loop, ann
    loop.run_until_complete(running.__aexit__(None, None, None))
    loop.close()


@pytest.mark.timeout(180)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS, claims=st.tuples(st.booleans(), st.booleans()))
def test_metadata_follows_the_versions(server, steps, claims):
    """After any sequence of writing, editing and saving again, the two flags are those of the origin that the steps make."""
    loop, ann = server
    loop.run_until_complete(_walk(ann, steps, claims))


async def _walk(ann, steps, claims):
    session = await ann.session()
    origin, text = None, None
    for number, step in enumerate(steps):
        if step == "write":
            text = (await ann.generate(session)).body["generated_notes"]
            origin = "ai"
        elif step == "edit":
            text = f"{text or ''} Edit {number}."
            body = {"notes": text, "is_ai_generated": claims[0], "edited_from_ai": claims[1]}
            answer = await ann.put(f"/sessions/{session}/notes", body)
            origin = "ai_edited" if origin in {"ai", "ai_edited"} else "human"
            assert tuple(answer.body["notes_metadata"].values()) == EXPECTED[origin]
        elif step == "save":
            text = f"{text or ''} Save {number}."
            await ann.put(f"/sessions/{session}", {"notes": text})
            origin = "ai_edited" if origin in {"ai", "ai_edited"} else "human"
        elif text is not None:
            await ann.put(f"/sessions/{session}", {"notes": text, "is_completed": True})
    shown = await ann.shown(session)
    metadata = shown["notes_metadata"]
    assert shown["notes"] == text
    assert (metadata["is_ai_generated"], metadata["edited_from_ai"]) == EXPECTED[origin]
    assert metadata["origin"] == origin
