"""What goes wrong while the real server writes: it dies, callers leave, two ask at once."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests import houses
from tests.fakes.programs import alive
from tests.running import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.running import Client

pytestmark = [pytest.mark.gguf, pytest.mark.timeout(600)]

BACK_SECONDS = 10.0
IDLE_SECONDS = 1.0
TRIES = 3  # a busy machine may be late now and then; a server that does not notice is late every time
CALLERS = 100
AT_ONCE = 10


def long_session(first: str) -> str:
    """A transcript of one window whose prompt takes several batches; what is ``first`` keeps the cache from helping."""
    talk = (
        "Therapist: And what did Zephyrine say to that?",
        "Client: That I should rest, and that the garden can wait until the weather is better.",
        "Therapist: How was it to hear that from her?",
        "Client: Strange, since I was always the one who told her to slow down and to sleep.",
    )
    return "\n".join([f"Therapist: Good morning, this is our hour number {first}.", *talk * 3])


def loading_seconds(house: houses.House) -> float:
    """How long the first start took: on a busy machine no other is faster."""
    loaded = (line for line in house.log() if line["event"] == "model.loaded" and line["kind"] == "language")
    seconds: float = next(loaded)["seconds"]
    return seconds


async def events(client: Client, session: int) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
    """The events of a streamed note."""
    path = f"{client.url}/sessions/{session}/generate-notes"
    headers = client.headers(Accept="text/event-stream")
    async with client.http.post(path, json={"regenerate": True}, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        name = ""
        async for line in answer.content:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)


async def leave_at(client: Client, session: int, wanted: str) -> float:
    """Read the stream until the third event ``wanted``, when there is work left, and hang up; the seconds between the last two."""
    stream, seen = events(client, session), [time.monotonic()]
    async for name, data in stream:
        assert name != "done", f"no {wanted} came in time to leave"
        if name == wanted and (wanted != "progress" or data["done"] < data["total"]):
            seen.append(time.monotonic())
        if len(seen) > 3:
            break
    await stream.aclose()
    return seen[-1] - seen[-2]


async def test_a_killed_model_server_costs_at_most_one_note(visit):
    """SIGKILL in mid-generation: the caller gets a finished retry or a marked extract, the server is back in 10 s, and writes."""
    ann = await visit.anyone.sign_in()
    session = await ann.session(long_session("killed"))
    call = asyncio.create_task(ann.generate(session))
    await until(visit.busy, 60)
    killed = await visit.kill_model_server()
    began = time.monotonic()
    await until(lambda: visit.back(killed), 120)
    assert time.monotonic() - began < max(BACK_SECONDS, 2 * loading_seconds(visit.house))
    answer = await call
    assert answer.status == 200, answer.text
    note = answer.body["note"]
    assert (note["origin"], note["provenance"]["retries"]) in {("ai", 1), ("fallback", 0), ("fallback", 1)}
    assert (await ann.shown(session))["notes_metadata"]["is_ai_generated"] is (note["origin"] == "ai")
    assert (await ann.generate(await ann.session(houses.TRANSCRIPT))).body["origin"] == "ai"


@pytest.mark.parametrize("moment", ["progress", "token"])
async def test_a_streaming_caller_who_leaves_frees_the_slot(visit, moment):
    """While the prompt is read as while the answer is written: the slot is idle within a second, and nothing is stored."""
    ann = await visit.anyone.sign_in()
    needed = []
    for number in range(TRIES):
        session = await ann.session(long_session(f"{moment} {number}"))
        step = await leave_at(ann, session, moment)
        left = time.monotonic()
        await until(visit.idle, 60)
        needed.append(time.monotonic() - left)
        assert await ann.versions(session) == []
        if needed[-1] < max(IDLE_SECONDS, 3 * step):  # it is noticed between two steps, however slow they are
            return
    pytest.fail(f"the slot stayed taken for {needed} seconds")


async def test_a_caller_who_wants_one_answer_and_leaves_finds_the_note_later(visit):
    """Without a stream the run goes on and its note is stored."""
    ann = await visit.anyone.sign_in()
    session = await ann.session(houses.TRANSCRIPT)
    call = asyncio.create_task(ann.generate(session))
    await until(visit.busy, 60)
    call.cancel()
    await until(lambda: ann.versions(session), 250)
    assert (await ann.shown(session))["notes_metadata"]["origin"] == "ai"


async def test_two_calls_at_once_lose_nothing(visit):
    """Both notes are kept as versions of the session, and exactly one is current: the one that is shown."""
    ann = await visit.anyone.sign_in()
    session = await ann.session(houses.TRANSCRIPT)
    answers = await asyncio.gather(ann.generate(session), ann.generate(session))
    assert [answer.status for answer in answers] == [200, 200]
    versions = await ann.versions(session)
    assert sorted(version["number"] for version in versions) == [1, 2]
    assert {version["number"] for version in versions} == {answer.body["version"] for answer in answers}
    (current,) = [version for version in versions if version["is_current"]]
    assert current["notes"] == (await ann.shown(session))["notes"]


async def test_a_hundred_callers_leave_and_the_house_goes_down_well(models, tmp_path):
    """At random moments of streams and of plain calls: nothing stays checked out anywhere, and Ctrl-C ends the whole tree with 0."""
    with houses.serving(houses.data_folder(tmp_path / "data", models), tmp_path / "log") as house:
        async with house.visited() as visit:
            ann = await visit.anyone.sign_in()
            session = await ann.session(houses.TRANSCRIPT)
            await _hundred_leave(ann, session)
            await until(visit.idle, 60)
            assert await visit.gauge("sessionscribe_inflight_completions") == 0
            assert await visit.gauge("sessionscribe_queued_completions") == 0
            assert await ann.versions(session) == []
            assert (await ann.generate(session)).body["origin"] == "ai"
        tree = house.tree()
        assert len(tree) >= 4  # sidecar, orchestrator, and two model servers
        assert house.interrupt() == 0
        assert not any(map(alive, tree))
    assert "library.message" not in {line["event"] for line in house.log()}  # such as a task that nobody awaited


async def _hundred_leave(ann: Client, session: int) -> None:
    chance = random.Random(7)  # the same moments in every run, as far as the machine lets them be
    lanes = asyncio.Semaphore(AT_ONCE)

    async def leave(patience: float) -> None:
        async with lanes:
            with suppress(TimeoutError, aiohttp.ClientError):
                async with asyncio.timeout(patience):
                    async for name, _ in events(ann, session):
                        assert name != "done"

    await asyncio.gather(*(leave(chance.uniform(0.0, 1.0)) for _ in range(CALLERS)))
