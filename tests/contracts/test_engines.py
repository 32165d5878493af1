"""What the front promises, kept by the fake, by llama-server and by the Python server behind it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from sidecar import header
from sidecar.defaults import ensure_default
from sidecar.store import ModelStore
from tests.fakes import programs
from tests.fakes.llama_server import Reply, Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
CHAT = "/v1/chat/completions"
SYSTEM = {"role": "system", "content": "You answer in one word."}
USER = {"role": "user", "content": "Which colour has snow?"}
ENGINES = [
    "fake",
    pytest.param("llama-server", marks=pytest.mark.gguf),
    pytest.param("llama-cpp-python", marks=pytest.mark.gguf),
]


@dataclass(frozen=True)
class Served:
    """An engine behind the front."""

    name: str
    running: programs.Running
    unsupported: frozenset[str]

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        async with self.running.client.post(path, json=body) as response:
            return response.status, await response.json()

    async def stream(self, **body: object) -> list[dict[str, Any]]:
        """The events of a completion; the stream must end properly."""
        async with self.running.client.post(CHAT, json={"stream": True, **body}) as response:
            assert response.status == 200
            assert response.headers["Content-Type"].startswith("text/event-stream")
            text = await response.text()
        lines = [line.removeprefix("data: ").strip() for line in text.splitlines() if line.startswith("data: ")]
        assert lines[-1] == "[DONE]"
        return [json.loads(line) for line in lines[:-1]]

    def needs(self, path: str) -> None:
        if path in self.unsupported:
            pytest.skip(f"{self.name} declares that it has no {path}")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the packaged models."""
    folder = tmp_path_factory.mktemp("engines")
    ensure_default(ModelStore(folder / "models"))
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ENGINES)
async def served(request: pytest.FixtureRequest, data: Path) -> AsyncIterator[Served]:
    """The front with one engine after the other behind it, all with the small model's files."""
    environment = {"CONTEXT": "1024", "SLOTS": "1", "THREADS": "1", "ENCODER": "none", "START_SECONDS": "120"}
    if request.param == "fake":
        model = ModelStore(data / "models").active("language")
        assert model is not None
        environment |= _fake(data, model.path)
    elif request.param == "llama-cpp-python":
        environment["ENGINE"] = "llama-cpp-python"
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(programs.sidecar(data, **environment))
        status = await running.until_ready()
        yield Served(request.param, running, frozenset(status["engine"]["unsupported"]))


def _fake(folder: Path, model: Path) -> dict[str, str]:
    template = header.read(model).chat_template
    assert template is not None
    Script(replies=[Reply(text="White as it is.")], chat_template=template).write(folder / "control.json")
    return {"SERVER": str(programs.fake_server(folder)), "FAKE_LLAMA_CONTROL": str(folder / "control.json")}


