"""The sidecar and the orchestrator as they run on one machine: found models, made keys, started in order."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.commands.programs import Program, ProgramFailed, free_port, key_file, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SIDECAR_SECONDS = 330.0  # the sidecar itself gives up after 300 and says why
ORCHESTRATOR_SECONDS = 60.0
DEFAULT_DATA_DIR = Path("~/.local/share/sessionscribe").expanduser()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """Where the sidecar answers and the file that holds its key (None: it asks for none)."""

    url: str
    key_file: Path | None

    def environment(self) -> dict[str, str]:
        """What the orchestrator must be told."""
        known = {"SESSIONSCRIBE_SIDECAR_URL": self.url}
        return known if self.key_file is None else {**known, "SESSIONSCRIBE_SIDECAR_KEY_FILE": str(self.key_file)}

    def key(self) -> str | None:
        """The key itself."""
        return None if self.key_file is None else self.key_file.read_text().strip()


def models_folder(data_dir: Path) -> Path:
    """Where the models of ``data_dir`` stand."""
    return data_dir / "models"


async def ensure_model(models: Path) -> None:
    """Register the default model and encoder from their packages where no model is active yet. Raises ProgramFailed."""
    if await asyncio.to_thread((models / "active").exists):
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sidecar", "model", "--models-dir", str(models), "add", "--default"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    if await process.wait() != 0:
        raise ProgramFailed("the default model could not be set up; the lines above say why")


@asynccontextmanager
async def sidecar(
    models: Path, keys: Path, *, log: Path | None = None, progress: Callable[[float], None] | None = None
) -> AsyncIterator[Sidecar]:
    """A ready sidecar on a free port of loopback, serving the active model of ``models``."""
    await ensure_model(models)
    port, key = free_port(), key_file(keys, "sidecar.key")
    environment = {
        "SESSIONSCRIBE_SIDECAR_HOST": "127.0.0.1",
        "SESSIONSCRIBE_SIDECAR_PORT": str(port),
        "SESSIONSCRIBE_SIDECAR_API_KEY_FILE": str(key),
        "SESSIONSCRIBE_SIDECAR_MODELS_DIR": str(models),
    }
    url = f"http://127.0.0.1:{port}"
    async with running("sidecar", "sidecar", url=url, environment=environment, log=log) as program:
        await program.ready(seconds=SIDECAR_SECONDS, progress=progress)
        yield Sidecar(url=url, key_file=key)


@asynccontextmanager
async def orchestrator(
    data_dir: Path, sidecar: Sidecar, *, host: str = "127.0.0.1", port: int = 0, log: Path | None = None
) -> AsyncIterator[Program]:
    """A ready orchestrator over ``sidecar``; port 0 takes any free one."""
    port = port or free_port()
    environment = {
        "SESSIONSCRIBE_HOST": host,
        "SESSIONSCRIBE_PORT": str(port),
        "SESSIONSCRIBE_DATA_DIR": str(data_dir),
        **sidecar.environment(),
    }
    reached = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - where to look, not where to listen
    url = f"http://{f'[{reached}]' if ':' in reached else reached}:{port}"
    async with running("orchestrator", "orchestrator", url=url, environment=environment, log=log) as program:
        await program.ready(seconds=ORCHESTRATOR_SECONDS)
        yield program


@asynccontextmanager
async def any_sidecar(url: str | None, models: Path, keys: Path, **options: object) -> AsyncIterator[Sidecar]:
    """The sidecar at ``url``, or one of our own where none is named."""
    async with AsyncExitStack() as stack:
        if url is not None:
            named = os.environ.get("SESSIONSCRIBE_SIDECAR_KEY_FILE")
            yield Sidecar(url=url, key_file=Path(named) if named else None)
        else:
            yield await stack.enter_async_context(sidecar(models, keys, **options))  # type: ignore[arg-type]
