"""What the machine gives us."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sidecar import hardware
from sidecar.errors import EngineMissing

if TYPE_CHECKING:
    from pathlib import Path

MINE = len(os.sched_getaffinity(0))
KB = 1024


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("cpu_max", "expected"), [("max 100000", MINE), ("50000 100000", 1), ("150000 100000", min(MINE, 2)), ("?", MINE)]
)
def test_threads_follow_the_cgroups_quota(tmp_path: Path, cpu_max: str, expected: int):
    """A container with half a processor runs one thread, whatever the host has."""
    (tmp_path / "cpu.max").write_text(cpu_max)
    assert hardware.threads(tmp_path) == expected


def test_the_older_cgroups_are_read_too(tmp_path: Path):
    """Quota and period lie in files of their own there; -1 is no limit."""
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000")
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("100000")
    assert hardware.threads(tmp_path) == 1
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("-1")
    assert hardware.threads(tmp_path) == MINE


def test_memory_is_what_the_limit_leaves(tmp_path: Path):
    """The smaller of the machine's free memory and the container's rest."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9999 kB\nMemAvailable: 1000 kB\n")
    assert hardware.memory_left(tmp_path, meminfo) == 1000 * KB
    (tmp_path / "memory.max").write_text(str(900 * KB))
    (tmp_path / "memory.current").write_text(str(800 * KB))
    assert hardware.memory_left(tmp_path, meminfo) == 100 * KB
    (tmp_path / "memory.max").write_text("max")
    assert hardware.memory_left(tmp_path, meminfo) == 1000 * KB


def test_devices_are_the_servers_own_list(tmp_path: Path):
    """What the build can use, by the names it gives them."""
    some = 'printf "Available devices:\\n  CUDA0: A card (24 GiB)\\n  CUDA1: Another\\n"'
    assert hardware.devices(program(tmp_path / "gpu", some)) == ("CUDA0", "CUDA1")
    assert hardware.devices(program(tmp_path / "cpu", 'printf "Available devices:\\n  (none)\\n"')) == ()


@pytest.mark.parametrize("script", ["kill -ILL $$", "exit 1"])
def test_a_server_that_does_not_run_is_missing(tmp_path: Path, script: str):
    """A program of another processor or without its libraries is told apart from a model that fails."""
    with pytest.raises(EngineMissing, match="does not run on this machine"):
        hardware.devices(program(tmp_path / "broken", script))


def test_what_is_no_program_is_missing(tmp_path: Path):
    """A file that cannot be executed is no server."""
    with pytest.raises(EngineMissing, match="cannot be run"):
        hardware.devices(tmp_path / "none")
