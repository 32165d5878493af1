"""A bounded waiting room in front of the model's slots.

llama-server would queue without end and without a word; here at most ``waiting`` callers wait, each for at most
``patience`` seconds, and everyone else is told at once that the model is busy. The pool of httpx is left unbounded, since
cancelled requests leak its places (httpcore 1.0.9); this is the only bound.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from orchestrator import metrics
from orchestrator.errors import Busy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Slots:
    """Grants at most ``count`` slots at a time, first come first served."""

    def __init__(self, count: int, *, waiting: int, patience: float) -> None:
        """``count`` slots, at most ``waiting`` callers in the queue, each for at most ``patience`` seconds."""
        self._free = asyncio.Semaphore(count)
        self._waiting = 0
        self._most_waiting = waiting
        self._patience = patience
        self.count = count
        self.in_use = 0

    @property
    def queued(self) -> int:
        """How many callers wait for a slot now."""
        return self._waiting

    @asynccontextmanager
    async def granted(self) -> AsyncIterator[None]:
        """Hold one slot. Raises Busy where the queue is full or the wait was too long."""
        await self._acquire()
        self.in_use += 1
        try:
            with metrics.IN_FLIGHT.track_inprogress():
                yield
        finally:
            self.in_use -= 1
            self._free.release()

    async def _acquire(self) -> None:
        if self._free.locked() and self._waiting >= self._most_waiting:
            raise Busy
        self._waiting += 1
        try:
            with metrics.QUEUED.track_inprogress():
                async with asyncio.timeout(self._patience):
                    await self._free.acquire()
        except TimeoutError:
            raise Busy from None
        finally:
            self._waiting -= 1
