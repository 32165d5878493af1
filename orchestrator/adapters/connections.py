"""How the client of the sidecar connects: every request over a connection of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable


class OneConnectionEach(httpx.AsyncBaseTransport):
    """A transport that makes a connection for each request and closes it with the response.

    A pool of httpcore 1.0.9 keeps an entry for ever when a request is cancelled at the wrong moment. Without a pool there
    is nothing to leak, and a connection on this machine costs nothing beside a completion.
    """

    def __init__(self, verify: ssl.SSLContext) -> None:
        """``verify`` is shared, since making one reads every root certificate."""
        self._verify = verify
        self.open = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request over a connection of its own."""
        transport = httpx.AsyncHTTPTransport(verify=self._verify, trust_env=False)
        self.open += 1
        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            await self._close(transport)
            raise
        response.stream = _ClosingStream(response.stream, lambda: self._close(transport))
        return response

    async def _close(self, transport: httpx.AsyncHTTPTransport) -> None:
        self.open -= 1
        await transport.aclose()


class _ClosingStream(httpx.AsyncByteStream):
    """A response body that closes its connection when it is closed."""

    def __init__(
        self, stream: httpx.SyncByteStream | httpx.AsyncByteStream, close: Callable[[], Awaitable[None]]
    ) -> None:
        self._stream = stream
        self._close: Callable[[], Awaitable[None]] | None = close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in cast("httpx.AsyncByteStream", self._stream):
            yield piece

    async def aclose(self) -> None:
        close, self._close = self._close, None
        if close is not None:
            await close()
