"""What the machine lacks is said in one sentence each, also by an old Python."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sidecar
from sidecar.bootstrap import needs

_FOLDER = Path(needs.__file__).parent


@pytest.mark.parametrize(
    "file", [Path(sidecar.__file__), *(_FOLDER / n for n in ("__init__.py", "__main__.py", "needs.py"))]
)
def test_an_old_python_can_read_it(file):
    """What runs before the check of the version keeps to the grammar of Python 3.6, where annotations are no future yet."""
    source = file.read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    assert "from __future__ import annotations" not in source


def test_an_old_python_is_named_with_what_is_needed(monkeypatch):
    """Without a newer Python in PATH the sentence names both versions and three systems."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(needs.Missing, match=r"3\.11 or newer .* 3\.9") as told:
        needs.newer_python((3, 9))
    assert all(system in str(told.value) for system in ("Debian", "Fedora", "macOS"))


def test_an_old_python_hands_over_to_a_newer_one(monkeypatch, tmp_path):
    """A newer Python under its own name is taken, one that does not start is passed over."""
    broken, newer = tmp_path / "python3.14", tmp_path / "python3.12"
    for file, code in ((broken, 127), (newer, 0)):
        file.write_text(f"#!/bin/sh\nexit {code}\n")
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert needs.newer_python((3, 9)) == str(newer)
    assert needs.newer_python((3, 11)) is None


def test_each_missing_tool_gets_a_sentence_of_its_own(monkeypatch, tmp_path):
    """Compiler and CMake are missed in one go, one sentence a line."""
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(needs.Missing) as told:
        needs.require_build_tools(path=str(tmp_path))
    compiler, cmake = str(told.value).splitlines()
    assert "apt install g++" in compiler
    assert "apt install cmake" in cmake


def test_the_compiler_of_the_environment_comes_first(monkeypatch, tmp_path):
    """$CXX decides, as it does for CMake, arguments behind it aside."""
    for name in ("c++", "mine"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("CXX", "mine -m64")
    assert needs.compiler(str(tmp_path)) == str(tmp_path / "mine")
    monkeypatch.delenv("CXX")
    assert needs.compiler(str(tmp_path)) == str(tmp_path / "c++")
