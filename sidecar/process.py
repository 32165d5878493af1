"""One model server as a child process, kept alive: stopped, starting, ready, stopping, failed.

One task owns the process and is the only one to change the state; everybody else asks (``ensure_ready``, ``stop``) and
waits. A server that dies is started again after a pause that doubles; when it dies too often in a row, the state is
``failed`` and the reason says what was seen. What the server prints is never passed on: it may quote a session. Known
lines are translated into reasons of our own words.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import re
import secrets
import signal
import socket
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from sidecar.command import LOOPBACK
from sidecar.errors import EngineFailed, SidecarError

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Awaitable, Callable, Mapping

    from sidecar.command import Engine, Launch
    from sidecar.settings import Settings

log = structlog.get_logger()

LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_SECONDS = 60.0  # after so long in service a crash is not one of a row
_TETHER = Path(__file__).with_name("tether.py")
_NOT_FOR_THE_CHILD = re.compile(r"LLAMA_.*|.*_PROXY|HOST|PORT|API_KEY|CONFIG_FILE|SESSIONSCRIBE_.*", re.IGNORECASE)
# what a server may print -> what we say; the first that fits
_REASONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r"unknown model architecture", "this build of the model server does not know the model's architecture"),
        (r"bad_alloc|out of memory|(failed|unable) to allocate|cannot allocate", "there was not enough memory"),
        (r"couldn't bind|address already in use|failed to bind", "its port was taken"),
        (r"invalid argument|unrecognized argument|unknown argument", "it did not understand its command line"),
        (
            r"not within the file bounds|corrupted|missing tensor|invalid magic|wrong number of tensors",
            "the file is damaged",
        ),
        (r"No module named", "a Python package of the engine is not installed"),
    )
)


class State(StrEnum):
    """Where a process is in its life."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"


