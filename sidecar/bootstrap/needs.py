"""What the machine itself must have, and one sentence for each thing it lacks.

This file and ``__main__`` keep to the grammar of Python 3.6, so that an old Python can still say what is missing.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from typing import List, Optional, Tuple

MINIMUM_PYTHON = (3, 11)
_NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
_COMPILERS = ("c++", "g++", "clang++")


class Missing(Exception):
    """Something this machine lacks; the text is one sentence that says how to get it."""


def sentence(what: str, debian: str, fedora: str, macos: str) -> str:
    """Say what is missing and how three families of systems get it."""
    return (
        f"{what}: install it with `{debian}` (Debian, Ubuntu), `{fedora}` (Fedora) or `{macos}` (macOS), "
        "then run the same command again."
    )


def python_sentence(version: Tuple[int, ...]) -> str:
    """Say that the Python of ``version`` is too old."""
    have = ".".join(str(part) for part in version[:2])
    need = ".".join(str(part) for part in MINIMUM_PYTHON)
    return sentence(
        f"Python {need} or newer is needed and this is {have}",
        "sudo apt install python3 python3-venv",
        "sudo dnf install python3.12",
        "brew install python@3.12",
    )


VENV_SENTENCE = sentence(
    "Python's venv module with ensurepip is missing",
    "sudo apt install python3-venv",
    "sudo dnf install python3",
    "brew install python@3.12",
)
COMPILER_SENTENCE = sentence(
    "A C++ compiler is missing",
    "sudo apt install g++",
    "sudo dnf install gcc-c++",
    "xcode-select --install",
)
CMAKE_SENTENCE = sentence("CMake is missing", "sudo apt install cmake", "sudo dnf install cmake", "brew install cmake")


def newer_python(version: Tuple[int, ...] = sys.version_info[:2]) -> Optional[str]:
    """Find a Python that is new enough: None when the running one is. Raises Missing when there is none in PATH."""
    if version >= MINIMUM_PYTHON:
        return None
    for path in map(shutil.which, _NEWER_PYTHONS):
        # A shim of a version manager may stand in PATH for a Python that is not chosen.
        if path and subprocess.call([path, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
            return path
    raise Missing(python_sentence(version))


def require_venv() -> None:
    """Raise Missing unless virtual environments can be made; Debian ships them apart."""
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        raise Missing(VENV_SENTENCE)


def compiler(path: Optional[str] = None) -> str:
    """Find the C++ compiler that CMake will take: $CXX first. ``path`` stands for $PATH. Raises Missing."""
    wanted = os.environ.get("CXX", "").split()[:1] or list(_COMPILERS)
    found = [program for program in (shutil.which(name, path=path) for name in wanted) if program]
    if not found:
        raise Missing(COMPILER_SENTENCE)
    return found[0]


def require_build_tools(path: Optional[str] = None) -> None:
    """Raise Missing with a sentence for each of compiler and CMake that ``path`` (else $PATH) does not hold."""
    lacking: List[str] = []
    try:
        compiler(path)
    except Missing as problem:
        lacking.append(str(problem))
    if not shutil.which("cmake", path=path):
        lacking.append(CMAKE_SENTENCE)
    if lacking:
        raise Missing("\n".join(lacking))
