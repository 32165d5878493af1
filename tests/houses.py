"""``sessionscribe`` as its users start it: the console script, both programs, the real model server, one log of all three."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from orchestrator.commands.programs import free_port
from tests.fakes.programs import alive
from tests.running import Client, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

COMMAND = Path(sys.executable).with_name("sessionscribe")
NOTE_SECONDS = "250"  # for one completion: the machine that runs the tests may be busy with other things
START_SECONDS = 120.0
STOP_SECONDS = 60.0
CANARY = "zephyrine"  # a word of every transcript and name of the acceptance tests; no log line may hold it

TRANSCRIPT = (
    "Therapist: How was your week?\n"
    "Client: I slept badly, maybe four hours a night, and my sister Zephyrine moved out.\n"
    "Therapist: What did you try when you could not sleep?\n"
    "Client: I walked around the block and wrote things down, which helped a little."
)


def environment(**more: str) -> dict[str, str]:
    """The environment of a program under test: ours, which is scrubbed, made for a machine that is busy with other things."""
    # Two threads wait for each other at every layer: where other programs want the cores, one is the faster.
    patient = {"SESSIONSCRIBE_NOTE_SECONDS": NOTE_SECONDS, "SESSIONSCRIBE_SIDECAR_THREADS": "1"}
    return {**os.environ, **patient, **more}


def run(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """``sessionscribe`` with ``arguments`` to its end, ``more`` in its environment."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def data_folder(folder: Path, models: Path) -> Path:
    """A data folder in ``folder`` over shared ``models``, which are too big to copy for every test."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "models").symlink_to(models)
    return folder


@dataclass(slots=True, kw_only=True)
class House:
    """``sessionscribe serve`` at work."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    log_path: Path
    url: str

    def log(self) -> list[dict[str, Any]]:
        """The log lines of both programs so far, oldest first."""
        return [json.loads(line) for line in self.log_path.read_text().splitlines() if line.startswith("{")]

    @property
    def sidecar_url(self) -> str:
        """Where its sidecar answers."""
        return next(line["sidecar"] for line in self.log() if line["event"] == "server.started")

    @property
    def sidecar_key(self) -> str:
        """The key that the sidecar asks for."""
        return (self.data_dir / "keys" / "sidecar.key").read_text().strip()

    def tree(self) -> set[int]:
        """The processes that it started, directly or further down."""
        return descendants(self.process.pid)

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    @asynccontextmanager
    async def visited(self) -> AsyncIterator[Visit]:
        """Connections to both programs."""
        headers = {"Authorization": f"Bearer {self.sidecar_key}"}
        unbounded = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=unbounded) as http,
            aiohttp.ClientSession(self.sidecar_url, headers=headers, timeout=unbounded) as sidecar,
        ):
            yield Visit(house=self, anyone=Client(self.url, http), sidecar=sidecar)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody who has not signed in, and somebody who may look at the sidecar."""

    house: House
    anyone: Client
    sidecar: aiohttp.ClientSession

    async def looked_up(self, path: str) -> Any:
        """What the sidecar says at ``path``; None while it cannot."""
        async with self.sidecar.get(path) as answer:
            return await answer.json() if answer.status == 200 else None

    async def busy(self) -> bool:
        """Whether a slot of the real server is at work."""
        return any(slot["is_processing"] for slot in await self.looked_up("/slots") or ())

    async def idle(self) -> bool:
        """Whether no slot is, and nothing is under way in the sidecar either."""
        slots, status = await self.looked_up("/slots"), await self.looked_up("/status")
        return slots is not None and not any(slot["is_processing"] for slot in slots) and status["in_flight"] == 0

    async def rested(self) -> None:
        """Wait until nobody is at work: what earlier tests began may still run."""
        await until(self.idle, 120)

    async def gauge(self, name: str) -> float:
        """A number of the orchestrator's ``/metrics``."""
        lines = (await self.anyone.get("/metrics")).text.splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))

    async def kill_model_server(self) -> int:
        """SIGKILL for the language model's llama-server; its process id."""
        pid: int = (await self.looked_up("/status"))["engine"]["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid

    async def back(self, killed: int) -> bool:
        """Whether another llama-server serves in the place of ``killed``."""
        status = await self.looked_up("/status")
        return status["state"] == "ready" and status["engine"]["pid"] not in {None, killed}


@contextmanager
def serving(data_dir: Path, log_path: Path, *, before: Sequence[str] = (), **more: str) -> Iterator[House]:
    """``sessionscribe serve`` from ready to its end, which is Ctrl-C unless the test has ended it. ``before`` goes before it."""
    with log_path.open("ab") as log:
        seen = log.tell()
        process = subprocess.Popen(
            [*before, COMMAND, "serve", "--port", str(free_port()), "--data-dir", data_dir],
            env=environment(SESSIONSCRIBE_LOG_LEVEL="debug", SESSIONSCRIBE_SIDECAR_LOG_LEVEL="debug", **more),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        url = _ready(process, log_path, seen)
        yield House(process=process, data_dir=data_dir, log_path=log_path, url=url)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            finally:
                process.kill()


def _ready(process: subprocess.Popen[bytes], log_path: Path, seen: int) -> str:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        said = log_path.read_bytes()[seen:].decode()
        if "Sessionscribe is ready at " in said:
            return said.split("Sessionscribe is ready at ")[1].split()[0]
        if process.poll() is not None:
            raise AssertionError(f"serve ended with {process.returncode}: {said}")
        time.sleep(0.05)
    raise AssertionError(f"serve was not ready after {START_SECONDS} seconds: {log_path.read_text()}")


def descendants(pid: int) -> set[int]:
    """The processes below ``pid`` that are alive."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    found, below = set[int](), {pid}
    while below:
        below = {child for child, parent in parents.items() if parent in below}
        found |= below
    return {child for child in found if alive(child)}


async def none_left(pids: set[int]) -> None:
    """Wait until none of ``pids`` is alive."""

    async def gone() -> bool:
        return not any(alive(pid) for pid in pids)

    await until(gone, STOP_SECONDS)


def leaks(text: str, *, canary: str = CANARY) -> list[str]:
    """The lines of ``text`` that hold the canary, in any case."""
    return [line for line in text.splitlines() if canary in line.casefold()]


def mentioning(folder: Path) -> set[int]:
    """The living processes whose command line or environment names ``folder``."""
    found = set()
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            told = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
        except OSError:  # it ended meanwhile
            continue
        if os.fsencode(folder) in told and alive(int(proc.name)):
            found.add(int(proc.name))
    return found
