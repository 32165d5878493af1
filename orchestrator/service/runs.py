"""Work that goes on when its caller has left, and that a shutdown waits for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import structlog

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")
log = structlog.get_logger()


class Runs:
    """The live runs of this process."""

    def __init__(self) -> None:
        """Start with none."""
        self._live: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        """How many run now."""
        return len(self._live)

    def start(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Run ``work`` in a task of its own: cancelling whoever awaits it through ``asyncio.shield`` does not end it."""
        task = asyncio.create_task(work)
        self._live.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._done)
        return task

    async def carry_through(self, work: Coroutine[object, object, T]) -> T:
        """Await ``work`` and let it finish even when the caller is cancelled meanwhile."""
        return await asyncio.shield(self.start(work))

    async def drain(self, seconds: float) -> None:
        """Wait up to ``seconds`` for all of them, then cancel what is left and wait for that."""
        if self._live:
            await asyncio.wait(self._live, timeout=seconds)
        for task in self._live:
            task.cancel()
        if self._live:
            await asyncio.wait(self._live)

    def _done(self, task: asyncio.Task[object]) -> None:
        self._live.discard(task)
        # Looked at here, so that asyncio never logs it with its text; its caller may have left long ago.
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("run.failed", error=type(error).__name__)
