"""The sidecar with the real llama-server, the real small model and the real encoder."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sidecar import header, store
from sidecar.defaults import ensure_default
from sidecar.store import ModelStore
from tests.fakes import model_file, programs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

pytestmark = [pytest.mark.gguf, pytest.mark.asyncio(loop_scope="module")]
CHAT = "/v1/chat/completions"
CANARY = "zanzibarian"
WORDS = ["the", "client", "spoke", "about", "sleep", "work", "mother", "river", "night", CANARY]


def ask(words: int, **more: object) -> dict[str, object]:
    """A long request whose every prompt is another one, so that no cache shortens it."""
    text = " ".join(random.choices(WORDS, k=words))
    messages = [{"role": "system", "content": "Retell."}, {"role": "user", "content": text}]
    return {
        "messages": messages,
        "stream": True,
        "return_progress": True,
        "max_tokens": 2000,
        "cache_prompt": False,
        **more,
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sidecar")
    ensure_default(ModelStore(folder / "models"))
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(data: Path) -> AsyncIterator[programs.Running]:
    """The sidecar with both models; the log is searched for session text at the end."""
    async with programs.sidecar(data, SLOTS="1", CONTEXT="4096", THREADS="1", LOG_LEVEL="debug") as it:
        await it.until_ready()
        yield it
        assert await it.stop() == 0
        assert CANARY not in it.log_path.read_text()


async def test_it_says_what_serves(running: programs.Running, data: Path):
    """Name, fingerprints and limits of the very file that lies in the folder."""
    status = await running.status()
    model = ModelStore(data / "models").active("language")
    assert model is not None
    assert status["model"]["sha256"] == model.manifest.sha256
    assert status["model"]["chat_template_sha256"] == header.read(model.path).chat_template_sha256
    assert (status["model"]["context"], status["model"]["slots"]) == (4096, 1)
    (loaded,) = [line for line in running.log() if line["event"] == "model.loaded" and line["kind"] == "language"]
    assert loaded["seconds"] > 0


async def test_the_encoder_knows_meaning_from_wording(running: programs.Running):
    """384 numbers of length one; a paraphrase lies nearer than an idiom with the same words."""
    texts = ["I do not want to be alive any more.", "I wish I was dead.", "This traffic is killing me.", "We had soup."]
    async with running.client.post("/v1/embeddings", json={"input": texts}) as response:
        vectors = [entry["embedding"] for entry in (await response.json())["data"]]
    assert {len(vector) for vector in vectors} == {384}
    assert all(math.isclose(sum(x * x for x in vector), 1, abs_tol=1e-4) for vector in vectors)
    near, idiom, other = (sum(a * b for a, b in zip(vectors[0], vector, strict=True)) for vector in vectors[1:])
    assert near > idiom + 0.1
    assert near > other


async def test_a_caller_who_leaves_while_the_prompt_is_read_frees_the_slot(running: programs.Running):
    """Within a second, or within three batches where the machine is so busy that a second is less."""
    response = await running.client.post(CHAT, json=ask(1200))
    told: list[float] = []
    while len(told) < 3:
        if b"prompt_progress" in await response.content.readline():
            told.append(time.monotonic())
    batch_seconds = told[-1] - told[-2]
    assert any(slot["is_processing"] for slot in await running.slots())
    assert await seconds_until_idle(running, response) < max(1.0, 3 * batch_seconds)


async def test_a_caller_who_leaves_while_tokens_come_frees_the_slot(running: programs.Running):
    """Within a second."""
    response = await running.client.post(CHAT, json=ask(5))
    while b'"content":"' not in await response.content.readline():
        continue
    assert await seconds_until_idle(running, response) < 1


async def seconds_until_idle(running: programs.Running, response: aiohttp.ClientResponse) -> float:
    """Leave, and wait for the slot."""
    response.close()
    left = time.monotonic()
    await running.idle()
    return time.monotonic() - left


async def test_a_hundred_callers_who_leave_leave_nothing(running: programs.Running):
    """At random moments: no slot stays at work, nothing stays counted, no connection to the server stays open."""
    chance = random.Random(7)

    async def call() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(chance.uniform(0.0, 0.5)):
                async with running.client.post(CHAT, json=ask(chance.choice([5, 300]))) as response:
                    await response.read()

    for _ in range(10):
        await asyncio.gather(*(call() for _ in range(10)))
    while (await running.status())["in_flight"]:
        await asyncio.sleep(0.02)
    await asyncio.wait_for(running.idle(), 60)
    assert connections(running.process.pid) < 10
    assert (await running.status())["restarts"] == 0


def connections(pid: int) -> int:
    return sum(str(entry.readlink()).startswith("socket:") for entry in Path(f"/proc/{pid}/fd").iterdir())


async def test_a_killed_server_is_back_within_ten_seconds(running: programs.Running):
    """The stream that ran breaks; soon the next one works."""
    pid = (await running.status())["engine"]["pid"]
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    await programs.gone(pid)
    while (status := await running.status())["state"] != "ready" or status["engine"]["pid"] == pid:
        await asyncio.sleep(0.05)
    assert time.monotonic() - killed < 10
    async with running.client.post(CHAT, json=ask(5, max_tokens=2)) as response:
        assert (await response.text()).endswith("data: [DONE]\n\n")


async def test_a_killed_sidecar_leaves_no_server(data: Path):
    """Neither of the two model servers outlives SIGKILL of the sidecar."""
    async with programs.sidecar(data, SLOTS="1", CONTEXT="512", THREADS="1") as it:
        status = await it.until_ready()
        while status["encoder"]["state"] != "ready":
            status = await it.status()
        pids = [status["engine"]["pid"], status["encoder"]["pid"]]
        it.process.kill()
        await it.process.wait()
        for pid in pids:
            await asyncio.wait_for(programs.gone(pid), 5)


async def test_sigterm_lets_a_completion_end(data: Path):
    """What runs is finished, then everything is gone."""
    async with programs.sidecar(data, SLOTS="1", CONTEXT="1024", THREADS="1", ENCODER="none") as it:
        pid = (await it.until_ready())["engine"]["pid"]
        async with it.client.post(CHAT, json=ask(5, max_tokens=60)) as response:
            await response.content.readline()
            it.process.send_signal(signal.SIGTERM)
            assert (await response.text()).endswith("data: [DONE]\n\n")
        assert await it.process.wait() == 0
        assert not programs.alive(pid)


async def test_a_file_the_real_server_cannot_load_is_given_up_with_a_reason(data: Path, tmp_path: Path):
    """A header alone passes our checks; the server's own complaint becomes our reason, and the exit code says so."""
    models = ModelStore(tmp_path / "models")
    source = model_file.write(tmp_path / "hollow.gguf")
    models.add(source, replace(store.describe(source), name="hollow"))
    code, said = await programs.refused(tmp_path, MODEL="hollow", ENCODER="none", RESTARTS="1", BACKOFF_SECONDS="0.1")
    assert code == 16
    assert "does not stay up" in said
