"""Builds llama.cpp once per machine: a wheel of llama-cpp-python with ``llama-server`` and its tools inside.

The wheel is made for this very processor (``GGML_NATIVE``), so its place in the cache is named by everything it depends
on. It is built beside that place and renamed into it, under a lock: two checkouts never build twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.bootstrap import needs, progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CMAKE_ARGS = (
    "-DLLAVA_BUILD=OFF",
    "-DLLAMA_BUILD_TOOLS=ON",
    "-DLLAMA_BUILD_SERVER=ON",
    "-DLLAMA_TOOLS_INSTALL=ON",
    "-DCMAKE_INSTALL_BINDIR=llama_cpp/bin",
    "-DCMAKE_INSTALL_LIBDIR=llama_cpp/lib",
    "-DCMAKE_INSTALL_INCLUDEDIR=llama_cpp/include",
    "-DCMAKE_INSTALL_RPATH=$ORIGIN;$ORIGIN/../lib",
    "-DGGML_NATIVE=ON",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",  # it would be downloaded
)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where builds are kept, outside every checkout: $SESSIONSCRIBE_CACHE, else ~/.cache/sessionscribe."""
    if chosen := environ.get("SESSIONSCRIBE_CACHE"):
        return Path(chosen).expanduser().resolve()
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sessionscribe"


def processor_flags() -> str:
    """The instruction sets of this processor, sorted: what a native build may use."""
    with contextlib.suppress(OSError):
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        if flags := re.search(r"^(?:flags|Features)\s*:(.*)$", told, re.MULTILINE):
            return " ".join(sorted(flags[1].split()))
    return platform.processor()


def cmake_args(environ: Mapping[str, str] = os.environ) -> str:
    """Our CMake arguments, and behind them the user's own, which win."""
    return " ".join((*CMAKE_ARGS, environ.get("CMAKE_ARGS", ""))).strip()


def cache_key(*, requirement: str, flags: str, compiler: str, arguments: str) -> str:
    """Name a build by all it depends on: 16 hexadecimal digits."""
    parts = [requirement, flags, compiler, arguments, platform.system(), platform.machine(), *platform.libc_ver()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def machine_key(requirements: str) -> str:
    """The key of the pinned line in ``requirements`` (comments aside), built here and now. Raises Missing without a compiler."""
    requirement = " ".join(line.strip() for line in requirements.splitlines() if not line.lstrip().startswith("#"))
    version = subprocess.run([needs.compiler(), "--version"], capture_output=True, text=True, check=True).stdout
    return cache_key(
        requirement=requirement, flags=processor_flags(), compiler=version.partition("\n")[0], arguments=cmake_args()
    )


def ensure(requirements: Path, python: Path) -> Path:
    """Return the wheel of ``requirements`` (one pinned line and its hashes), built by ``python``'s pip if it must be.

    Raises Missing when the compiler or CMake is needed and not there, RuntimeError when the build fails.
    """
    try:
        key = machine_key(requirements.read_text(encoding="utf-8"))
    except needs.Missing:
        needs.require_build_tools()  # names CMake in the same breath, where that is missing too
        raise
    place = cache_folder() / "llama" / key
    with _locked(place.with_suffix(".lock")):
        if not place.is_dir():
            needs.require_build_tools()
            _build(requirements, python, place)
    return next(place.glob("*.whl"))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another checkout is building llama.cpp; waiting for it.", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(requirements: Path, python: Path, place: Path) -> None:
    beside = Path(tempfile.mkdtemp(prefix=f"{place.name}.", dir=place.parent))
    # pip's own cache knows a wheel by its name alone and would hand out one that was built with other arguments.
    options = ["-v", "--no-deps", "--no-cache-dir", "--no-binary=llama-cpp-python", "--require-hashes"]
    env = os.environ | {"CMAKE_ARGS": cmake_args(), "PYTHONUNBUFFERED": "1"}
    env.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count() or 1))
    try:
        progress.run(
            "Building llama.cpp for this processor (once, 5 to 15 minutes)",
            [str(python), "-m", "pip", "wheel", *options, "-w", str(beside), "-r", str(requirements)],
            log=place.with_suffix(".log"),
            env=env,
        )
        beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
