"""Breaks orchestrator/domain in a seeded sample of places, one at a time; writes which breaks no test noticed.

Works in a clone of what is committed, so the checkout stays as it is. Run it by ``task test:mutation``.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
REPORT = CHECKOUT / "docs" / "reports" / "mutation.md"
MUTMUT = [sys.executable, "-m", "mutmut"]
_SURVIVED = {0, 33}  # mutmut's codes: the tests passed; no test reaches the place
_KILLED_LEAST = 0.85


def mutants(clone: Path) -> dict[str, int | None]:
    """Every mutant that mutmut has made in ``clone``, and the code of its last run (None: not run)."""
    found: dict[str, int | None] = {}
    for meta in sorted((clone / "mutants").rglob("*.meta")):
        found |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def mutmut(clone: Path, *arguments: str) -> str:
    """Run mutmut in ``clone`` and return what it says."""
    done = subprocess.run(
        [*MUTMUT, *arguments],
        cwd=clone,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def sample(names: list[str], *, size: int, seed: int) -> list[str]:
    """``size`` of ``names``, always the same for one ``seed``."""
    return sorted(random.Random(seed).sample(names, min(size, len(names))))  # noqa: S311 - a sample, no secret


def report(clone: Path, codes: dict[str, int | None], *, seed: int, made: int) -> str:
    """The report as Markdown: how many were killed, and each survivor with its difference."""
    survivors = [name for name, code in codes.items() if code in _SURVIVED or code is None]
    killed = len(codes) - len(survivors)
    lines = [
        "# Mutation check of orchestrator/domain",
        "",
        f"`task test:mutation` made {made} mutants and ran {len(codes)} of them (seed {seed}): {killed} killed,"  # noqa: ISC004
        f" {killed / len(codes):.1%}; {len(survivors)} survived.",
        "",
        "## Survivors",
        "",
    ]
    for name in survivors:
        shown = mutmut(clone, "show", name)
        changes = re.findall(r"^[-+](?![-+]).*$", shown, re.MULTILINE)
        lines += [
            f"`{name}`" + (" (no test reaches it)" if codes[name] not in {0, None} else ""),
            "",
            "```diff",
            *changes,
            "```",
            "",
        ]
    return "\n".join(lines)


def main() -> int:
    """Make, run, report; 1 when fewer than 85 % were killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="a piece of the mutants' names, e.g. risk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(clone)], check=True)
        said = mutmut(clone, "run", "none.such")  # makes the mutants, then finds nothing to run
        names = [name for name in mutants(clone) if options.only in name]
        if not names:
            print(said, file=sys.stderr)
            return 1
        chosen = sample(names, size=options.size, seed=options.seed)
        said = mutmut(clone, "run", *chosen)
        codes = {name: code for name, code in mutants(clone).items() if name in set(chosen)}
        if all(code is None for code in codes.values()):
            print(said, file=sys.stderr)
            return 1
        REPORT.write_text(report(clone, codes, seed=options.seed, made=len(names)), encoding="utf-8")
    survived = sum(code in _SURVIVED or code is None for code in codes.values())
    print(f"{len(codes) - survived} of {len(codes)} killed; {REPORT}")
    return int(1 - survived / len(codes) < _KILLED_LEAST)


if __name__ == "__main__":
    sys.exit(main())
