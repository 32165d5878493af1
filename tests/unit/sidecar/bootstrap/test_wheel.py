"""llama.cpp is built once for what it depends on, and again for anything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from sidecar.bootstrap import wheel

_PARTS = {"requirement": "llama-cpp-python==1", "flags": "avx2 fma", "compiler": "g++ 12", "arguments": "-DX=ON"}


@given(st.sampled_from(sorted(_PARTS)), st.text(min_size=1))
def test_the_key_changes_with_each_part(part, added):
    """A build for another processor, compiler, version or argument has another place."""
    assert wheel.cache_key(**_PARTS) != wheel.cache_key(**_PARTS | {part: _PARTS[part] + added})
    assert wheel.cache_key(**_PARTS) == wheel.cache_key(**_PARTS)


def test_comments_of_the_lock_do_not_move_the_build(monkeypatch, tmp_path):
    """Only the pinned line and its hashes count."""
    plain = wheel.machine_key("llama-cpp-python==1 \\\n    --hash=sha256:0\n")
    assert plain == wheel.machine_key("# by hand\nllama-cpp-python==1 \\\n    --hash=sha256:0\n    # via me\n")
    assert plain != wheel.machine_key("llama-cpp-python==2 \\\n    --hash=sha256:0\n")


def test_the_cache_lies_outside_the_checkout():
    """In the home folder, or where the environment says."""
    assert wheel.cache_folder({"HOME": "/h"}).name == "sessionscribe"
    assert wheel.cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/sessionscribe")
    assert wheel.cache_folder({"SESSIONSCRIBE_CACHE": "/mine", "XDG_CACHE_HOME": "/c"}) == Path("/mine")


def test_the_user_adds_arguments_behind_ours():
    """CMake takes the last of two, so the user's wins; without any, ours stand alone."""
    assert wheel.cmake_args({"CMAKE_ARGS": "-DGGML_CUDA=ON"}).endswith("-DLLAMA_USE_PREBUILT_UI=OFF -DGGML_CUDA=ON")
    assert wheel.cmake_args({}).split() == list(wheel.CMAKE_ARGS)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a Python whose ``-m pip wheel`` builds in an instant and writes down that it did."""
    monkeypatch.setenv("SESSIONSCRIBE_CACHE", str(tmp_path / "cache"))
    requirements = tmp_path / "llama.txt"
    requirements.write_text("llama-cpp-python==1\n")
    python = tmp_path / "python"
    python.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys, time\n"
        f"open({str(tmp_path / 'builds')!r}, 'a').write('x')\n"
        "time.sleep(0.3)\n"
        "folder = pathlib.Path(sys.argv[sys.argv.index('-w') + 1])\n"
        "(folder / 'llama_cpp_python-1-py3-none-any.whl').write_text('wheel')\n"
        f"sys.exit(pathlib.Path({str(tmp_path / 'fails')!r}).exists())\n"
    )
    python.chmod(0o755)
    return tmp_path


def test_two_checkouts_build_once(cache):
    """The second waits for the first and takes its wheel; a third finds it there."""
    script = "import sys; from pathlib import Path; from sidecar.bootstrap import wheel; print(wheel.ensure(*map(Path, sys.argv[1:])))"
    command = [sys.executable, "-c", script, str(cache / "llama.txt"), str(cache / "python")]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)
    ]
    told = {process.communicate()[0].strip() for process in running}
    assert told == {str(wheel.ensure(cache / "llama.txt", cache / "python"))}
    assert (cache / "builds").read_text() == "x"


def test_a_failed_build_leaves_nothing_that_looks_done(cache):
    """After a failure the next run builds again."""
    (cache / "fails").touch()
    with pytest.raises(RuntimeError, match="exit code 1"):
        wheel.ensure(cache / "llama.txt", cache / "python")
    assert [path.suffix for path in sorted((cache / "cache" / "llama").iterdir())] == [".lock", ".log"]
    (cache / "fails").unlink()
    assert wheel.ensure(cache / "llama.txt", cache / "python").read_text() == "wheel"
