"""``sessionscribe serve``: both programs, one process tree, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from orchestrator.commands import house
from orchestrator.commands.programs import ProgramFailed

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.commands.programs import Program


async def serve(*, host: str, port: int, folder: Path, sidecar_url: str | None) -> int:
    """Run until SIGINT or SIGTERM; 0 then, 1 where a program failed."""
    try:
        async with (
            house.any_sidecar(sidecar_url, house.models_folder(folder), folder / "keys") as sidecar,
            house.orchestrator(folder, sidecar, host=host, port=port) as program,
        ):
            print(f"Sessionscribe is ready at {program.url} (Ctrl-C stops it).", file=sys.stderr)
            return await _until_stopped(program)
    except ProgramFailed as failure:
        print(f"sessionscribe: {failure}", file=sys.stderr)
        return 1


async def _until_stopped(program: Program) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(program.process.wait())
    await asyncio.wait({stopped, ended}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if stop.is_set():
        print("Stopping: what is being written is finished first.", file=sys.stderr)
        ended.cancel()
        return 0
    raise ProgramFailed(f"the orchestrator stopped with exit code {ended.result()}")
