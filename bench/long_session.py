"""How long a note of a very long session takes, and whether all of it is read.

``python bench/long_session.py [--words N]`` writes a note of a session of N words (20,000) with the active model and reports the
time, the windows and the coverage in ``docs/reports/long-session.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
REPORT = ROOT / "docs" / "reports" / "long-session.md"


def session(words: int) -> str:
    """About ``words`` words of plain talk, no turn twice."""
    places = ("garden", "office", "kitchen", "harbour", "library", "bus", "clinic", "market")
    people = ("my sister", "the neighbour", "my manager", "an old friend", "the nurse", "my son")
    turns: list[str] = []
    count = 0
    while count < words:
        n = len(turns)
        where, who = places[n % len(places)], people[(n // 3) % len(people)]
        said = (
            f"Therapist: And on day {n}, what happened at the {where}?"
            if n % 2
            else f"Client: On day {n} I was at the {where} with {who}, and I felt tired but we talked for {n % 50 + 5} minutes."
        )
        turns.append(said)
        count += len(said.split())
    return "\n".join(turns)


def written(text: str) -> dict[str, Any]:
    """The note, by the command that a user would type."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        command = [sys.executable, "-m", "orchestrator.cli", "note", file.name, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    note: dict[str, Any] = json.loads(done.stdout)
    return note


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=20_000)
    words = parser.parse_args().words
    note = written(session(words))
    told = note["provenance"]
    REPORT.write_text(
        "\n".join(
            [
                "# A very long session",
                "",
                f"`python bench/long_session.py`: {words} words, model `{told['model']}`, {os.cpu_count()} cores, one run.",
                "",
                "| what | measured |",
                "|---|---|",
                f"| windows, all shown | {told['windows']}, {told['windows_shown']} |",
                f"| coverage | {note['coverage']} |",
                f"| completions | {told['completions']} |",
                f"| time of the note | {told['note_seconds']:.0f} s |",
                f"| time for 1,000 words | {1000 * told['note_seconds'] / words:.1f} s |",
                f"| origin | {note['origin']} |",
                "",
            ]
        ),
        encoding="utf-8",
    )
    print(f"wrote {REPORT}")


if __name__ == "__main__":
    main()
