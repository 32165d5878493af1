"""Notes over HTTP: written, edited, kept, streamed."""

from __future__ import annotations

import asyncio

from tests.fakes.llama_server import Reply
from tests.running import TRANSCRIPT, serving, until


async def test_a_session_gets_a_note(ann):
    """The contract's members are there, and the session shows an AI note of five sections."""
    session = await ann.session()
    answer = await ann.generate(session)
    assert answer.status == 200, answer.text
    assert answer.body["success"] is True
    assert answer.body["can_edit"] is True
    assert answer.body["session_id"] == session
    assert answer.body["inference_time"] >= 0
    shown = await ann.shown(session)
    assert shown["notes"] == answer.body["generated_notes"]
    metadata = shown["notes_metadata"]
    assert (metadata["is_ai_generated"], metadata["edited_from_ai"], metadata["origin"]) == (True, False, "ai")
    assert metadata["generated_at"]
    headings = [line.split(":**")[0] for line in shown["notes"].splitlines()]
    wanted = ["Chief Complaint", "Emotional State", "Risk", "Intervention", "Plan"]
    assert headings == [f"**{name}" for name in wanted]


async def test_notes_are_not_overwritten_unasked(ann):
    """Without regenerate an existing note stays, in the words the frontend knows; with it, it stays as a version."""
    session = await ann.session(notes="My own words.")
    refused = await ann.generate(session, regenerate=False)
    assert refused.status == 400
    assert refused.body["detail"] == "Notes already exist. Set regenerate=true to overwrite."
    assert (await ann.shown(session))["notes"] == "My own words."
    await ann.generate(session)
    assert [version["origin"] for version in await ann.versions(session)] == ["ai", "human"]
    assert (await ann.versions(session))[1]["notes"] == "My own words."


async def test_too_little_was_said(ann):
    """Under 50 characters there is nothing to write a note from."""
    assert (await ann.generate(await ann.session("Client: Hello."))).status == 400
    assert (await ann.generate(await ann.session(None))).status == 400


async def test_a_model_that_is_not_there(server, ann):
    """While the model loads: 503 with Retry-After, nothing stored, and readiness says so too."""
    session = await ann.session()
    server.fake.script.shut = True
    answer = await ann.generate(session)
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert isinstance(answer.body["detail"], str)
    assert await ann.versions(session) == []
    assert (await ann.get("/ready")).status == 503
    assert (await ann.get("/health")).body["status"] == "degraded"


async def test_a_fallback_never_displaces_a_note(tmp_path):
    """Where the model breaks off, the extract is kept as a version, and the caller is shown the note that stays."""
    async with serving(tmp_path, [Reply(), Reply(cut_after=3)]) as server:
        ann = await server.anyone.sign_in()
        session = await ann.session()
        first = (await ann.generate(session)).body["generated_notes"]
        again = await ann.generate(session)
        assert again.status == 200, again.text
        assert (again.body["origin"], again.body["is_current"]) == ("fallback", False)
        assert again.body["generated_notes"] == first
        assert (await ann.shown(session))["notes"] == first
        assert [version["origin"] for version in await ann.versions(session)] == ["fallback", "ai"]
        bare = await ann.session()
        await ann.generate(bare)
        metadata = (await ann.shown(bare))["notes_metadata"]
        assert (metadata["is_ai_generated"], metadata["edited_from_ai"]) == (False, False)


async def test_every_way_of_editing_keeps_authorship(ann):
    """PUT of the notes and PUT of the session go through one door; claims in the request decide nothing."""
    session = await ann.session()
    written = (await ann.generate(session)).body["generated_notes"]
    edited = await ann.put(f"/sessions/{session}/notes", {"notes": written + " More.", "is_ai_generated": True})
    assert edited.body["notes_metadata"] == {"is_ai_generated": True, "edited_from_ai": True}
    again = await ann.put(f"/sessions/{session}", {"notes": written + " Still more."})
    assert again.body["session"]["notes_metadata"]["edited_from_ai"] is True
    mine = await ann.session()
    own = await ann.put(f"/sessions/{mine}/notes", {"notes": "Mine.", "is_ai_generated": True, "edited_from_ai": True})
    assert own.body["notes_metadata"] == {"is_ai_generated": False, "edited_from_ai": False}


