"""A llama-server that says what it is told: deterministic, scriptable, with the real one's vices.

In a test, in this process (it also answers the sidecar's ``/status`` and ``/ready``, so it can stand for a whole sidecar)::

    async with start(replies=[Reply(text="**Chief Complaint:** ...")]) as fake:
        ...                      # fake.url; fake.requests is what was asked, oldest first; fake.busy() the slots at work

As a program, in the place of ``llama-server``: ``python tests/fakes/llama_server.py -m FILE --port N ...``. There the
script is a JSON file named by ``FAKE_LLAMA_CONTROL`` (``{"load_seconds": 1, "replies": [{"text": "..."}]}``), read again
for every completion; what was asked is appended to the file named by ``FAKE_LLAMA_RECORD``.

Replies are used in order and the last one repeats. Without a text the reply is a note in four sections. A token is a
word with the white space before it, or a special token.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import math
import os
import re
import signal
import sys
import time
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence

CHAT_TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL_TOKENS = {"<|endoftext|>": 0, "<|im_start|>": 1, "<|im_end|>": 2}
NOTE = (
    "**Chief Complaint:** The client spoke about the week and what was hard in it.\n"
    "**Emotional State:** The client was tired and said so.\n"
    "**Intervention:** The therapist listened and asked questions.\n"
    "**Plan:** They meet again next week."
)
DIMENSIONS = 384
BATCH = 256
SIDECAR_SAMPLING = {
    "temperature": 0.2,
    "top_p": 0.9,
    "top_k": 40,
    "repeat_penalty": 1.1,
    "seed": 1,
    "max_tokens": 400,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One scripted completion; ``*_after`` count tokens of it, and the vice shows once so many were sent."""

    text: str | None = None  # None: the note above
    status: int = 200  # anything else: an error at once, without a stream
    batch_seconds: float = 0.0  # for each 256 tokens of the prompt
    token_seconds: float = 0.0
    cut_after: int | None = None  # the connection breaks, no end is sent
    hang_after: int | None = None  # nothing comes any more, the connection stays
    malformed_after: int | None = None  # one event is no JSON
    error_after: int | None = None  # an error event inside the stream
    crash_after: int | None = None  # the whole program dies (program only)
    finish_reason: str | None = None  # in place of the true one
    leak: str = ""  # put behind the text, such as a special token


@dataclass(slots=True, kw_only=True)
class Script:
    """What the fake does; may be changed while it runs."""

    replies: list[Reply] = field(default_factory=lambda: [Reply()])
    load_seconds: float = 0.0
    ignore_sigterm: bool = False
    die_at_start: bool = False
    shut: bool = False  # answers 503 "Loading model" for as long as this is set
    chat_template: str = CHAT_TEMPLATE

    @classmethod
    def read(cls, path: Path) -> Script:
        """The script in the JSON file ``path``."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**raw, "replies": [Reply(**reply) for reply in raw.get("replies", [{}])]})

    def write(self, path: Path) -> None:
        """Put the script where a running program looks for it, in one step."""
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self)), encoding="utf-8")
        beside.replace(path)


class FakeLlamaServer:
    """The state behind the routes: slots, what was asked, and the script."""

    def __init__(self, script: Script, *, slots: int = 1, context: int = 4096, api_key: str | None = None) -> None:
        """``context`` is in tokens per slot."""
        self.script = script
        self.context = context
        self.api_key = api_key
        self.alias = "fake"
        self.sampling = dict(SIDECAR_SAMPLING)  # as the sidecar's status tells it
        self.kinds = frozenset({"language", "encoder"})
        self.control: Path | None = None
        self.record: Path | None = None
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self._loaded_at = time.monotonic() + script.load_seconds
        self._working = [False] * slots
        self._free = asyncio.Queue[int]()
        self._released = asyncio.Condition()
        for slot in range(slots):
            self._free.put_nowait(slot)
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # -- what tests look at

    def busy(self) -> int:
        """How many slots are at work."""
        return sum(self._working)

    async def idle(self) -> None:
        """Wait until no slot is at work."""
        async with self._released:
            await self._released.wait_for(lambda: not self.busy())

    def prompts(self) -> list[str]:
        """The prompts as rendered, oldest first."""
        return [render(request["messages"])[0] for request in self.requests if "messages" in request]

    # -- the work of one completion

    def next_reply(self) -> Reply:
        """The reply whose turn it is."""
        if self.control is not None:
            self.script = Script.read(self.control)
        reply = self.script.replies[min(self._count, len(self.script.replies) - 1)]
        self._count += 1
        return reply

    def loading(self) -> bool:
        """Whether the model is still being loaded."""
        return self.script.shut or time.monotonic() < self._loaded_at

    def remember(self, body: dict[str, Any]) -> None:
        """Keep what was asked."""
        self.requests.append(body)
        if self.record is not None:
            with self.record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(body) + "\n")

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[int]:
        """Wait for a slot and hold it."""
        number = await self._free.get()
        self._working[number] = True
        try:
            yield number
        finally:
            self._working[number] = False
            self._free.put_nowait(number)
            self._tell()

    def _tell(self) -> None:
        """Wake those who wait for idle slots; not awaited, for the holder may be in the middle of being cancelled."""

        async def notify() -> None:
            async with self._released:
                self._released.notify_all()

        _ = self.run_on(notify())

    def slots(self) -> list[dict[str, Any]]:
        """``GET /slots``."""
        return [
            {"id": n, "n_ctx": self.context, "speculative": False, "is_processing": working}
            for n, working in enumerate(self._working)
        ]

    def run_on(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do ``work`` to its end whatever becomes of the caller, as the real one does where it cannot see him leave."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


# -- text


def tokens(text: str, *, special: bool = True) -> list[str]:
    """``text`` cut into the fake's tokens; joined they are ``text`` again."""
    pattern = (r"<\|\w+\|>|" if special else "") + r"\s*[^\s<]+|\s*<|\s+"
    return re.findall(pattern, text)


