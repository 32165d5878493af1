"""``python -m sidecar`` with the fake model server: what it refuses, how it streams, restarts and goes down."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest

from sidecar import store
from sidecar.store import ModelStore
from tests.fakes import model_file, programs
from tests.fakes.llama_server import NOTE, Reply, Script

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.store import StoredModel

pytestmark = pytest.mark.timeout(60)
CANARY = "private words of a session"
CHAT = "/v1/chat/completions"


def ask(text: str = "hello", **more: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}], "stream": True, "return_progress": True, **more}


@pytest.fixture
def model(tmp_path: Path) -> StoredModel:
    """A tiny model in use in ``tmp_path/models``."""
    models = ModelStore(tmp_path / "models")
    source = model_file.write(tmp_path / "tiny.gguf")
    added = models.add(source, replace(store.describe(source), name="tiny"))
    models.activate("tiny")
    return added


@pytest.fixture
def control(tmp_path: Path) -> Path:
    """The fake's script."""
    Script().write(tmp_path / "control.json")
    return tmp_path / "control.json"


@pytest.fixture
def environment(tmp_path: Path, control: Path) -> dict[str, str]:
    return {
        "SERVER": str(programs.fake_server(tmp_path)),
        "FAKE_LLAMA_CONTROL": str(control),
        "FAKE_LLAMA_RECORD": str(tmp_path / "asked.jsonl"),
        "ENCODER": "none",
        "BACKOFF_SECONDS": "0.05",
        "STOP_SECONDS": "2",
    }


async def test_serves_and_says_what(tmp_path: Path, model: StoredModel, environment: dict[str, str]):
    """Status names the model, its file, sampling, device; the log says it was loaded; SIGTERM ends it with 0."""
    async with programs.sidecar(tmp_path, TEMPERATURE="0.7", SLOTS="3", CONTEXT="1000", **environment) as running:
        status = await running.until_ready()
        assert status["state"] == "ready"
        assert status["model"]["sha256"] == model.manifest.sha256
        assert (status["model"]["context"], status["model"]["slots"]) == (1000, 3)
        assert status["sampling"]["temperature"] == 0.7
        assert (status["device"], status["encoder"], status["restarts"]) == ("cpu", None, 0)
        async with running.client.post(CHAT, json=ask()) as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            assert (await response.text()).endswith("data: [DONE]\n\n")
        async with running.client.post("/v1/embeddings", json={"input": "x"}) as response:
            assert response.status == 503
        assert await running.stop() == 0
        (loaded,) = [line for line in running.log() if line["event"] == "model.loaded"]
        assert (loaded["name"], loaded["quantization"], loaded["device"]) == ("tiny", "Q8_0", "cpu")


async def test_while_the_model_loads_callers_are_told_to_come_back(
    tmp_path: Path, model: StoredModel, environment: dict[str, str], control: Path
):
    """Alive but not ready: /health is 200, everything else 503 with Retry-After."""
    Script(load_seconds=2).write(control)
    async with programs.sidecar(tmp_path, **environment) as running:
        async with running.client.get("/health") as response:
            assert response.status == 200
        for path in ("/ready", "/slots"):
            async with running.client.get(path) as response:
                assert response.status == 503
                assert response.headers["Retry-After"] == "1"
                assert "message" in (await response.json())["error"]
        assert (await running.status())["state"] == "starting"
        assert (await running.until_ready())["state"] == "ready"


async def test_a_key_is_asked_for_where_one_is_set(tmp_path: Path, model: StoredModel, environment: dict[str, str]):
    """Without it nothing is said but whether it lives and is ready."""
    (tmp_path / "key").write_text("sesame\n")
    async with programs.sidecar(tmp_path, key="sesame", API_KEY_FILE=str(tmp_path / "key"), **environment) as running:
        await running.until_ready()
        async with aiohttp.ClientSession(running.url) as stranger:
            for path, status in (("/ready", 200), ("/health", 200), ("/status", 401), ("/slots", 401), ("/props", 401)):
                async with stranger.get(path) as response:
                    assert response.status == status


async def test_a_killed_server_comes_back(tmp_path: Path, model: StoredModel, environment: dict[str, str]):
    """SIGKILL of the model server: restarted, counted, and the reason is in the log."""
    async with programs.sidecar(tmp_path, **environment) as running:
        pid = (await running.until_ready())["engine"]["pid"]
        os.kill(pid, signal.SIGKILL)
        while (status := await running.status())["engine"]["pid"] in {pid, None} or status["state"] != "ready":
            await asyncio.sleep(0.02)
        assert status["restarts"] == 1
        assert any(line["event"] == "model.restarting" and "SIGKILL" in line["reason"] for line in running.log())