async def test_saving_the_same_again_changes_nothing(ann):
    """The app resends transcript and notes on every Save: no new version, no new revision, no new author."""
    session = await ann.session()
    await ann.generate(session)
    before = await ann.shown(session)
    same = {"original_transcription": before["original_transcription"], "notes": before["notes"] + "\r\n"}
    after = (await ann.put(f"/sessions/{session}", same)).body["session"]
    assert after["notes"] == before["notes"]
    assert after["notes_metadata"] == before["notes_metadata"]
    assert len(await ann.versions(session)) == 1


async def test_what_stood_before_comes_back_as_it_was(ann):
    """Text put back is whose it was: the model's is the model's, the therapist's is the therapist's."""
    session = await ann.session(notes="Mine.")
    written = (await ann.generate(session)).body["generated_notes"]
    back = await ann.put(f"/sessions/{session}/notes", {"notes": "Mine."})
    assert back.body["notes_metadata"] == {"is_ai_generated": False, "edited_from_ai": False}
    model = await ann.put(f"/sessions/{session}/notes", {"notes": written})
    assert model.body["notes_metadata"] == {"is_ai_generated": True, "edited_from_ai": False}


async def test_old_markers_are_taken_and_the_new_one_written(ann):
    """All spellings of the marker come in; one comes out."""
    session = await ann.session()
    await ann.put(f"/sessions/{session}/notes", {"notes": "{{RED}}suicidal{{/REDC}} and {{red:harm}}"})
    assert (await ann.shown(session))["notes"] == "{{RED:suicidal}} and {{RED:harm}}"


async def test_two_generations_at_once(tmp_path):
    """Both notes are kept, in order, and exactly one is current."""
    async with serving(tmp_path, [Reply(token_seconds=0.001)], slots=2) as server:
        ann = await server.anyone.sign_in()
        session = await ann.session()
        answers = await asyncio.gather(
            *(ann.generate(session) for _ in range(2)), ann.put(f"/sessions/{session}", {"notes": "Mine."})
        )
        assert [answer.status for answer in answers] == [200, 200, 200]
        versions = await ann.versions(session)
        assert sorted(version["number"] for version in versions) == [1, 2, 3]
        assert [version["is_current"] for version in versions].count(True) == 1
        current = next(version for version in versions if version["is_current"])
        assert (await ann.shown(session))["notes"] == current["notes"]


async def test_a_caller_who_leaves_still_gets_the_note(tmp_path):
    """A JSON caller hangs up; the run goes on and its note is stored."""
    async with serving(tmp_path, [Reply(token_seconds=0.01)]) as server:
        ann = await server.anyone.sign_in()
        session = await ann.session()
        call = asyncio.create_task(ann.generate(session))
        await until(server.asked)
        call.cancel()
        await until(lambda: ann.versions(session))
        assert (await ann.shown(session))["notes_metadata"]["origin"] == "ai"


async def test_shutdown_waits_for_the_note(tmp_path):
    """A run that its caller left is stored before the server ends."""
    async with serving(tmp_path, [Reply(token_seconds=0.01)]) as server:
        ann = await server.anyone.sign_in()
        session = await ann.session()
        call = asyncio.create_task(ann.generate(session))
        await until(server.asked)
        call.cancel()
        await server.runner.cleanup()
    async with serving(tmp_path) as server:
        bob = await server.anyone.sign_in()
        again = type(ann)(bob.url, bob.http, ann.token)
        assert (await again.shown(session))["notes_metadata"]["origin"] == "ai"


async def test_an_edited_transcript_is_a_new_revision(ann):
    """A note points at the transcript it was written from, whatever becomes of the transcript later."""
    session = await ann.session()
    await ann.generate(session)
    longer = TRANSCRIPT + "\nTherapist: See you next week."
    changed = await ann.put(f"/sessions/{session}", {"original_transcription": longer})
    assert changed.body["session"]["original_transcription"] == longer
    await ann.generate(session)
    newer, older = [version["revision_id"] for version in await ann.versions(session)]
    assert newer != older
