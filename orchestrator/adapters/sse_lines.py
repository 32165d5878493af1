"""Reading server-sent events: bytes in any chunking to the ``data`` of each event.

The rules are those of the WHATWG HTML standard, section "Server-sent events", as far as llama.cpp's server uses them:
comments, ``data`` fields over several lines, LF, CRLF and CR line ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class EventBuffer:
    """Collects bytes and gives back the data of every event that is whole. An unfinished last event is dropped."""

    def __init__(self) -> None:
        """Start empty."""
        self._pending = b""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[str]:
        """Take ``chunk`` and return the data of the events that it completes, in order."""
        self._pending += chunk
        whole: list[str] = []
        *lines, self._pending = self._split()
        for line in lines:
            if not line:
                if self._data:
                    whole.append("\n".join(self._data))
                    self._data = []
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" ").decode("utf-8", "replace"))
        return whole

    def _split(self) -> list[bytes]:
        # A CR at the very end may be the first half of a CRLF, so it stays pending with its line.
        held = b"\r" if self._pending.endswith(b"\r") else b""
        text = self._pending[: len(self._pending) - len(held)]
        lines = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        lines[-1] += held
        return lines


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The data of each event of a byte stream, in order."""
    buffer = EventBuffer()
    async for chunk in chunks:
        for data in buffer.feed(chunk):
            yield data
