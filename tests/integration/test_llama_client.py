"""The client of the sidecar against the verified fake: what it hands on, and what each vice of the server becomes."""

from __future__ import annotations

import asyncio
import contextlib
import random

import httpx
import pytest

from orchestrator import errors
from orchestrator.adapters.connections import OneConnectionEach
from orchestrator.adapters.llama import LlamaClient, http_client
from orchestrator.adapters.slots import Slots
from orchestrator.domain.ports import CompletionRequest, Finished, PromptProgress, Sampling, Token
from tests.fakes.llama_server import NOTE, Reply, Script, start

LONG = "word " * 3000


@contextlib.asynccontextmanager
async def connected(url, *, slots=4, waiting=1000, patience=5.0, key=None):
    """A client of the sidecar at ``url``."""
    async with http_client(url, key) as http:
        yield LlamaClient(http, Slots(slots, waiting=waiting, patience=patience))


def asked(content="Write.", *, prefill=None, seconds=10.0, **sampling):
    """A completion request."""
    messages = [{"role": "system", "content": "You write notes."}, {"role": "user", "content": content}]
    if prefill is not None:
        messages.append({"role": "assistant", "content": prefill})
    return CompletionRequest(messages=messages, sampling=Sampling(**sampling), deadline_seconds=seconds)


async def everything(client, request):
    """All events of one completion."""
    async with contextlib.aclosing(client.complete(request)) as events:
        return [event async for event in events]


async def test_tokens_are_the_completion_and_the_end_tells_the_counts():
    """The pieces joined are the text, prompt progress comes before them, and the last event has the numbers."""
    async with start() as fake, connected(fake.url) as client:
        events = await everything(client, asked())
    *_, end = events
    assert isinstance(end, Finished)
    assert "".join(event.text for event in events if isinstance(event, Token)) == end.text == NOTE
    assert isinstance(events[0], PromptProgress)
    assert end.reason == "stop"
    assert end.prompt_tokens > 0
    assert end.completion_tokens > 0


async def test_the_configured_sampling_is_what_the_server_gets():
    """Temperature, top_p, top_k, repeat penalty, seed and token limit reach the server as they were given."""
    sampling = {"temperature": 0.7, "top_p": 0.5, "top_k": 7, "repeat_penalty": 1.3, "seed": 99, "max_tokens": 12}
    async with start() as fake, connected(fake.url) as client:
        await everything(client, asked(**sampling))
    assert {name: fake.requests[0][name] for name in sampling} == sampling
    assert fake.requests[0]["stream"] is True
    assert fake.requests[0]["return_progress"] is True


async def test_the_echo_of_a_prefill_is_no_part_of_the_reply():
    """The server repeats the prefill; the caller gets only what comes behind it."""
    prefill = "**Chief Complaint:**"
    async with start() as fake, connected(fake.url) as client:
        events = await everything(client, asked(prefill=prefill))
    assert events[-1].text == NOTE.removeprefix(prefill)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(cut_after=3), errors.ModelFailed),
        (Reply(malformed_after=3), errors.ModelFailed),
        (Reply(error_after=3), errors.ModelFailed),
        (Reply(status=500), errors.ModelFailed),
        (Reply(hang_after=3), errors.ModelTimeout),
    ],
)
async def test_every_vice_has_its_error(reply, error):
    """A cut, a malformed event, an error in the stream, a 500 and a hang each become one typed error."""
    async with start([reply]) as fake, connected(fake.url) as client:
        with pytest.raises(error):
            await everything(client, asked(seconds=0.5))


async def test_loading_and_absence_are_told_apart():
    """A server that loads is ModelLoading, none at all is ModelUnreachable."""
    async with start(script=Script(load_seconds=60)) as fake, connected(fake.url) as client:
        with pytest.raises(errors.ModelLoading):
            await everything(client, asked())
        with pytest.raises(errors.ModelLoading):
            await client.describe()
        url = fake.url
    async with connected(url) as client:
        with pytest.raises(errors.ModelUnreachable):
            await everything(client, asked())


async def test_the_queue_is_bounded():
    """With the one slot taken and no room to wait, the next caller hears at once that the model is busy."""
    async with start([Reply(hang_after=0)]) as fake, connected(fake.url, slots=1, waiting=0) as client:
        first = asyncio.create_task(everything(client, asked(seconds=30)))
        while not fake.busy():
            await asyncio.sleep(0)
        with pytest.raises(errors.Busy):
            await everything(client, asked())
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_a_thousand_cancelled_calls_leak_nothing():
    """Calls cancelled at random moments leave no slot taken, no connection open and a client that still works."""
    chance = random.Random(7)
    replies = [Reply(token_seconds=0.001, batch_seconds=0.001)]
    async with (
        start(replies, slots=8) as fake,
        http_client(fake.url, None) as http,
    ):
        slots = Slots(8, waiting=2000, patience=30.0)
        client = LlamaClient(http, slots)

        async def left_early():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(chance.random() * 0.05):
                    await everything(client, asked(LONG))

        for _ in range(20):
            await asyncio.gather(*(left_early() for _ in range(50)))
        assert (slots.in_use, slots.queued) == (0, 0)
        await fake.idle()
        assert (await everything(client, asked()))[-1].text == NOTE
        assert isinstance(http._transport, OneConnectionEach)
        assert http._transport.open == 0


async def test_a_poisoned_proxy_sees_nothing(monkeypatch):
    """HTTP_PROXY and its kin are ignored: not one connection reaches the proxy they name."""
    seen = []

    async def proxy(_reader, writer):
        seen.append(True)
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, address)
    async with server, start() as fake, connected(fake.url) as client:
        assert (await everything(client, asked()))[-1].text == NOTE
        assert len(await client.embed(["one sentence"])) == 1
    assert seen == []


async def test_embeddings_come_in_order_over_many_batches():
    """One vector a text, in the order of the texts, also where they go in several requests."""
    texts = [f"sentence number {n}" for n in range(70)]
    async with start() as fake, connected(fake.url) as client:
        together = await client.embed(texts)
        alone = [(await client.embed([text]))[0] for text in texts[::23]]
    assert together[::23] == alone


async def test_describe_names_the_model():
    """The description is what ``/status`` says."""
    async with start(context=2048, slots=2) as fake, connected(fake.url) as client:
        description = await client.describe()
    assert (description.context, description.slots, description.name) == (2048, 2, "fake")


async def test_an_answer_that_is_no_json_is_a_failure():
    """A body that cannot be read becomes ModelFailed, never an exception of the HTTP library."""
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=b"<html>"))
    async with httpx.AsyncClient(transport=transport, base_url="http://sidecar") as http:
        client = LlamaClient(http, Slots(1, waiting=0, patience=1))
        with pytest.raises(errors.ModelFailed):
            await client.describe()
