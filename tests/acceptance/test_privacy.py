"""Nobody's words are in a log, in the metrics or in an error, whatever happens and however talkative the programs are told to be.

The word looked for is in every transcript, name, note and edit. The log is that of both programs and of what they let through
of llama-server's, at level debug. That of the house which all other tests talk to is looked at when it goes down.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import gguf
import pytest

from tests import houses
from tests.fakes import programs
from tests.fakes.llama_server import NOTE, Reply, Script
from tests.running import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.gguf, pytest.mark.timeout(600)]

SAID = "Zephyrine"
FAULTS = (
    Reply(),  # what the sidecar asks first, to see whether the server works
    Reply(text=f"**Chief Complaint:** {SAID} moved out."),  # three sections are missing, and the repairs as well
    Reply(malformed_after=3),
    Reply(error_after=3),
    Reply(status=500),
    Reply(status=400),
    Reply(cut_after=4),
    Reply(text=NOTE.replace("The client", SAID), leak="<|im_end|>"),
)


def told(house: houses.House) -> list[str]:
    """What the house has said of anybody."""
    return houses.leaks(house.log_path.read_text())


def chat_template(model: Path) -> str:
    """The template in a GGUF: the sidecar serves no model that renders prompts by another one."""
    template: str = gguf.GGUFReader(model).fields["tokenizer.chat_template"].contents()
    return template


async def refusals(ann, session: int, patient: int) -> list[str]:
    """The bodies of errors provoked with the word in what was sent."""
    wrong = [
        ann.post("/patients/", {"full_name": {"first": SAID}}),
        ann.post("/patients/", data=f'{{"full_name": "{SAID}'.encode(), headers={"Content-Type": "application/json"}),
        ann.post("/sessions/", {"patient_id": 10**9, "language": SAID, "original_transcription": SAID}),
        ann.post("/sessions/", {"patient_id": patient, "language": "english", "duration": SAID}),
        ann.put(f"/sessions/{session}/notes", {"notes": [SAID]}),
        ann.post(f"/sessions/{session}/generate-notes", {"regenerate": SAID}),
        ann.post(f"/sessions/{session}/generate-notes", {"regenerate": False}),
        ann.get(f"/sessions/{SAID}"),
        ann.get(f"/{SAID}"),
        ann.get(f"/patients/search?q={SAID[0]}&{SAID}={SAID}"),
        ann.post("/auth/register", {"username": SAID, "email": SAID, "password": "short", "full_name": SAID}),
        ann.post("/auth/login", data={"username": SAID, "password": SAID}),
        ann.get("/auth/me", headers={"Authorization": f"Bearer {SAID}"}),
    ]
    answers = [await call for call in wrong]
    assert [answer.status for answer in answers if answer.status < 400] == []
    assert [answer.status for answer in answers if answer.status >= 500] == []
    return [answer.text for answer in answers]


async def others(visit, session: int, patient: int) -> list[str]:
    """What somebody else is told of this session."""
    ben = await visit.anyone.sign_in()
    calls = (ben.get(f"/sessions/{session}"), ben.get(f"/patients/{patient}"), ben.generate(session))
    answers = [await call for call in calls]
    assert [answer.status for answer in answers] == [404, 404, 404]
    return [answer.text for answer in answers]


async def test_the_real_server_tells_nothing(visit):
    """A note, edits, wrong calls, a summary, and SIGKILL in mid-generation: not a word in the log, the metrics or an error."""
    ann = await visit.anyone.sign_in()
    patient = await ann.patient(full_name=f"{SAID} Example", notes=f"{SAID} is her sister.")
    session = await ann.session(houses.TRANSCRIPT, patient_id=patient)
    call = asyncio.create_task(ann.generate(session))
    await until(visit.busy, 60)
    killed = await visit.kill_model_server()
    await call
    await until(lambda: visit.back(killed), 60)
    await ann.put(f"/sessions/{session}/notes", {"notes": f"{SAID} was mentioned."})
    await ann.put(f"/sessions/{session}", {"original_transcription": f"{houses.TRANSCRIPT} {SAID} again."})
    await ann.post("/summarize-sessions", {"patient_id": patient})
    bodies = [*await refusals(ann, session, patient), *await others(visit, session, patient)]
    assert houses.leaks("\n".join(bodies)) == []
    assert houses.leaks((await visit.anyone.get("/metrics")).text) == []
    assert houses.leaks(str(await visit.looked_up("/status"))) == []
    assert told(visit.house) == []


async def test_a_faulty_server_makes_nobody_talk(models, small_model, tmp_path):
    """Bad JSON, errors, cuts, a crash and nonsense of the model server: each is logged by its kind and never by its words."""
    control, template = tmp_path / "control.json", chat_template(small_model)
    Script(replies=list(FAULTS), chat_template=template).write(control)
    faulty = {
        "SESSIONSCRIBE_SIDECAR_SERVER": str(programs.fake_server(tmp_path)),
        "SESSIONSCRIBE_SIDECAR_BACKOFF_SECONDS": "0.05",
        "SESSIONSCRIBE_NOTE_SECONDS": "10",
        "FAKE_LLAMA_CONTROL": str(control),
    }
    data = houses.data_folder(tmp_path / "data", models)
    with houses.serving(data, tmp_path / "log", **faulty) as house:
        async with house.visited() as visit:
            ann = await visit.anyone.sign_in()
            origins = set()
            for _ in FAULTS[1:]:
                session = await ann.session(houses.TRANSCRIPT)
                answer = await ann.generate(session)
                assert answer.status == 200, answer.text
                origins.add(answer.body["origin"])
            assert origins == {"ai", "fallback"}
            Script(replies=[Reply(crash_after=3)], chat_template=template).write(control)
            await ann.generate(await ann.session(houses.TRANSCRIPT))
            assert houses.leaks((await visit.anyone.get("/metrics")).text) == []
        assert house.interrupt() == 0
    assert {"inference.finished", "note.fallback", "model.restarting"} <= {line["event"] for line in house.log()}
    assert told(house) == []


def test_the_word_would_be_seen():
    """What looks for the word finds it, in any case and any line."""
    assert houses.leaks(f'{{"event": "a"}}\n{{"event": "{SAID.upper()}"}}') == [f'{{"event": "{SAID.upper()}"}}']
    assert houses.CANARY in houses.TRANSCRIPT.casefold()