async def test_a_killed_sidecar_leaves_no_server(tmp_path: Path, model: StoredModel, environment: dict[str, str]):
    """Even SIGKILL, which nobody can catch, takes the model server along."""
    async with programs.sidecar(tmp_path, **environment) as running:
        pid = (await running.until_ready())["engine"]["pid"]
        running.process.kill()
        await running.process.wait()
        await programs.gone(pid)


async def test_a_server_that_ignores_sigterm_does_not_keep_the_sidecar(
    tmp_path: Path, model: StoredModel, environment: dict[str, str], control: Path
):
    """After the time that is set it is killed, and the sidecar ends well."""
    Script(ignore_sigterm=True).write(control)
    environment["STOP_SECONDS"] = "0.3"
    async with programs.sidecar(tmp_path, **environment) as running:
        pid = (await running.until_ready())["engine"]["pid"]
        assert await running.stop() == 0
        assert not programs.alive(pid)


async def test_sigterm_lets_what_runs_come_to_its_end(
    tmp_path: Path, model: StoredModel, environment: dict[str, str], control: Path
):
    """While draining: the running stream ends whole, new work is sent away, readiness is gone."""
    Script(replies=[Reply(text="ok"), Reply(token_seconds=0.03)]).write(control)
    async with programs.sidecar(tmp_path, **environment) as running:
        await running.until_ready()
        async with running.client.post(CHAT, json=ask()) as response:
            await response.content.readline()
            running.process.send_signal(signal.SIGTERM)
            while (await running.status())["state"] != "draining":
                await asyncio.sleep(0.01)
            async with running.client.post(CHAT, json=ask()) as other:
                assert (other.status, other.headers["Retry-After"]) == (503, "1")
            async with running.client.get("/ready") as ready:
                assert ready.status == 503
            assert (await response.text()).endswith("data: [DONE]\n\n")
        assert await running.process.wait() == 0


async def test_draining_has_an_end(tmp_path: Path, model: StoredModel, environment: dict[str, str], control: Path):
    """What does not end in time is cut off, and the log says how many."""
    Script(replies=[Reply(text="ok"), Reply(hang_after=2)]).write(control)
    async with programs.sidecar(tmp_path, DRAIN_SECONDS="0.3", **environment) as running:
        await running.until_ready()
        async with running.client.post(CHAT, json=ask()) as response:
            await response.content.readline()
            assert await running.stop() == 0
        assert running.log()[-1]["cut_off"] == 1


async def test_a_caller_who_leaves_frees_the_slot(
    tmp_path: Path, model: StoredModel, environment: dict[str, str], control: Path
):
    """While the prompt is read, while tokens come and while nothing comes at all; and nothing stays counted."""
    vices = [Reply(batch_seconds=0.2), Reply(token_seconds=0.2), Reply(hang_after=1)]
    Script(replies=[Reply(text="ok"), *vices]).write(control)
    async with programs.sidecar(tmp_path, **environment) as running:
        await running.until_ready()
        for _ in vices:
            response = await running.client.post(CHAT, json=ask("word " * 1500))
            await running.busy()
            response.close()
            await asyncio.wait_for(running.idle(), 1)
        assert (await running.status())["in_flight"] == 0


async def test_a_server_that_dies_in_mid_answer_breaks_the_stream(
    tmp_path: Path, model: StoredModel, environment: dict[str, str], control: Path
):
    """Half an answer must not look whole: the caller's connection breaks as well."""
    Script(replies=[Reply(text="ok"), Reply(crash_after=3), Reply()]).write(control)
    async with programs.sidecar(tmp_path, **environment) as running:
        await running.until_ready()
        async with running.client.post(CHAT, json=ask()) as response:
            with pytest.raises(aiohttp.ClientError):
                await response.read()


async def test_no_word_of_a_session_is_logged(
    tmp_path: Path, model: StoredModel, environment: dict[str, str], control: Path
):
    """Neither prompts nor completions, nor what a failing server says, at the most talkative level."""
    vices = [
        Reply(text="ok"),
        Reply(text=CANARY),
        Reply(text=CANARY, error_after=0),
        Reply(status=500),
        Reply(crash_after=1),
    ]
    Script(replies=vices).write(control)
    async with programs.sidecar(tmp_path, LOG_LEVEL="debug", **environment) as running:
        await running.until_ready()
        for _ in vices:
            try:
                async with running.client.post(CHAT, json=ask(CANARY)) as response:
                    await response.read()
            except aiohttp.ClientError:
                continue
        await running.stop()
        assert CANARY not in running.log_path.read_text()