class LlamaProcess:
    """A supervised model server.

    ``probe(url, key)`` is true when the server really serves, false when it broke off, and raises SidecarError when it
    never will serve.
    """

    def __init__(
        self,
        engine: Engine,
        launch: Launch,
        settings: Settings,
        probe: Callable[[str, str], Awaitable[bool]],
    ) -> None:
        self.engine = engine
        self.launch = launch
        self.key = secrets.token_urlsafe(24)  # nobody but us talks to the child
        self.state = State.STOPPED
        self.reason: str | None = None  # why it failed, or why it was last started again
        self.error: SidecarError | None = None
        self.restarts = 0
        self.url = ""
        self.pid: int | None = None
        self._settings = settings
        self._probe = probe
        self._owner: asyncio.Task[None] | None = None
        self._unwanted = asyncio.Event()
        self._changed = asyncio.Condition()

    async def ensure_ready(self) -> None:
        """Start if need be and wait until it serves. Raises the SidecarError that keeps it from serving."""
        if self._owner is None or self._owner.done():
            self._unwanted.clear()
            self.state = State.STARTING  # before the owner is there, so that nobody takes an old end for the new one
            self._owner = asyncio.create_task(self._own())
        await self.settled()
        if self.state is not State.READY:
            raise self.error or EngineFailed(self.reason or "It was stopped while it started.")

    async def settled(self) -> None:
        """Wait until it serves, or will not."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.state in (State.READY, State.FAILED) or self._at_rest())

    async def failed(self) -> SidecarError:
        """Wait until it has failed for good, and say why."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.state is State.FAILED)
        return self.error or EngineFailed(self.reason or "It failed.")

    async def stop(self) -> None:
        """Stop it (SIGTERM, after ``stop_seconds`` SIGKILL) and wait until it is gone."""
        self._unwanted.set()
        if self._owner is not None:
            await asyncio.shield(self._owner)

    def _at_rest(self) -> bool:
        return self.state is State.STOPPED and (self._owner is None or self._unwanted.is_set())

    # -- the owner

    async def _own(self) -> None:
        """Run the server again and again until it is unwanted or has died too often in a row."""
        crashes, self.error = 0, None
        while True:
            lived = await self._one_life()
            if self._unwanted.is_set():
                return await self._become(State.STOPPED)
            crashes = 1 if lived > HEALTHY_SECONDS else crashes + 1
            if self._hopeless(crashes):
                return await self._become(State.FAILED)
            pause = min(LONGEST_PAUSE_SECONDS, self._settings.backoff_seconds * 2 ** (crashes - 1))
            log.warning("model.restarting", name=self.launch.manifest.name, reason=self.reason, seconds=pause)
            self.restarts += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._unwanted.wait(), pause)

    def _hopeless(self, crashes: int) -> bool:
        """Whether to give up: something forbids it to serve, or it died once more than it may."""
        if self.error is None:
            if crashes <= self._settings.restarts:
                return False
            times = f" It was started {crashes} times." if crashes > 1 else ""
            self.error = EngineFailed(f"The model server does not stay up: {self.reason}.{times}")
        self.reason = str(self.error)
        log.error("model.failed", name=self.launch.manifest.name, reason=self.reason, crashes=crashes)
        return True

    async def _one_life(self) -> float:
        """From start to death; how many seconds it served."""
        await self._become(State.STARTING)
        started = time.monotonic()
        process = await self._spawn()
        seen: list[str] = []
        listening = asyncio.create_task(_listen(process, seen))
        dying = asyncio.create_task(process.wait())
        unwanted = asyncio.create_task(self._unwanted.wait())
        probing = asyncio.create_task(self._probed())
        served_from, broke_off = math.inf, False
        try:
            await asyncio.wait({dying, unwanted, probing}, return_when=asyncio.FIRST_COMPLETED)
            broke_off = not dying.done()
            if probing.done() and probing.result() and not dying.done() and not unwanted.done():
                served_from = time.monotonic()
                broke_off = False
                self._loaded(served_from - started)
                await self._become(State.READY)
                await asyncio.wait({dying, unwanted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            probing.cancel()
            unwanted.cancel()
            await self._end(process, dying)
            await asyncio.wait({listening}, timeout=self._settings.stop_seconds)
            listening.cancel()
        if not self._unwanted.is_set():
            ended = "it broke off its first completion" if broke_off else _death(process.returncode)
            self.reason = seen[0] if seen else ended
        return max(0.0, time.monotonic() - served_from)

    async def _probed(self) -> bool:
        """Whether the server really serves; what forbids it for ever is kept as the error."""
        try:
            async with asyncio.timeout(self._settings.start_seconds):
                return await self._probe(self.url, self.key)
        except TimeoutError:
            self.error = EngineFailed(f"The model was not ready after {self._settings.start_seconds:g} seconds.")
        except SidecarError as error:
            self.error = error
        return False

    async def _spawn(self) -> Process:
        """Start the server on a port that is free now (should it be taken meanwhile, the next start has another)."""
        port = _free_port()
        argv = self.engine.argv(self.launch, port)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_TETHER), str(os.getpid())),
            *argv,
            env={**_environment(os.environ), **dict.fromkeys(self.engine.key_variables, self.key)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we stop it in order
        )
        self.pid, self.url = process.pid, f"http://{LOOPBACK}:{port}"
        return process

    async def _end(self, process: Process, dying: asyncio.Task[int]) -> None:
        """See to it that the process is gone: ask, wait, kill."""
        await self._become(State.STARTING if dying.done() else State.STOPPING)  # at any rate no longer ready
        for number in (signal.SIGTERM, signal.SIGKILL):
            if dying.done():
                break
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
            await asyncio.wait({dying}, timeout=self._settings.stop_seconds)
        await dying
        self.pid = None

    def _loaded(self, seconds: float) -> None:
        manifest = self.launch.manifest
        log.info(
            "model.loaded",
            name=manifest.name,
            kind=manifest.kind,
            sha256=manifest.sha256,
            size_bytes=manifest.size_bytes,
            quantization=manifest.quantization,
            seconds=round(seconds, 3),
            device=self.launch.device,
            gpu_layers=self.launch.gpu_layers,
            threads=self.launch.threads,
            slots=self.launch.slots,
            context=self.launch.context,
            engine=self.engine.name,
        )

    async def _become(self, state: State) -> None:
        async with self._changed:
            self.state = state
            self._changed.notify_all()


async def _listen(process: Process, seen: list[str]) -> None:
    """Read what the server prints so that it never blocks; keep only the reasons we know."""
    if process.stdout is None:
        return
    while chunk := await process.stdout.read(2**16):
        said = chunk.decode(errors="replace")
        seen.extend(reason for pattern, reason in _REASONS if not seen and pattern.search(said))


def _death(code: int | None) -> str:
    """An exit code in words."""
    words = {
        -signal.SIGKILL: "it was killed (SIGKILL), as the kernel does when memory runs out",
        -signal.SIGILL: "it was built for another processor (illegal instruction)",
        -signal.SIGSEGV: "it crashed (segmentation fault)",
    }
    return words.get(code or 0, f"it ended with exit code {code}")


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Our environment, less what could turn the server's settings or send it to a proxy."""
    return {name: value for name, value in ours.items() if not _NOT_FOR_THE_CHILD.fullmatch(name)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
