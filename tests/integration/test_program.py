"""``python -m orchestrator`` as a program: its exit codes, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import os
import socket
import sys

import pytest

from tests.running import PASSWORD, serving

pytestmark = pytest.mark.timeout(120)  # each run is a new interpreter


async def run(*arguments, folder, said=b"", **environment):
    """Run the program to its end: exit code and standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator",
        *arguments,
        env={"PATH": os.environ["PATH"], "SESSIONSCRIBE_DATA_DIR": str(folder), **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(said)
    assert out == b""
    return process.returncode, err.decode()


async def test_an_account_from_the_command_line(tmp_path):
    """``user add`` makes the database and an account that can sign in; a second one of the name is refused."""
    arguments = ("user", "add", "--username", "anna", "--password-stdin")
    assert await run(*arguments, folder=tmp_path, said=PASSWORD.encode() + b"\n") == (0, "Added anna as therapist.\n")
    code, said = await run(*arguments, folder=tmp_path, said=PASSWORD.encode())
    assert (code, "already registered" in said) == (1, True)
    code, said = await run(*arguments, folder=tmp_path, said=b"short")
    assert (code, "8 characters" in said) == (1, True)
    async with serving(tmp_path) as server:
        opened = await server.anyone.post("/auth/login", data={"username": "anna", "password": PASSWORD})
        assert opened.body["therapist"]["username"] == "anna"


async def test_a_misspelt_setting(tmp_path):
    """It refuses to start, with exit code 2 and the right name."""
    code, said = await run("serve", folder=tmp_path, SESSIONSCRIBE_PROT="1")
    assert code == 2
    assert "SESSIONSCRIBE_PORT" in said
    assert "Traceback" not in said


async def test_a_taken_port(tmp_path):
    """One sentence and exit code 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, said = await run("serve", folder=tmp_path, SESSIONSCRIBE_PORT=str(taken.getsockname()[1]))
    assert code == 1
    assert "address already in use" in said
    assert "Traceback" not in said


async def test_an_invalid_value_is_logged(tmp_path):
    """The default is used and the name is said; the value is not."""
    code, said = await run("db", "upgrade", folder=tmp_path, SESSIONSCRIBE_SLOTS="a-secret")
    assert code == 0
    assert '"name": "slots"' in said
    assert "a-secret" not in said
    assert (tmp_path / "sessionscribe.sqlite3").stat().st_mode & 0o777 == 0o600
