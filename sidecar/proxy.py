"""Passes a request on to a model server and streams the answer back.

A caller who leaves cancels the handler (the runner is started with ``handler_cancellation``), which closes the connection
to the server at once, which frees the slot. Bodies are never looked at here except where an engine needs them adapted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from sidecar.command import Refused
from sidecar.process import LlamaProcess, State

if TYPE_CHECKING:
    from collections.abc import Mapping

RETRY_SECONDS = 1
CONNECT_SECONDS = 5.0
_PASSED_BACK = ("Content-Type", "Cache-Control", "X-Accel-Buffering")


def error(status: int, kind: str, message: str, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """Our errors, in the shape of the server's own, and marked as ours."""
    body = {"error": {"code": status, "type": kind, "message": message, "from": "sidecar"}}
    return web.json_response(body, status=status, headers=headers)


def not_ready(message: str) -> web.Response:
    """503, to be tried again."""
    return error(503, "unavailable_error", message, headers={"Retry-After": str(RETRY_SECONDS)})


class Proxy:
    """Streams requests through to model servers over one connection pool without a limit."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def forward(self, request: web.Request, process: LlamaProcess) -> web.StreamResponse:
        """The server's answer to ``request``. 503 while it does not serve; a break in mid-answer is a break for the caller."""
        engine, path = process.engine, request.path
        if reason := engine.unsupported.get(path):
            return error(501, "not_supported_error", reason)
        if process.state is not State.READY:
            return not_ready(_why(process))
        try:
            body = _adapted(process, path, await request.read())
        except Refused as refusal:
            return error(400, "not_supported_error", str(refusal))
        except ValueError:
            return error(400, "invalid_request_error", "The body is not JSON.")
        try:
            return await self._stream(request, process, engine.paths.get(path, path), body)
        except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return not_ready("The model server went away; it is being started again.")

    async def _stream(self, request: web.Request, process: LlamaProcess, path: str, body: bytes) -> web.StreamResponse:
        headers = {
            "Authorization": f"Bearer {process.key}",
            "Content-Type": request.content_type,
            "Accept-Encoding": "identity",
        }
        async with self._session.request(request.method, process.url + path, data=body, headers=headers) as upstream:
            kept = {name: upstream.headers[name] for name in _PASSED_BACK if name in upstream.headers}
            response = web.StreamResponse(status=upstream.status, headers=kept)
            await response.prepare(request)
            try:
                async for chunk in upstream.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            except aiohttp.ClientError:
                _break(request)  # the caller must not take half an answer for a whole one
            except ConnectionError:
                pass  # the caller has left
        return response


def _break(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _why(process: LlamaProcess) -> str:
    if process.state is State.FAILED:
        return f"The {process.launch.manifest.kind} model failed: {process.reason}"
    return "Loading model"


def _adapted(process: LlamaProcess, path: str, body: bytes) -> bytes:
    """The body as the engine takes it. Raises Refused, or ValueError when it is no JSON object."""
    if process.engine.adapt is None or not body:
        return body
    told: Any = json.loads(body)
    if not isinstance(told, dict):
        raise ValueError  # noqa: TRY004 - the caller maps it to 400
    return json.dumps(process.engine.adapt(path, told, process.launch.sampling)).encode()


def session() -> aiohttp.ClientSession:
    """A client for loopback only: no proxies from the environment, no limit, no time-out but for connecting."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        trust_env=False,
        auto_decompress=False,
        read_bufsize=2**16,
    )
