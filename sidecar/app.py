"""The front: one fixed address before the model servers. ``/status``, ``/ready``, ``/health``, and what is passed through."""

from __future__ import annotations

import asyncio
import hmac
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import web

from sidecar import proxy
from sidecar.process import LlamaProcess, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sidecar.command import Launch

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_BODY_BYTES = 64 * 2**20
Phase = Literal["starting", "ready", "restarting", "draining", "failed"]
_OPEN_PATHS = {"/health", "/ready"}  # probes carry no key


@dataclass(slots=True, kw_only=True)
class Sidecar:
    """What the routes stand on."""

    language: LlamaProcess
    encoder: LlamaProcess | None
    api_key: str | None = None
    draining: bool = False
    in_flight: int = 0
    started: float = field(default_factory=time.monotonic)
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Nothing is under way yet."""
        self.idle.set()

    @property
    def phase(self) -> Phase:
        """The state of the whole, in one word."""
        if self.draining:
            return "draining"
        if self.language.state is State.READY:
            return "ready"
        if self.language.state is State.FAILED:
            return "failed"
        return "restarting" if self.language.restarts else "starting"


SIDECAR = web.AppKey("SIDECAR", Sidecar)
PROXY = web.AppKey("PROXY", proxy.Proxy)


def create_app(sidecar: Sidecar) -> web.Application:
    """The application; whoever runs it must do so with ``handler_cancellation=True``."""
    app = web.Application(middlewares=[_known_caller, _counted], client_max_size=MAX_BODY_BYTES)
    app[SIDECAR] = sidecar
    app.cleanup_ctx.append(_client)
    app.router.add_get("/health", _health)
    app.router.add_get("/ready", _ready)
    app.router.add_get("/status", _status)
    for path in ("/slots", "/props", "/v1/models", "/metrics"):
        app.router.add_get(path, _language)
    for path in ("/v1/chat/completions", "/tokenize", "/apply-template"):
        app.router.add_post(path, _language)
    app.router.add_post("/v1/embeddings", _embeddings)
    return app


async def _client(app: web.Application) -> AsyncIterator[None]:
    async with proxy.session() as session:
        app[PROXY] = proxy.Proxy(session)
        yield


@web.middleware
async def _known_caller(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Ask for the key where one is set."""
    key = request.app[SIDECAR].api_key
    given = request.headers.get("Authorization", "")
    if (
        key is not None
        and request.path not in _OPEN_PATHS
        and not hmac.compare_digest(given.encode(), f"Bearer {key}".encode())
    ):
        return proxy.error(401, "authentication_error", "Invalid API Key")
    return await handler(request)


@web.middleware
async def _counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the work under way, and take no more of it while draining."""
    sidecar = request.app[SIDECAR]
    if request.method != "POST":
        return await handler(request)
    if sidecar.draining:
        response = proxy.not_ready("The sidecar is going down.")
        response.force_close()
        return response
    sidecar.in_flight += 1
    sidecar.idle.clear()
    try:
        return await handler(request)
    finally:
        sidecar.in_flight -= 1
        if not sidecar.in_flight:
            sidecar.idle.set()


async def _language(request: web.Request) -> web.StreamResponse:
    return await request.app[PROXY].forward(request, request.app[SIDECAR].language)


async def _embeddings(request: web.Request) -> web.StreamResponse:
    encoder = request.app[SIDECAR].encoder
    if encoder is None:
        return proxy.error(503, "unavailable_error", "No encoder is installed. See `sessionscribe model add --help`.")
    return await request.app[PROXY].forward(request, encoder)


async def _health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _ready(request: web.Request) -> web.Response:
    sidecar = request.app[SIDECAR]
    if sidecar.phase == "ready":
        return web.json_response({"status": "ready"})
    return proxy.not_ready(sidecar.language.reason or f"The sidecar is {sidecar.phase}.")


async def _status(request: web.Request) -> web.Response:
    return web.json_response(status(request.app[SIDECAR]))


def status(sidecar: Sidecar) -> dict[str, Any]:
    """What ``GET /status`` says."""
    language, encoder = sidecar.language, sidecar.encoder
    return {
        "state": sidecar.phase,
        "reason": language.reason if sidecar.phase != "ready" else None,
        "model": _model(language.launch),
        "sampling": asdict(language.launch.sampling),
        "encoder": encoder and {**_identity(encoder), "state": encoder.state, "reason": encoder.reason},
        "engine": {
            "name": language.engine.name,
            "unsupported": sorted(language.engine.unsupported),
            "pid": language.pid,
        },
        "device": language.launch.device,
        "threads": language.launch.threads,
        "in_flight": sidecar.in_flight,
        "restarts": language.restarts,
        "uptime_seconds": round(time.monotonic() - sidecar.started, 3),
    }


def _identity(process: LlamaProcess) -> dict[str, Any]:
    manifest = process.launch.manifest
    return {"name": manifest.name, "sha256": manifest.sha256, "pid": process.pid}


def _model(launch: Launch) -> dict[str, Any]:
    names = (
        *("name", "sha256", "quantization", "size_bytes", "architecture", "chat_template_sha256", "prompt_version"),
        *("adapter_sha256", "licence", "base_model"),
    )
    told = {name: getattr(launch.manifest, name) for name in names}
    return {**told, "context": launch.context, "slots": launch.slots}