def token_id(piece: str) -> int:
    """A number for a token: small for a special one, above 10 for any other."""
    return SPECIAL_TOKENS.get(piece, 11 + zlib.crc32(piece.encode()) % 49_000)


def render(messages: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    """The prompt as the chat template makes it, and the assistant prefill in it ("" without one)."""
    prefill = messages[-1]["content"] if messages and messages[-1]["role"] == "assistant" else ""
    told = messages[:-1] if prefill else messages
    text = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in told)
    return f"{text}<|im_start|>assistant\n{prefill}", prefill


def completion(reply: Reply, prefill: str, body: Mapping[str, Any], room: int) -> tuple[list[str], str]:
    """The new tokens of a reply and why it ends. A text that begins with the prefill goes on from there."""
    text = (NOTE if reply.text is None else reply.text).removeprefix(prefill) + reply.leak
    for stop in body.get("stop") or []:
        text = text.split(stop, 1)[0]
    new = tokens(text)
    limit = min(room, body.get("max_tokens") or room)
    return new[:limit], reply.finish_reason or ("length" if len(new) > limit else "stop")


def vector(text: str) -> list[float]:
    """A unit vector: texts that share words lie near each other."""
    sums = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()) or [""]:
        digest = hashlib.sha256(word.encode()).digest()
        for axis in range(8):
            sums[int.from_bytes(digest[axis * 2 : axis * 2 + 2], "big") % DIMENSIONS] += (
                1 if digest[16 + axis] % 2 else -1
            )
    norm = math.sqrt(sum(x * x for x in sums)) or 1.0
    return [x / norm for x in sums]


# -- routes

FAKE = web.AppKey("FAKE", FakeLlamaServer)
PUBLIC = {"/health", "/ready"}


def error(status: int, message: str, kind: str, **more: Any) -> web.Response:
    """The real one's error envelope."""
    return web.json_response({"error": {"code": status, "message": message, "type": kind, **more}}, status=status)


