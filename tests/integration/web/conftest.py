"""A running server for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.running import Client, Server, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """The application with its defaults."""
    async with serving(tmp_path) as running:
        yield running


@pytest.fixture
async def ann(server: Server) -> Client:
    """A therapist who is signed in."""
    return await server.anyone.sign_in()


@pytest.fixture
async def ben(server: Server) -> Client:
    """Another one."""
    return await server.anyone.sign_in()