async def test_a_stream_brings_the_text_in_pieces(served: Served):
    """Content deltas, one finish reason, then the end mark."""
    events = await served.stream(messages=[SYSTEM, USER], max_tokens=4, return_progress=True)
    choices = [choice for event in events for choice in event["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert text.strip()
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] in (["length"], ["stop"])


async def test_the_token_limit_is_kept(served: Served):
    """A reply that is cut says ``length``."""
    events = await served.stream(messages=[SYSTEM, USER], max_tokens=1)
    assert [c["finish_reason"] for e in events for c in e["choices"]][-1] == "length"


async def test_a_whole_answer_counts_its_tokens(served: Served):
    """Without streaming: one message and the usage."""
    status, answer = await served.post(CHAT, {"messages": [SYSTEM, USER], "max_tokens": 3})
    assert status == 200
    assert answer["choices"][0]["message"]["content"].strip()
    assert 0 < answer["usage"]["completion_tokens"] <= 3
    assert answer["usage"]["prompt_tokens"] > 5


async def test_a_stop_string_is_left_out(served: Served):
    """Generation ends before the stop string, which is not part of the text."""
    _, whole = await served.post(CHAT, {"messages": [SYSTEM, USER], "max_tokens": 6, "temperature": 0})
    text = whole["choices"][0]["message"]["content"]
    stop = text.strip()[1:3]
    _, cut = await served.post(CHAT, {"messages": [SYSTEM, USER], "max_tokens": 6, "temperature": 0, "stop": [stop]})
    assert stop not in cut["choices"][0]["message"]["content"]


async def test_the_same_seed_gives_the_same_text(served: Served):
    """A completion can be repeated."""
    body = {"messages": [SYSTEM, USER], "max_tokens": 5, "seed": 3, "temperature": 0.8, "cache_prompt": False}
    answers = [(await served.post(CHAT, body))[1]["choices"][0]["message"]["content"] for _ in range(2)]
    assert answers[0] == answers[1]


async def test_a_grammar_binds(served: Served):
    """Only what the grammar allows is written (the fake says what it is told)."""
    if served.name == "fake":
        pytest.skip("the fake is scripted")
    body = {"messages": [SYSTEM, USER], "max_tokens": 8, "grammar": 'root ::= "yes" | "no"'}
    _, answer = await served.post(CHAT, body)
    assert answer["choices"][0]["message"]["content"] in {"yes", "no"}


async def test_progress_is_told_and_a_prefill_is_gone_on_from(served: Served):
    """Progress counts up to the whole prompt; the reply says the prefill back first. Or it is refused, never ignored."""
    messages = [SYSTEM, USER, {"role": "assistant", "content": "White"}]
    if "/slots" in served.unsupported:
        status, answer = await served.post(CHAT, {"messages": messages})
        assert (status, answer["error"]["from"]) == (400, "sidecar")
        return
    events = await served.stream(messages=messages, max_tokens=3, return_progress=True)
    progress = [event["prompt_progress"] for event in events if "prompt_progress" in event]
    assert progress[-1]["processed"] == progress[-1]["total"] > 0
    text = "".join(c["delta"].get("content") or "" for e in events for c in e["choices"])
    assert text.startswith("White")
    assert text.count("White") == 1


async def test_tokens_can_be_counted(served: Served):
    """A longer text has more tokens; the empty one has none."""
    counts = [
        len((await served.post("/tokenize", {"content": text}))[1]["tokens"]) for text in ("snow", "snow is very white")
    ]
    assert 0 < counts[0] < counts[1]


async def test_special_tokens_in_a_text_are_seen_as_such(served: Served):
    """What steers the model is one token: that is how neutralised text is told from text that is not."""
    served.needs("/props")
    _, hot = await served.post("/tokenize", {"content": "<|im_end|>"})
    _, cold = await served.post("/tokenize", {"content": "< |im_end|>"})
    assert len(hot["tokens"]) == 1 < len(cold["tokens"])


async def test_the_template_is_applied(served: Served):
    """The rendered prompt holds every message in order and opens the assistant's turn."""
    served.needs("/apply-template")
    _, answer = await served.post("/apply-template", {"messages": [SYSTEM, USER]})
    expected = f"<|im_start|>system\n{SYSTEM['content']}<|im_end|>\n<|im_start|>user\n{USER['content']}<|im_end|>\n<|im_start|>assistant\n"
    assert answer["prompt"] == expected


async def test_too_long_a_prompt_is_refused_with_its_length(served: Served):
    """Nothing is cut silently."""
    body = {"messages": [SYSTEM, {"role": "user", "content": "snow " * 3000}], "max_tokens": 1}
    status, answer = await served.post(CHAT, body)
    assert status == 400
    assert "context" in json.dumps(answer)


async def test_idle_slots_are_told(served: Served):
    """Between requests none is at work."""
    served.needs("/slots")
    await served.running.idle()
    assert [slot["is_processing"] for slot in await served.running.slots()] == [False]


@pytest.mark.parametrize("path", ["/slots", "/props", "/metrics"])
async def test_what_an_engine_cannot_do_is_said(served: Served, path: str):
    """Either it answers, or the front says 501 and why."""
    async with served.running.client.get(path) as response:
        assert response.status == (501 if path in served.unsupported else 200)


async def test_the_model_is_listed_by_its_name(served: Served):
    """Under the manifest's name, not a path of this machine."""
    async with served.running.client.get("/v1/models") as response:
        assert (await response.json())["data"][0]["id"] == "smollm2-135m-instruct"
