"""``sessionscribe serve`` with the real server and the real small model: a day's work over HTTP, and how it ends."""

from __future__ import annotations

import os
import signal
import stat

import pytest

from orchestrator.domain.note import SectionName
from tests import houses
from tests.fakes.programs import alive
from tests.running import Client

pytestmark = [pytest.mark.gguf, pytest.mark.timeout(600)]


async def test_a_days_work(visit):
    """Register, log in, a patient, a session, its note, an edit, the versions, a summary: what the app does, in its order."""
    ann = await visit.anyone.sign_in()
    assert (await ann.get("/auth/me")).body["therapist"]["full_name"] == "Ann Example"
    patient = await ann.patient(full_name="Zephyrine Example")
    session = await ann.session(houses.TRANSCRIPT, patient_id=patient)
    written = await ann.generate(session)
    assert written.status == 200, written.text
    note = written.body["generated_notes"]
    assert [line.split(":**")[0] for line in note.splitlines()] == [f"**{name}" for name in SectionName]
    assert written.body["note"]["provenance"]["gguf_sha256"] == (await visit.looked_up("/status"))["model"]["sha256"]
    edited = await ann.put(f"/sessions/{session}/notes", {"notes": f"{note} Zephyrine rang."})
    assert edited.body["notes_metadata"] == {"is_ai_generated": True, "edited_from_ai": True}
    assert [version["origin"] for version in await ann.versions(session)] == ["ai_edited", "ai"]
    summed = (await ann.post("/summarize-sessions", {"patient_id": patient})).body
    assert (summed["success"], summed["session_count"]) == (True, 1)
    assert all(f"**{name}:**" in summed["summary"] for name in SectionName)
    assert isinstance(summed["key_points"], list)


async def test_a_day_survives_a_kill(models, tmp_path):
    """SIGKILL of serve takes the whole tree along; the next start knows the keys, the account's token and every note."""
    data = houses.data_folder(tmp_path / "data", models)
    with houses.serving(data, tmp_path / "log") as house:
        async with house.visited() as visit:
            ann = await visit.anyone.sign_in()
            session = await ann.session(houses.TRANSCRIPT)
            await ann.put(f"/sessions/{session}/notes", {"notes": "Zephyrine moved out."})
        keys = {path.name: path.read_bytes() for path in (data / "keys").iterdir()}
        assert keys
        assert {stat.S_IMODE(path.stat().st_mode) for path in (data / "keys").iterdir()} == {0o600}
        tree = house.tree()
        os.kill(house.process.pid, signal.SIGKILL)
        await houses.none_left(tree)
    with houses.serving(data, tmp_path / "log") as house:
        assert {path.name: path.read_bytes() for path in (data / "keys").iterdir()} == keys
        async with house.visited() as visit:
            again = Client(visit.anyone.url, visit.anyone.http, ann.token)
            assert (await again.shown(session))["notes"] == "Zephyrine moved out."
        tree = house.tree()
        assert house.interrupt() == 0
        assert not any(map(alive, tree))


def test_a_taken_port_is_said(house, tmp_path, models):
    """1 and a reason; the model server that was started first is gone again."""
    port = house.url.rpartition(":")[2]
    data = houses.data_folder(tmp_path / "data", models)
    ran = houses.run("serve", "--port", port, "--data-dir", data, SESSIONSCRIBE_SIDECAR_CHECK_MEMORY="false")
    assert ran.returncode == 1
    assert "address already in use" in ran.stderr.casefold()
    assert houses.mentioning(data) == set()
