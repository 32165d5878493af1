"""The database: one engine, readers that never wait for writers, and writes that are carried through once begun."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

T = TypeVar("T")

BUSY_MILLISECONDS = 10_000  # how long SQLite waits for another process' write


class Database:
    """Sessions of one engine. Close it with ``dispose``: the threads of aiosqlite would keep the process alive."""

    def __init__(self, url: str) -> None:
        """Connect lazily to ``url`` (``sqlite+aiosqlite:///file`` or ``postgresql+asyncpg://...``)."""
        self.engine = create_engine(url)
        self._writing = self.engine.execution_options(writer=True)
        # SQLite has one writer: to queue here is fair, to queue inside SQLite is a race of sleeping threads.
        self._turn = asyncio.Lock() if self.engine.dialect.name == "sqlite" else nullcontext()
        self._writes: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that sees one snapshot and writes nothing."""
        async with AsyncSession(self.engine, expire_on_commit=False) as db:
            yield db

    async def write(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Run ``work`` in one transaction and commit it.

        It runs in a task of its own: a caller that is cancelled leaves, the transaction still ends whole, and ``dispose``
        waits for it.
        """
        task = asyncio.create_task(self._transact(work))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    async def _transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        async with self._turn, AsyncSession(self._writing, expire_on_commit=False) as db, db.begin():
            return await work(db)

    async def ping(self) -> None:
        """Raise where the database does not answer."""
        async with self.read() as db:
            await db.execute(text("SELECT 1"))

    async def dispose(self) -> None:
        """Wait for the writes that have begun, then close every connection."""
        await asyncio.gather(*self._writes, return_exceptions=True)
        await self.engine.dispose()


def create_engine(url: str, *, foreign_keys: bool = True) -> AsyncEngine:
    """An engine that never puts a parameter into an error or a log line. Migrations turn SQLite's foreign keys off."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(url, hide_parameters=True, pool_pre_ping=True)
    _make_private(make_url(url).database)
    # With the driver's own transactions switched off, the BEGIN below is the only one.
    engine = create_async_engine(url, hide_parameters=True, connect_args={"isolation_level": None})
    event.listen(engine.sync_engine, "connect", _set_pragmas(foreign_keys=foreign_keys))
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _make_private(path: str | None) -> None:
    if path and path != ":memory:":
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _set_pragmas(*, foreign_keys: bool) -> Callable[[Any, Any], None]:
    def on_connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # a committed note survives a power cut
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        cursor.close()

    return on_connect


def _begin(connection: Any) -> None:
    # A reader that turns into a writer cannot wait for the lock, it fails at once: writers take it first.
    writer = connection.get_execution_options().get("writer", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")
