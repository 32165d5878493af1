"""Starting the two programs as one process tree, waiting until they are ready, and stopping them in order.

A program that this one started never outlives it: on Linux the kernel sends it SIGTERM when its parent dies, however the
parent died (prctl(2), PR_SET_PDEATHSIG), and then it drains as on any other SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import secrets
import signal
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.1
STOP_SECONDS = 30.0
LOG_TAIL_LINES = 15


class ProgramFailed(Exception):
    """A program did not start or stopped by itself; the message says what it last said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A running ``python -m MODULE`` and the address it answers at."""

    name: str
    url: str
    process: asyncio.subprocess.Process
    log: Path | None

    async def ready(self, *, seconds: float, progress: Callable[[float], None] | None = None) -> None:
        """Wait until ``GET /ready`` says 200. Raises ProgramFailed when it exits first or ``seconds`` have passed."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=5) as client:
            while loop.time() - started < seconds:
                if self.process.returncode is not None:
                    raise ProgramFailed(self._explain(f"stopped with exit code {self.process.returncode}"))
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get("/ready")).status_code == httpx.codes.OK:
                        return
                if progress is not None:
                    progress(loop.time() - started)
                await asyncio.sleep(POLL_SECONDS)
        raise ProgramFailed(self._explain(f"was not ready after {seconds:.0f} seconds"))

    async def stop(self) -> None:
        """Ask it to drain (SIGTERM) and wait; kill it only when it does not."""
        if self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def _explain(self, what: str) -> str:
        said = f"the {self.name} {what}"
        if self.log is None or not self.log.exists():
            return said
        tail = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n  ".join([f"{said}; the end of its log ({self.log}):", *tail])


@asynccontextmanager
async def running(
    name: str, module: str, *, url: str, environment: Mapping[str, str], log: Path | None = None
) -> AsyncIterator[Program]:
    """Run ``python -m module`` with ``environment`` added; its output goes to ``log``, else to our standard error."""
    with contextlib.ExitStack() as files:
        output = files.enter_context(log.open("ab")) if log is not None else sys.stderr
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C reaches only us, so that we can stop the programs in order.
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),
        )
    program = Program(name=name, url=url, process=process, log=log)
    try:
        yield program
    finally:
        await program.stop()


def _die_with(parent: int) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork: the child must not load libraries

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os.kill(os.getpid(), signal.SIGTERM)

    return before_exec


def free_port() -> int:
    """A port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def key_file(folder: Path, name: str) -> Path:
    """The key ``name`` in ``folder``, made (256 random bits, mode 0600) where there is none yet."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32))
    return path
