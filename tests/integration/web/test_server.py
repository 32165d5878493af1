"""The server itself: health, numbers, CORS, calls without a token, and logs without a word of a session."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys

import aiohttp
import pytest

from tests.fakes import llama_server
from tests.fakes.llama_server import Reply
from tests.running import PASSWORD, TRANSCRIPT, Client, serving, until

CANARY = "zebrafinch"


async def test_health_and_readiness(server, ann):
    """Health has every member the app reads and is 200 always; the numbers count."""
    before = (await ann.get("/health")).body
    await ann.generate(await ann.session())
    after = (await ann.get("/health")).body
    assert after["total_inferences"] > before["total_inferences"]
    assert after["avg_inference_time_seconds"] > 0
    assert {"status", "version", "database", "model_loaded", "model_name", "model_size_mb"} <= set(after)
    assert after["status"] == "healthy"
    assert (await ann.get("/ready")).status == 200
    assert (await ann.get("/version")).body["version"]
    server.fake.script.shut = True
    down = await ann.get("/health")
    assert (down.status, down.body["status"], down.body["model_loaded"]) == (200, "degraded", False)


async def test_metrics(ann):
    """Prometheus gets numbers by route, never by path, and no text."""
    await ann.get("/patients/search?q=" + CANARY)
    text = (await ann.get("/metrics")).text
    assert 'route="/patients/search"' in text
    assert CANARY not in text


async def test_request_ids(server):
    """Every answer has one; a caller's own is kept where it is harmless."""
    assert (await server.anyone.get("/health")).headers["X-Request-ID"]
    given = await server.anyone.get("/nothing", headers={"X-Request-ID": "abc-1"})
    assert (given.headers["X-Request-ID"], given.body["request_id"]) == ("abc-1", "abc-1")
    odd = await server.anyone.get("/health", headers={"X-Request-ID": "she said so"})
    assert odd.headers["X-Request-ID"] != "she said so"


async def test_cors(tmp_path):
    """Listed origins may call, on errors too; others get no word of it."""
    async with serving(tmp_path, cors_origins=("https://app.example",)) as server:
        asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"}
        preflight = await server.anyone.call("OPTIONS", "/sessions/1", headers=asked)
        assert preflight.status == 204
        assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
        refused = await server.anyone.get("/auth/me", headers={"Origin": "https://app.example"})
        assert refused.status == 401
        assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example"
        other = await server.anyone.get("/health", headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers


async def test_summaries_from_a_listed_network(tmp_path):
    """With the setting a call without a token gets through and is audited; a bad token does not; other routes stay shut."""
    async with serving(tmp_path, open_networks=("127.0.0.0/8",)) as server:
        ann = await server.anyone.sign_in()
        patient = await ann.patient()
        await ann.session(patient_id=patient)
        answer = await server.anyone.post("/summarize-sessions", {"patient_id": patient})
        assert answer.status == 200, answer.text
        assert answer.body["session_count"] == 1
        assert (await server.anyone.get(f"/patients/{patient}")).status == 401
        forged = Client(server.anyone.url, server.anyone.http, "made-up")
        assert (await forged.post("/summarize-sessions", {"patient_id": patient})).status == 401
    with sqlite3.connect(tmp_path / "sessionscribe.sqlite3") as database:
        events = database.execute("SELECT action, subject FROM audit_event").fetchall()
    database.close()
    assert ("summary.without_token", f"patient:{patient}") in events


async def test_summaries(ann):
    """The contract's members; without a session it says so with 200."""
    patient = await ann.patient()
    nothing = await ann.post("/summarize-sessions", {"patient_id": patient})
    assert nothing.status == 200
    assert nothing.body["success"] is False
    assert nothing.body["message"] == "No sessions found for this patient"
    await ann.session(patient_id=patient)
    answer = (await ann.post("/summarize-sessions", {"patient_id": patient})).body
    assert answer["success"] is True
    assert answer["session_count"] == 1
    assert answer["summary"]
    assert isinstance(answer["key_points"], list)


@pytest.mark.timeout(90)
async def test_no_word_of_a_session_is_logged(tmp_path):
    """The real program at log level debug, through success, refusal and failure: the canary is in no line."""
    replies = [Reply(text=llama_server.NOTE.replace("week", CANARY)), Reply(malformed_after=2), Reply(error_after=2)]
    log = tmp_path / "log"
    async with llama_server.start(replies) as fake:
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-X",
                "dev",
                "-m",
                "orchestrator",
                "serve",
                env={
                    "PATH": "/usr/bin:/bin",
                    "SESSIONSCRIBE_DATA_DIR": str(tmp_path / "data"),
                    "SESSIONSCRIBE_PORT": "0",
                    "SESSIONSCRIBE_SIDECAR_URL": fake.url,
                    "SESSIONSCRIBE_LOG_LEVEL": "debug",
                },
                stdout=output,
                stderr=output,
            )
        try:
            await _talk(await _port(log))
        finally:
            process.terminate()
            code = await process.wait()
    logged = log.read_text()
    assert code == 0
    assert "server.stopped" in logged
    assert "request.finished" in logged
    assert CANARY not in logged.lower()


async def _port(log):
    async def started():
        return "server.started" in log.read_text()

    await until(started, 60)
    line = next(line for line in log.read_text().splitlines() if "server.started" in line)
    return json.loads(line)["port"]


async def _talk(port):
    async with aiohttp.ClientSession() as http:
        ann = await Client(f"http://127.0.0.1:{port}", http).sign_in()
        patient = await ann.patient(full_name=f"Pat {CANARY}")
        session = await ann.session(f"{TRANSCRIPT} The {CANARY} sang. I want to kill myself.", patient_id=patient)
        for _ in range(3):
            await ann.generate(session)
        await ann.post("/summarize-sessions", {"patient_id": patient})
        await ann.put(f"/sessions/{session}/notes", {"notes": f"The {CANARY}."})
        await ann.put(f"/sessions/{session}", {"notes": [CANARY], "duration": CANARY})
        await ann.get(f"/patients/search?q={CANARY}")
        await ann.get(f"/{CANARY}?{CANARY}={CANARY}", headers={"X-Request-ID": f"{CANARY} {CANARY}"})
        await ann.call(CANARY.upper(), "/patients/")
        await ann.post("/auth/login", data={"username": CANARY, "password": PASSWORD})
        await ann.call("POST", "/patients/", data=CANARY.encode(), headers={"Content-Type": "application/json"})