@web.middleware
async def gate(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """The key is asked for first, then the model must be loaded: in the real one's order."""
    fake = request.app[FAKE]
    if fake.api_key and request.path not in PUBLIC and request.headers.get("Authorization") != f"Bearer {fake.api_key}":
        return error(401, "Invalid API Key", "authentication_error")
    if fake.loading() and request.path != "/status":
        answer = error(503, "Loading model", "unavailable_error")
        answer.headers["Retry-After"] = "1"
        return answer
    return await handler(request)


async def chat(request: web.Request) -> web.StreamResponse:
    """``POST /v1/chat/completions``, streamed or not."""
    fake, body = request.app[FAKE], await request.json()
    if "language" not in fake.kinds:
        return error(501, "This server does not support completions.", "not_supported_error")
    fake.remember(body)
    reply = fake.next_reply()
    if reply.status != 200:
        return error(reply.status, "scripted failure", "server_error")
    prompt, prefill = render(body["messages"])
    count = len(tokens(prompt))
    if count >= fake.context:
        message = (
            f"request ({count} tokens) exceeds the available context size ({fake.context} tokens), try increasing it"
        )
        return error(400, message, "exceed_context_size_error", n_prompt_tokens=count, n_ctx=fake.context)
    new, reason = completion(reply, prefill, body, fake.context - count)
    run = Run(fake=fake, body=body, reply=reply, prompt_tokens=count, prefill=prefill, new=new, reason=reason)
    return await (streamed(request, run) if body.get("stream") else whole(run))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One completion under way."""

    fake: FakeLlamaServer
    body: dict[str, Any]
    reply: Reply
    prompt_tokens: int
    prefill: str
    new: list[str]
    reason: str

    def usage(self) -> dict[str, Any]:
        """Token counts as the real one tells them."""
        n, m = self.prompt_tokens, len(self.new)
        return {
            "completion_tokens": m,
            "prompt_tokens": n,
            "total_tokens": n + m,
            "prompt_tokens_details": {"cached_tokens": 0},
        }

    def timings(self) -> dict[str, Any]:
        """The speed block of the last event."""
        return {
            "cache_n": 0,
            "prompt_n": self.prompt_tokens,
            "prompt_ms": 1.0,
            "predicted_n": len(self.new),
            "predicted_ms": 1.0,
        }

    def chunk(self, delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> dict[str, Any]:
        """One event; without a delta it has no choices."""
        choices = [] if delta is None else [{"finish_reason": finish, "index": 0, "delta": delta}]
        return {"choices": choices, "created": 1, "id": "chatcmpl-fake", "model": self.fake.alias, **FRAME, **more}


FRAME = {"system_fingerprint": "b0-fake", "object": "chat.completion.chunk"}


async def whole(run: Run) -> web.Response:
    """Not streamed: the slot is held to the end even when the caller has left."""

    async def work() -> None:
        async with run.fake.slot():
            await asyncio.sleep(run.reply.batch_seconds * math.ceil(run.prompt_tokens / BATCH))
            await asyncio.sleep(run.reply.token_seconds * len(run.new))

    await asyncio.shield(run.fake.run_on(work()))
    message = {"role": "assistant", "content": run.prefill + "".join(run.new)}
    choice = {"finish_reason": run.reason, "index": 0, "message": message}
    frame = {"id": "chatcmpl-fake", "model": run.fake.alias, "object": "chat.completion", "created": 1}
    return web.json_response({"choices": [choice], "usage": run.usage(), "timings": run.timings(), **frame})


async def streamed(request: web.Request, run: Run) -> web.StreamResponse:
    """Streamed: a caller who leaves is noticed while decoding, while the prompt is read only with ``return_progress``."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    async with run.fake.slot():
        if not run.body.get("return_progress"):
            await asyncio.shield(run.fake.run_on(read_prompt_unseen(run)))
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for event in opening(run):
                await send(response, event)
                if "prompt_progress" in event:
                    await asyncio.sleep(run.reply.batch_seconds)
            if await decode(request, response, run):
                await close(response, run)
    return response


async def read_prompt_unseen(run: Run) -> None:
    """Prompt processing that no one can stop."""
    await asyncio.sleep(run.reply.batch_seconds * math.ceil(run.prompt_tokens / BATCH))


def opening(run: Run) -> Iterator[dict[str, Any]]:
    """The events before the first token: role, progress, and the prefill said back."""
    role = {"role": "assistant", "content": None}
    yield run.chunk(role)
    done = 0
    while run.body.get("return_progress"):
        progress = {"total": run.prompt_tokens, "cache": 0, "processed": done, "time_ms": done}
        yield run.chunk({"content": run.prefill} if run.prefill and not done else role, prompt_progress=progress)
        if done == run.prompt_tokens:
            return
        done = min(done + BATCH, run.prompt_tokens)
    if run.prefill:
        yield run.chunk({"content": run.prefill})


async def decode(request: web.Request, response: web.StreamResponse, run: Run) -> bool:
    """Send the tokens one by one, with whatever vice is due. False when the stream is not to be ended properly."""
    reply = run.reply
    for sent, piece in enumerate([*run.new, None]):
        if sent == reply.crash_after:
            os._exit(70)
        if sent == reply.hang_after:
            await asyncio.Event().wait()
        if sent == reply.cut_after and request.transport is not None:
            request.transport.abort()
            return False
        if sent == reply.malformed_after:
            await response.write(b"data: {not json\n\n")
        if sent == reply.error_after:
            await send(response, {"error": {"code": 500, "message": "scripted failure", "type": "server_error"}})
            return False
        if piece is not None:
            await send(response, run.chunk({"content": piece}))
            await asyncio.sleep(reply.token_seconds)
    return True


async def close(response: web.StreamResponse, run: Run) -> None:
    """The end of a good stream."""
    usage = bool((run.body.get("stream_options") or {}).get("include_usage"))
    await send(response, run.chunk({}, run.reason, **({} if usage else {"timings": run.timings()})))
    if usage:
        await send(response, run.chunk(None, usage=run.usage(), timings=run.timings()))
    await response.write(b"data: [DONE]\n\n")


async def send(response: web.StreamResponse, event: dict[str, Any]) -> None:
    """One server-sent event."""
    await response.write(f"data: {json.dumps(event)}\n\n".encode())


async def embeddings(request: web.Request) -> web.Response:
    """``POST /v1/embeddings``."""
    fake, body = request.app[FAKE], await request.json()
    if "encoder" not in fake.kinds:
        return error(
            501, "This server does not support embeddings. Start it with `--embeddings`", "not_supported_error"
        )
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    fake.remember(body)
    if any(len(tokens(text)) > 512 for text in texts):
        return error(500, "input is too large to process. increase the physical batch size", "server_error")
    data = [{"embedding": vector(text), "index": n, "object": "embedding"} for n, text in enumerate(texts)]
    count = sum(len(tokens(text)) for text in texts)
    return web.json_response(
        {"model": fake.alias, "object": "list", "usage": {"prompt_tokens": count, "total_tokens": count}, "data": data}
    )


async def tokenize(request: web.Request) -> web.Response:
    """``POST /tokenize``; special tokens in the text are recognised unless ``parse_special`` is false."""
    body = await request.json()
    pieces = tokens(body["content"], special=body.get("parse_special", True))
    if body.get("with_pieces"):
        return web.json_response({"tokens": [{"id": token_id(piece), "piece": piece} for piece in pieces]})
    return web.json_response({"tokens": [token_id(piece) for piece in pieces]})


async def apply_template(request: web.Request) -> web.Response:
    """``POST /apply-template``."""
    return web.json_response({"prompt": render((await request.json())["messages"])[0]})


async def props(request: web.Request) -> web.Response:
    """``GET /props``."""
    fake = request.app[FAKE]
    return web.json_response(
        {
            "default_generation_settings": {"n_ctx": fake.context},
            "total_slots": len(fake.slots()),
            "model_alias": fake.alias,
            "chat_template": fake.script.chat_template,
            "bos_token": "<|im_start|>",
            "eos_token": "<|im_end|>",
            "build_info": "b0-fake",
        }
    )


async def models(request: web.Request) -> web.Response:
    """``GET /v1/models``."""
    return web.json_response({"object": "list", "data": [{"id": request.app[FAKE].alias, "object": "model"}]})


async def slots(request: web.Request) -> web.Response:
    """``GET /slots``."""
    return web.json_response(request.app[FAKE].slots())


async def metrics(request: web.Request) -> web.Response:
    """``GET /metrics``, one gauge of it."""
    return web.Response(text=f"llamacpp:requests_processing {request.app[FAKE].busy()}\n")


async def health(_request: web.Request) -> web.Response:
    """``GET /health``; while the model loads the gate has answered already."""
    return web.json_response({"status": "ok"})


async def status(request: web.Request) -> web.Response:
    """The sidecar's ``GET /status``, for tests in which the fake stands for a whole sidecar."""
    fake = request.app[FAKE]
    template = hashlib.sha256(fake.script.chat_template.encode()).hexdigest()
    model = {
        "name": fake.alias,
        "sha256": "f" * 64,
        "quantization": "Q4_1",
        "size_bytes": 1000,
        "architecture": "llama",
        "context": fake.context,
        "slots": len(fake.slots()),
        "chat_template_sha256": template,
        "prompt_version": "fake",
        "adapter_sha256": None,
        "licence": "none",
        "base_model": "fake",
    }
    return web.json_response(
        {
            "state": "starting" if fake.loading() else "ready",
            "reason": None,
            "model": model,
            "sampling": fake.sampling,
            "encoder": {"state": "ready", "name": "fake-encoder", "sha256": "e" * 64},
            "device": "cpu",
            "threads": 1,
            "in_flight": fake.busy(),
            "restarts": 0,
            "uptime_seconds": 1.0,
        }
    )


def application(fake: FakeLlamaServer) -> web.Application:
    """The routes around ``fake``."""
    app = web.Application(middlewares=[gate], client_max_size=64 * 2**20)
    app[FAKE] = fake
    for path, handler in {
        "/health": health,
        "/ready": health,
        "/props": props,
        "/slots": slots,
        "/status": status,
    }.items():
        app.router.add_get(path, handler)
    app.router.add_get("/v1/models", models)
    app.router.add_get("/metrics", metrics)
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_post("/v1/embeddings", embeddings)
    app.router.add_post("/tokenize", tokenize)
    app.router.add_post("/apply-template", apply_template)
    return app


@contextlib.asynccontextmanager
async def start(
    replies: Sequence[Reply] = (Reply(),), *, host: str = "127.0.0.1", port: int = 0, **options: Any
) -> AsyncIterator[FakeLlamaServer]:
    """Serve in this process on a free port. ``options``: ``slots``, ``context`` (per slot), ``api_key``, ``script``."""
    script = options.pop("script", None) or Script(replies=list(replies))
    fake = FakeLlamaServer(script, **options)
    runner = web.AppRunner(application(fake), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        fake.url = f"http://{host}:{runner.addresses[0][1]}"
        yield fake
    finally:
        await runner.cleanup()


def from_arguments(argv: Sequence[str]) -> tuple[FakeLlamaServer, str, int]:
    """The fake that a llama-server command line asks for, and where it is to listen."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--ctx-size", type=int, default=4096)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--alias", default="fake")
    parser.add_argument("--api-key-file", type=Path)
    parser.add_argument("--embedding", action="store_true")
    args, _ = parser.parse_known_args(argv)
    control = os.environ.get("FAKE_LLAMA_CONTROL")
    script = Script.read(Path(control)) if control else Script()
    key = (
        args.api_key_file.read_text(encoding="utf-8").strip() if args.api_key_file else os.environ.get("LLAMA_API_KEY")
    )
    fake = FakeLlamaServer(script, slots=args.parallel, context=args.ctx_size // args.parallel, api_key=key)
    fake.alias = args.alias
    fake.kinds = frozenset({"encoder"} if args.embedding else {"language"})
    fake.control = Path(control) if control else None
    fake.record = Path(os.environ["FAKE_LLAMA_RECORD"]) if "FAKE_LLAMA_RECORD" in os.environ else None
    return fake, args.host, args.port


async def serve(argv: Sequence[str]) -> None:
    """Run as a program until SIGTERM (or past it, when so told)."""
    fake, host, port = from_arguments(argv)
    if fake.script.die_at_start:
        sys.exit(1)
    stopped = asyncio.Event()
    told = (lambda: None) if fake.script.ignore_sigterm else stopped.set
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told)
    runner = web.AppRunner(application(fake), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    await stopped.wait()
    await runner.cleanup()


if __name__ == "__main__":
    if "--list-devices" in sys.argv:
        print("Available devices:\n  (none)")  # noqa: T201 - what the real one prints
    else:
        asyncio.run(serve(sys.argv[1:]))
