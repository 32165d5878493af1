"""The one client of the sidecar: completions, embeddings and what serves now, over HTTP on this machine.

Every completion is streamed, also for callers that want one piece: a streamed request that is dropped frees its slot, a
non-streamed one runs to its end (``return_progress`` makes the server write, and so notice, during prompt processing too).
httpx errors become ``orchestrator.errors`` here, once; nothing above knows httpx.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import stamina
import structlog

from orchestrator import errors, metrics
from orchestrator.adapters.connections import OneConnectionEach
from orchestrator.adapters.sse_lines import events
from orchestrator.domain.ports import (
    CompletionEvent,
    CompletionRequest,
    Finished,
    ModelDescription,
    PromptProgress,
    Sampling,
    Token,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from orchestrator.adapters.slots import Slots

log = structlog.get_logger()

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0
EMBED_BATCH = 32
SERVICE_UNAVAILABLE = 503


def http_client(url: str, key: str | None) -> httpx.AsyncClient:
    """An httpx client for the sidecar at ``url``. It ignores proxy variables: a transcript must never go to HTTP_PROXY."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key}"} if key else {},
        trust_env=False,
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, pool=None),
        transport=OneConnectionEach(ssl.create_default_context()),
    )


class LlamaClient:
    """A ``LanguageModel`` and an ``Encoder`` behind one sidecar address."""

    def __init__(self, client: httpx.AsyncClient, slots: Slots) -> None:
        """Borrow ``client`` (whoever made it closes it) and queue for ``slots``."""
        self._client = client
        self._slots = slots

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[CompletionEvent, None]:
        """Stream one completion; close the iterator (``contextlib.aclosing``) to free the slot early."""
        queued_at = time.monotonic()
        async with self._slots.granted():
            granted_at = time.monotonic()
            reading = _Reading(request, queued_seconds=granted_at - queued_at)
            deadline = asyncio.get_running_loop().time() + request.deadline_seconds
            try:
                async with self._stream(request, deadline) as chunks:
                    async for event in self._events(chunks, reading, deadline):
                        yield event
                yield reading.finished()
            finally:
                reading.report()

    @asynccontextmanager
    async def _stream(self, request: CompletionRequest, deadline: float) -> AsyncIterator[AsyncIterator[str]]:
        body = _body(request)
        # The deadline bounds the wait for each piece; a time-out of httpx's own would only hide which of the two it was.
        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
        prepared = self._client.build_request("POST", "/v1/chat/completions", json=body, timeout=timeout)
        response = await self._send(prepared, deadline, stream=True)
        try:
            yield events(response.aiter_bytes())
        finally:
            await response.aclose()

    async def _events(
        self, chunks: AsyncIterator[str], reading: _Reading, deadline: float
    ) -> AsyncIterator[CompletionEvent]:
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    data = await anext(chunks, None)
            except TimeoutError:
                reading.outcome = "timeout"
                raise errors.ModelTimeout from None
            except httpx.HTTPError:
                reading.outcome = "broken"
                raise errors.ModelFailed from None
            if data is None or data == "[DONE]":
                return
            for event in reading.take(data):
                yield event

    async def _send(self, request: httpx.Request, deadline: float | None, *, stream: bool) -> httpx.Response:
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._send_with_retries(request, stream=stream)
        except TimeoutError:
            raise errors.ModelTimeout from None
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise errors.ModelUnreachable from None
        except httpx.HTTPError:
            raise errors.ModelFailed from None
        if response.is_success:
            return response
        await response.aclose()
        if response.status_code == SERVICE_UNAVAILABLE:
            raise errors.ModelLoading
        raise errors.ModelFailed

    async def _send_with_retries(self, request: httpx.Request, *, stream: bool) -> httpx.Response:
        # Only a connection that was never made is tried again: then nothing has been processed twice.
        async for attempt in stamina.retry_context(on=httpx.ConnectError, attempts=3, timeout=3.0, wait_max=1.0):
            with attempt:
                return await self._client.send(request, stream=stream)
        raise errors.ModelUnreachable  # pragma: no cover - retry_context either returns or raises

    async def _json(self, method: str, path: str, body: object = None) -> Any:
        request = self._client.build_request(method, path, json=body)
        response = await self._send(request, None, stream=False)
        try:
            return response.json()
        except ValueError:
            raise errors.ModelFailed from None

    async def describe(self) -> ModelDescription:
        """What serves now. Raises ModelLoading while it is not ready."""
        status = await self._json("GET", "/status")
        if status.get("state") != "ready":
            raise errors.ModelLoading
        return _description(status)

    async def count_tokens(self, text: str) -> int:
        """How many tokens ``text`` has."""
        return len((await self._json("POST", "/tokenize", {"content": text}))["tokens"])

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text, in order. Raises ModelLoading where the sidecar has no encoder."""
        vectors: list[list[float]] = []
        for start in range(0, len(texts), EMBED_BATCH):
            batch = list(texts[start : start + EMBED_BATCH])
            answer = await self._json("POST", "/v1/embeddings", {"input": batch})
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors.extend(row["embedding"] for row in rows)
        return vectors


class _Reading:
    """What one completion has said so far, and the numbers that are logged of it (never its text)."""

    def __init__(self, request: CompletionRequest, *, queued_seconds: float) -> None:
        self.outcome = "abandoned"
        self._queued_seconds = queued_seconds
        self._started = time.monotonic()
        self._input_chars = sum(len(message["content"]) for message in request.messages)
        self._echo = _prefill(request)
        self._pieces: list[str] = []
        self._reason: str | None = None
        self._timings: dict[str, Any] = {}

    def take(self, data: str) -> list[CompletionEvent]:
        """The events in one ``data`` of the stream."""
        try:
            return self._take_chunk(json.loads(data))
        except (ValueError, TypeError, KeyError, AttributeError):
            self.outcome = "malformed"
            raise errors.ModelFailed from None

    def _take_chunk(self, chunk: dict[str, Any]) -> list[CompletionEvent]:
        if "error" in chunk:
            self.outcome = "error"
            raise errors.ModelFailed
        found: list[CompletionEvent] = []
        self._timings = chunk.get("timings") or self._timings
        if progress := chunk.get("prompt_progress"):
            found.append(PromptProgress(progress["processed"], progress["total"]))
        for choice in chunk.get("choices", ()):
            if text := self._without_echo((choice.get("delta") or {}).get("content") or ""):
                self._pieces.append(text)
                found.append(Token(text))
            self._reason = choice.get("finish_reason") or self._reason
        return found

    def _without_echo(self, text: str) -> str:
        """Drop the prefill that the server repeats before it goes on; a server that does not repeat it loses nothing."""
        if not self._echo or not text:
            return text
        if self._echo.startswith(text):
            self._echo = self._echo[len(text) :]
            return ""
        if text.startswith(self._echo):
            text, self._echo = text[len(self._echo) :], ""
        return text

    def finished(self) -> Finished:
        """The end of a completion that ended by itself; one that was cut in mid-stream raises ModelFailed."""
        if self._reason is None:
            self.outcome = "broken"
            raise errors.ModelFailed
        self.outcome = self._reason
        return Finished(
            reason=self._reason,
            text="".join(self._pieces),
            prompt_tokens=self._timings.get("prompt_n", 0) + self._timings.get("cache_n", 0),
            cached_tokens=self._timings.get("cache_n", 0),
            completion_tokens=self._timings.get("predicted_n", 0),
            seconds=time.monotonic() - self._started,
            queued_seconds=self._queued_seconds,
        )

    def report(self) -> None:
        """One log line and the metrics of this inference: lengths and times."""
        seconds = time.monotonic() - self._started
        metrics.INFERENCES.labels(outcome=self.outcome).inc()
        metrics.INFERENCE_SECONDS.observe(seconds)
        log.info(
            "inference.finished",
            outcome=self.outcome,
            input_chars=self._input_chars,
            output_chars=sum(map(len, self._pieces)),
            prompt_tokens=self._timings.get("prompt_n", 0) + self._timings.get("cache_n", 0),
            cached_tokens=self._timings.get("cache_n", 0),
            completion_tokens=self._timings.get("predicted_n", 0),
            seconds=round(seconds, 3),
            queued_seconds=round(self._queued_seconds, 3),
        )


def _prefill(request: CompletionRequest) -> str:
    last = request.messages[-1]
    return last["content"] if last["role"] == "assistant" else ""


def _body(request: CompletionRequest) -> dict[str, Any]:
    sampling = request.sampling
    body: dict[str, Any] = {
        "messages": [dict(message) for message in request.messages],
        "stream": True,
        "return_progress": True,
        "cache_prompt": True,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "repeat_penalty": sampling.repeat_penalty,
        "seed": sampling.seed,
        "max_tokens": sampling.max_tokens,
    }
    if request.grammar is not None:
        body["grammar"] = request.grammar
    if request.stop:
        body["stop"] = list(request.stop)
    return body


def _description(status: dict[str, Any]) -> ModelDescription:
    model, sampling = status["model"], status["sampling"]
    return ModelDescription(
        name=model["name"],
        sha256=model["sha256"],
        quantization=model["quantization"],
        size_bytes=model["size_bytes"],
        chat_template_sha256=model["chat_template_sha256"],
        prompt_version=model["prompt_version"],
        adapter_sha256=model.get("adapter_sha256"),
        context=model["context"],
        slots=model["slots"],
        sampling=Sampling(**{name: sampling[name] for name in Sampling.__dataclass_fields__}),
        extra={"encoder": status.get("encoder"), "device": status.get("device")},
    )