async def test_a_poisoned_proxy_sees_nothing(
    tmp_path: Path, model: StoredModel, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    """The way to the model server never leads through a proxy."""
    seen: list[bytes] = []

    async def poison(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(100))
        writer.close()

    async with await asyncio.start_server(poison, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, address)
        async with programs.sidecar(tmp_path, **environment) as running:
            await running.until_ready()
            async with running.client.post(CHAT, json=ask()) as response:
                assert NOTE.split()[0] in await response.text()
    assert seen == []


class TestRefusals:
    """Each fault has its exit code and a sentence that says what to do."""

    async def test_nothing_to_serve(self, tmp_path: Path, environment: dict[str, str]):
        """A model that does not exist."""
        code, said = await programs.refused(tmp_path, MODEL="nobody", **environment)
        assert (code, "There is no model nobody" in said) == (10, True)

    async def test_a_removed_file(self, tmp_path: Path, model: StoredModel, environment: dict[str, str]):
        """The manifest is there, the file is gone."""
        model.path.unlink()
        code, said = await programs.refused(tmp_path, **environment)
        assert (code, "is gone" in said) == (10, True)

    async def test_a_truncated_file(self, tmp_path: Path, model: StoredModel, environment: dict[str, str]):
        """A file that is too short."""
        model.path.write_bytes(model.path.read_bytes()[:-10])
        code, said = await programs.refused(tmp_path, **environment)
        assert (code, "cut off" in said) == (11, True)

    async def test_a_damaged_file(self, tmp_path: Path, model: StoredModel, environment: dict[str, str]):
        """A file of the right size with one other byte."""
        data = bytearray(model.path.read_bytes())
        data[-3] ^= 255
        model.path.write_bytes(data)
        code, said = await programs.refused(tmp_path, **environment)
        assert (code, "is damaged" in said) == (11, True)

    async def test_a_file_of_another_architecture(
        self, tmp_path: Path, model: StoredModel, environment: dict[str, str]
    ):
        """The manifest speaks of another model."""
        (model.folder / "model.json").write_text(replace(model.manifest, architecture="phi3").to_json())
        code, said = await programs.refused(tmp_path, **environment)
        assert (code, "architecture is llama, the manifest says phi3" in said) == (12, True)

    async def test_another_prompt_version(self, tmp_path: Path, model: StoredModel, environment: dict[str, str]):
        """A model that was trained on another prompt."""
        (model.folder / "model.json").write_text(replace(model.manifest, prompt_version="0").to_json())
        code, said = await programs.refused(tmp_path, **environment)
        assert (code, "prompt version 0" in said) == (12, True)

    async def test_another_chat_template(
        self, tmp_path: Path, model: StoredModel, environment: dict[str, str], control: Path
    ):
        """The server renders prompts otherwise than the manifest says."""
        Script(chat_template="{{ other }}").write(control)
        code, said = await programs.refused(tmp_path, **environment)
        assert (code, "chat template" in said) == (12, True)

    async def test_too_little_memory(self, tmp_path: Path, model: StoredModel, environment: dict[str, str]):
        """More than any machine has."""
        code, said = await programs.refused(tmp_path, CACHE_RAM_MB="999999999", **environment)
        assert (code, "MB are left" in said) == (13, True)

    async def test_a_taken_port(self, tmp_path: Path, model: StoredModel, environment: dict[str, str]):
        """Somebody listens there already."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            code, said = await programs.refused(tmp_path, **environment | {"PORT": str(taken.getsockname()[1])})
        assert (code, "SESSIONSCRIBE_SIDECAR_PORT" in said) == (14, True)

    async def test_no_server(self, tmp_path: Path, model: StoredModel, environment: dict[str, str]):
        """The program that was named is not there."""
        code, said = await programs.refused(tmp_path, **environment | {"SERVER": "/nowhere/llama-server"})
        assert (code, "/nowhere/llama-server" in said) == (15, True)

    async def test_a_server_that_does_not_stay_up(
        self, tmp_path: Path, model: StoredModel, environment: dict[str, str], control: Path
    ):
        """It is tried as often as is set, then the reason is said."""
        Script(die_at_start=True).write(control)
        code, said = await programs.refused(tmp_path, RESTARTS="2", **environment)
        assert (code, "started 3 times" in said) == (16, True)

    async def test_a_misspelt_setting(self, tmp_path: Path, environment: dict[str, str]):
        """It is named."""
        code, said = await programs.refused(tmp_path, SLOTZ="1", **environment)
        assert (code, "Did you mean SESSIONSCRIBE_SIDECAR_SLOTS?" in said) == (2, True)

    async def test_open_to_others_without_a_key(self, tmp_path: Path, model: StoredModel, environment: dict[str, str]):
        """Transcripts pass here: beyond loopback a key is needed."""
        code, said = await programs.refused(tmp_path, HOST="0.0.0.0", **environment)
        assert (code, "API_KEY_FILE" in said) == (2, True)
