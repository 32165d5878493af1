"""The sidecar as a program of its own, with the real model server or the fake one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "SESSIONSCRIBE_SIDECAR_"


def fake_server(folder: Path) -> Path:
    """A program in the place of llama-server: the fake one."""
    path = folder / "llama-server"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/fakes/llama_server.py "$@"\n')
    path.chmod(0o755)
    return path


@dataclass(slots=True, kw_only=True)
class Running:
    """``python -m sidecar`` at work; ``client`` speaks to its front."""

    process: asyncio.subprocess.Process
    log_path: Path
    url: str
    client: aiohttp.ClientSession

    def log(self) -> list[dict[str, Any]]:
        """Its log lines so far."""
        return [json.loads(line) for line in self.log_path.read_text().splitlines() if line.startswith("{")]

    async def status(self) -> dict[str, Any]:
        """``GET /status``."""
        async with self.client.get("/status") as response:
            answer: dict[str, Any] = await response.json()
            return answer

    async def until_ready(self) -> dict[str, Any]:
        """Wait until ``/ready`` is 200; its status then."""
        while True:
            async with self.client.get("/ready") as response:
                if response.status == 200:
                    return await self.status()
            await asyncio.sleep(0.02)

    async def idle(self) -> None:
        """Wait until no slot is at work."""
        while any(slot["is_processing"] for slot in await self.slots()):
            await asyncio.sleep(0.01)

    async def busy(self) -> None:
        """Wait until a slot is at work."""
        while not any(slot["is_processing"] for slot in await self.slots()):
            await asyncio.sleep(0.005)

    async def slots(self) -> list[dict[str, Any]]:
        """``GET /slots``."""
        async with self.client.get("/slots") as response:
            answer: list[dict[str, Any]] = await response.json()
            return answer

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


async def start_sidecar(folder: Path, environment: Mapping[str, str]) -> tuple[asyncio.subprocess.Process, Path]:
    """Start it with the settings ``environment`` (names without prefix); its standard error goes to a file."""
    log_path = folder / "sidecar.log"
    told = {"PORT": "0", "MODELS_DIR": str(folder / "models"), **environment}
    with log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sidecar"),
            env={**os.environ, "PYTHONPATH": str(ROOT), **{_variable(name): value for name, value in told.items()}},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process, log_path


@contextlib.asynccontextmanager
async def sidecar(folder: Path, *, key: str | None = None, **environment: str) -> AsyncIterator[Running]:
    """The sidecar from when it listens (not yet ready) to its end by SIGTERM."""
    process, log_path = await start_sidecar(folder, environment)
    try:
        url = await _listening(process, log_path)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with aiohttp.ClientSession(url, headers=headers, connector=aiohttp.TCPConnector(limit=0)) as client:
            yield Running(process=process, log_path=log_path, url=url, client=client)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()


async def refused(folder: Path, **environment: str) -> tuple[int, str]:
    """Start a sidecar that will not serve: its exit code and its last words."""
    process, log_path = await start_sidecar(folder, environment)
    code = await process.wait()
    return code, log_path.read_text().splitlines()[-1]


async def _listening(process: asyncio.subprocess.Process, log_path: Path) -> str:
    while process.returncode is None:
        for line in log_path.read_text().splitlines():
            if '"sidecar.listening"' in line:
                told = json.loads(line)
                return f"http://{told['host']}:{told['port']}"
        await asyncio.sleep(0.02)
    raise AssertionError(f"the sidecar ended with {process.returncode}: {log_path.read_text()}")


def _variable(name: str) -> str:
    return name if name.startswith("FAKE_") else PREFIX + name


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def gone(pid: int) -> None:
    """Wait until a process is no more."""
    while alive(pid):
        await asyncio.sleep(0.01)
