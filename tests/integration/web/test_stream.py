"""Notes as server-sent events."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from orchestrator.errors import InvalidInput, ModelFailed
from orchestrator.web import keys, sse
from tests.fakes.llama_server import Reply
from tests.running import serving, until

STREAM = {"Accept": "text/event-stream"}


def events(text):
    """The events of a stream, in order, comments left out."""
    blocks = [block.splitlines() for block in text.strip().split("\n\n") if not block.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


async def stream(client, session):
    """The whole stream of a generation."""
    path = f"/sessions/{session}/generate-notes"
    return await client.post(path, {"regenerate": True}, headers=STREAM)


async def test_a_note_as_it_is_written(ann):
    """Tokens, the five sections in order and one ``done`` at the end, with what a JSON caller gets; then it is stored."""
    session = await ann.session()
    answer = await stream(ann, session)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert "no-transform" in answer.headers["Cache-Control"]
    seen = events(answer.text)
    names = [name for name, _ in seen]
    assert names.count("done") == 1
    assert names[-1] == "done"
    assert {"token", "progress", "section"} <= set(names)
    sections = [data["name"] for name, data in seen if name == "section"]
    assert sections == ["Chief Complaint", "Emotional State", "Risk", "Intervention", "Plan"]
    assert (await ann.shown(session))["notes"] == seen[-1][1]["generated_notes"]


async def test_risk_is_told_at_once(ann):
    """A finding is an event of its own, with its place in the transcript."""
    text = "Therapist: How are you?\nClient: I want to kill myself. I have thought about it every night this week."
    seen = events((await stream(ann, await ann.session(text))).text)
    finding = next(data for name, data in seen if name == "finding")
    assert text[finding["start"] : finding["end"]] == finding["quote"]
    assert "kill" in finding["quote"]


async def test_an_early_error_is_an_ordinary_problem(ann, ben):
    """Before the first event the answer is problem+json with its status."""
    session = await ann.session()
    answer = await stream(ben, session)
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("application/problem+json")


async def test_a_caller_who_leaves_a_stream_saves_nothing(tmp_path):
    """The model's slot is free again and no version was made."""
    async with serving(tmp_path, [Reply(token_seconds=0.05)]) as server:
        ann = await server.anyone.sign_in()
        session = await ann.session()
        call = asyncio.create_task(stream(ann, session))
        await until(server.asked)
        call.cancel()
        async with asyncio.timeout(2):
            await server.fake.idle()
        assert await ann.versions(session) == []


async def test_shutdown_ends_a_stream_with_an_error(tmp_path):
    """An open stream is told that the server ends, in the shape of every other error."""
    async with serving(tmp_path, [Reply(token_seconds=0.2)]) as server:
        ann = await server.anyone.sign_in()
        session = await ann.session()
        url = f"{ann.url}/sessions/{session}/generate-notes"
        async with ann.http.post(url, json={"regenerate": True}, headers=ann.headers(**STREAM)) as answer:
            first = await answer.content.readuntil(b"\n\n")
            closing = asyncio.create_task(server.runner.cleanup())
            rest = await answer.content.read()
            await closing
        name, data = events((first + rest).decode())[-1]
        assert (name, data["type"], data["status"]) == ("error", "urn:problem:shutting-down", 503)


async def answered(given, *, ping_seconds=15.0):
    """What ``sse.respond`` makes of the events of the generator function ``given``, over a real socket."""

    async def handler(request):
        try:
            return await sse.respond(request, given(), ping_seconds=ping_seconds)
        except InvalidInput:
            return web.Response(status=422)

    app = web.Application()
    app[keys.STREAMS] = keys.OpenStreams()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0])
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
        return answer
    finally:
        await runner.cleanup()


async def test_a_late_error_is_the_last_event():
    """After headers are out an error becomes ``event: error``; there is no second response in the body."""

    async def breaks():
        yield "token", {"text": "a"}
        raise ModelFailed

    answer = await answered(breaks)
    assert answer.count("HTTP/1.1") == 1
    assert answer.index("event: token") < answer.index("event: error")
    assert "urn:problem:model-failed" in answer


async def test_an_unforeseen_late_error_says_nothing_of_itself():
    """The text of a foreign exception never reaches the caller."""

    async def crashes():
        yield "token", {"text": "a"}
        raise RuntimeError("what she said")

    answer = await answered(crashes)
    assert "event: error" in answer
    assert "what she said" not in answer


async def test_an_error_before_the_first_event_is_raised():
    """``respond`` raises it, so that it gets its status."""

    async def refuses():
        raise InvalidInput
        yield

    assert (await answered(refuses)).startswith("HTTP/1.1 422")


async def test_silence_is_broken_by_comments():
    """While nothing happens the connection is kept alive, and line breaks in texts break no event."""

    async def slow():
        yield "token", {"text": "one\n\ntwo"}
        await asyncio.sleep(0.2)
        yield "done", {}

    answer = await answered(slow, ping_seconds=0.05)
    assert ": still here" in answer
    assert '"one\\n\\ntwo"' in answer
