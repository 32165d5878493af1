"""Measures the two lines of the README in fresh clones, with an empty and with a full cache; writes docs/reports/setup.md."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
REPORT = CHECKOUT / "docs" / "reports" / "setup.md"
README = CHECKOUT / "README.md"
BEGIN, END = "<!-- times: written by task setup:measure -->", "<!-- /times -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One line of the README, run once."""

    line: str
    state: str
    seconds: float
    said: str  # its last line


def readme_lines() -> list[str]:
    """The lines of the README's first code fence."""
    return README.read_text(encoding="utf-8").split("```")[1].splitlines()[1:]


def clone(into: Path) -> Path:
    """Clone what is committed here."""
    subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(into)], check=True)
    return into


def measure(line: str, state: str, checkout: Path, env: dict[str, str]) -> Run:
    """Run ``line`` in ``checkout``; raises CalledProcessError with what it said when it fails."""
    print(f"{state}: {line}", file=sys.stderr)
    begun = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=checkout,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - begun
    if done.returncode:
        print(done.stdout[-20_000:], file=sys.stderr)
        done.check_returncode()
    return Run(line=line, state=state, seconds=seconds, said=done.stdout.strip().splitlines()[-1].strip(" ="))


def measure_all(folder: Path, *, tests: bool) -> list[Run]:
    """Both lines in a clone with empty caches, in a second clone with full ones, and the first line once more."""
    env = os.environ | {"SESSIONSCRIBE_CACHE": str(folder / "cache"), "PIP_CACHE_DIR": str(folder / "pip")}
    lines = readme_lines()[: 2 if tests else 1]
    cold, warm = clone(folder / "cold"), clone(folder / "warm")
    plan = [
        *((line, "empty cache", cold) for line in lines),
        *((line, "full cache, new checkout", warm) for line in lines),
        (lines[0], "same checkout again", warm),
    ]
    return [measure(line, state, checkout, env) for line, state, checkout in plan]


def report(runs: list[Run]) -> str:
    """The report as Markdown."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    model = next(
        line for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line
    )
    head = [
        "# How long the set-up takes",
        "",
        (
            f"Measured by `task setup:measure` at {commit.stdout.strip()}, {time.strftime('%Y-%m-%d')}: {os.cpu_count()} cores of"
            f" {model.partition(':')[2].strip()}, {platform.platform()}, Python {platform.python_version()}."
        ),
        "The caches of pip and of llama.cpp were empty at first. Time runs until the command has ended.",
        "",
        "| command | cache | minutes:seconds | last line |",
        "|---|---|---|---|",
    ]
    rows = [f"| `{run.line}` | {run.state} | {_clock(run.seconds)} | {run.said[:80]} |" for run in runs]
    return "\n".join(head + rows) + "\n"


def table(runs: list[Run]) -> str:
    """The times for the README."""
    rows = [f"| `{run.line}` | {run.state} | {_clock(run.seconds)} |" for run in runs]
    return "\n".join(["| command | cache | minutes:seconds |", "|---|---|---|", *rows])


def into_readme(runs: list[Run]) -> None:
    """Put the times between the README's two marks."""
    page = README.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    README.write_text(f"{before}{BEGIN}\n{table(runs)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def add_suite() -> None:
    """Measure the second line in a new checkout with this machine's caches, and add its row to both pages."""
    with tempfile.TemporaryDirectory(prefix="sessionscribe-") as folder:
        run = measure(readme_lines()[1], "full cache, new checkout", clone(Path(folder) / "warm"), dict(os.environ))
    with REPORT.open("a", encoding="utf-8") as rows:
        rows.write(f"| `{run.line}` | {run.state} | {_clock(run.seconds)} | {run.said[:80]} |\n")
    page = README.read_text(encoding="utf-8")
    row = f"| `{run.line}` | {run.state} | {_clock(run.seconds)} |\n"
    README.write_text(page.replace(END, row + END), encoding="utf-8")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def main() -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo-only", action="store_true", help="leave the test suite out")
    parser.add_argument(
        "--suite-only", action="store_true", help="only the test suite, in a new checkout; adds its row"
    )
    options = parser.parse_args()
    if options.suite_only:
        add_suite()
        return
    with tempfile.TemporaryDirectory(prefix="sessionscribe-") as folder:
        runs = measure_all(Path(folder), tests=not options.demo_only)
    REPORT.write_text(report(runs), encoding="utf-8")
    into_readme(runs)
    print(REPORT)


if __name__ == "__main__":
    main()
