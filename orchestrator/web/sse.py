"""The only code that writes a stream of server-sent events.

The first event is awaited before any header goes out, so that an early error is an ordinary problem. A later one becomes
``event: error`` with the same object. A caller who leaves cancels the handler, which ends what feeds the stream.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from orchestrator.errors import AppError, ShuttingDown
from orchestrator.web.keys import STREAMS
from orchestrator.web.problems import describe

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

log = structlog.get_logger()

MEDIA_TYPE = "text/event-stream"
PING_SECONDS = 15.0  # shorter than the idle time-outs of proxies
HEADERS = {
    "Content-Type": f"{MEDIA_TYPE}; charset=utf-8",
    "Cache-Control": "no-store, no-transform",  # nothing on the way may compress it, and so hold it back
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",  # nginx compresses whatever has none, no-transform or not
}

Event = tuple[str, "Mapping[str, Any]"]
Queue = asyncio.Queue[Event | Exception | None]


def wanted(request: web.Request) -> bool:
    """Whether the caller asks for a stream."""
    return MEDIA_TYPE in request.headers.get("Accept", "")


async def respond(
    request: web.Request, events: AsyncGenerator[Event, None], *, ping_seconds: float = PING_SECONDS
) -> web.StreamResponse:
    """Stream ``events``. Raises what they raise before the first one."""
    async with _pumped(request, events) as queue:
        item = await queue.get()
        if isinstance(item, Exception):
            raise item
        response = web.StreamResponse(headers=HEADERS)
        try:
            await response.prepare(request)
            while item is not None:
                await response.write(_written(item, request))
                item = None if isinstance(item, Exception) else await _next(queue, response, ping_seconds)
            await response.write_eof()
        except ConnectionError:
            log.info("stream.abandoned")
        return response


@asynccontextmanager
async def _pumped(request: web.Request, events: AsyncGenerator[Event, None]) -> AsyncIterator[Queue]:
    """Run ``events`` in one task of its own: its time-outs must not see the tasks change between two events."""
    queue: Queue = asyncio.Queue()
    pump = asyncio.create_task(_pump(events, queue))
    request.app[STREAMS].add(pump)
    try:
        yield queue
    finally:
        pump.cancel()
        await asyncio.wait({pump})


async def _pump(events: AsyncGenerator[Event, None], queue: Queue) -> None:
    try:
        async with aclosing(events):
            async for event in events:
                queue.put_nowait(event)
        queue.put_nowait(None)
    except asyncio.CancelledError:
        queue.put_nowait(ShuttingDown())
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the stream's writer tells it
        queue.put_nowait(error)


async def _next(queue: Queue, response: web.StreamResponse, ping_seconds: float) -> Event | Exception | None:
    while True:
        try:
            async with asyncio.timeout(ping_seconds):
                return await queue.get()
        except TimeoutError:
            await response.write(b": still here\n\n")


def _written(item: Event | Exception, request: web.Request) -> bytes:
    if isinstance(item, tuple):
        name, data = item
        return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, default=str)}\n\n".encode()
    if not isinstance(item, AppError):
        log.error("stream.crashed", exc_info=item)
    problem = describe(item, request).model_dump_json(exclude_none=True)
    return f"event: error\ndata: {problem}\n\n".encode()
