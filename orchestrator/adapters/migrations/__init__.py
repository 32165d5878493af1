"""Brings a database to the newest schema; safe to call at every start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from orchestrator.adapters.database import create_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection


async def upgrade(url: str) -> None:
    """Run the migrations that are still missing, in one transaction; two processes at once wait for each other.

    SQLite alters a table by making a new one, and with foreign keys on the drop of the old one would delete what
    points at it. So they are off here, and checked before the commit.
    """
    engine = create_engine(url, foreign_keys=False)
    try:
        async with engine.execution_options(writer=True).begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(7305)"))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if sqlite and connection.execute(text("PRAGMA foreign_key_check")).first():
        raise RuntimeError("a migration left rows that point at nothing; nothing was changed")
