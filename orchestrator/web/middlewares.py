"""What happens around every request: its id, its one log line, its numbers, and CORS."""

from __future__ import annotations

import re
import secrets
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from aiohttp import hdrs, web

from orchestrator import metrics
from orchestrator.web.keys import REQUEST_ID, RULES, THERAPIST_ID

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

log = structlog.get_logger()

GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CLIENT_LEFT = 499  # as nginx counts it
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Accept, X-Request-ID, Idempotency-Key",
    "Access-Control-Max-Age": "600",
}
ALWAYS = {"Server": "sessionscribe", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


@web.middleware
async def canonical_line(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id and say in one line how it went. The line has the route, never the path: paths hold names."""
    given = request.headers.get("X-Request-ID", "")
    request[REQUEST_ID] = given if GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
    started, status = time.monotonic(), CLIENT_LEFT
    with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
        try:
            response = await handler(request)
            status = response.status
        finally:
            _report(request, status, time.monotonic() - started)
    return response


def _report(request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical.rstrip("/") or "/" if resource else "unmatched"
    # A method can be any word a client makes up.
    method = request.method if request.method in hdrs.METH_ALL else "OTHER"
    metrics.REQUESTS.labels(method=method, route=route, status=status).inc()
    metrics.REQUEST_SECONDS.labels(method=method, route=route).observe(seconds)
    log.info(
        "request.finished",
        method=method,
        route=route,
        status=status,
        seconds=round(seconds, 4),
        therapist_id=request.get(THERAPIST_ID),
    )


@web.middleware
async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a browser's question whether it may send the real request."""
    asked = request.method == hdrs.METH_OPTIONS and "Access-Control-Request-Method" in request.headers
    if asked and _allowed(request):
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=PREFLIGHT)
    return await handler(request)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Headers of every response, streams and errors too (a signal of ``on_response_prepare``)."""
    response.headers.update(ALWAYS | _cors(request))
    response.headers["X-Request-ID"] = request.get(REQUEST_ID, "")


def _cors(request: web.Request) -> dict[str, str]:
    if not request.app[RULES].cors_origins:
        return {}
    listed = {
        "Access-Control-Allow-Origin": request.headers.get("Origin", ""),
        "Access-Control-Expose-Headers": "X-Request-ID, Retry-After, WWW-Authenticate",
    }
    return {"Vary": "Origin", **(listed if _allowed(request) else {})}


def _allowed(request: web.Request) -> bool:
    return request.headers.get("Origin") in request.app[RULES].cors_origins
