"""What notes look like on real sessions: shares of origins, of section sources and of doubtful sentences.

``python bench/notes.py [--data FOLDER] [--limit N]`` writes ``docs/reports/notes.md`` from the validation split of the auralis
data (``FOLDER/auralis/validation.jsonl``; FOLDER is SESSIONSCRIBE_DATA by default) with the active model.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
REPORT = ROOT / "docs" / "reports" / "notes.md"
SECTIONS = ["Chief Complaint", "Emotional State", "Risk", "Intervention", "Plan"]
KEYWORD = re.compile(r"suicid|self[ -]?harm|\bkill|hurt myself|violence|abuse|overdose", re.IGNORECASE)


def main() -> int:
    """Write the notes and the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SESSIONSCRIBE_DATA"), help="the folder of public data"
    )
    parser.add_argument("--limit", type=int, default=None, help="only the first N sessions")
    options = parser.parse_args()
    if options.data is None:
        print("notes: name the folder of public data with --data or SESSIONSCRIBE_DATA", file=sys.stderr)
        return 2
    records = (
        (Path(options.data) / "auralis" / "validation.jsonl").read_text(encoding="utf-8").splitlines()[: options.limit]
    )
    REPORT.write_text(report(written(records)), encoding="utf-8")
    print(f"wrote {REPORT}")
    return 0


def written(records: list[str]) -> list[dict[str, Any]]:
    """The notes of the records, by the command that a user would type."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.write("\n".join(records))
        file.flush()
        command = [sys.executable, "-m", "orchestrator.cli", "note", "--jsonl", file.name]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False, cwd=ROOT)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def report(notes: list[dict[str, Any]]) -> str:
    """The page."""
    good = [note for note in notes if "error" not in note]
    whole = [note for note in good if [section["name"] for section in note["sections"]] == SECTIONS]
    marked = [note for note in good if not KEYWORD.search(re.sub(r"\{\{RED:[^}]*\}\}", "", note["text"]))]
    sources = Counter(source for note in good for source in note["provenance"]["validation"]["sources"].values())
    others = [
        s for note in good for section in note["sections"] if section["name"] != "Risk" for s in section["sentences"]
    ]
    by_model = [s for s in others if s["author"] == "model"]
    doubtful = [s for s in others if s["support"] == "unsupported" or s["marks"]]
    rows = {
        "notes asked for": str(len(notes)),
        "with all five sections, in order": share(len(whole), len(notes)),
        "with every risk keyword marked": share(len(marked), len(notes)),
        "origin `ai`": share(sum(note["origin"] == "ai" for note in good), len(notes)),
        "non-Risk sentences by the model": share(len(by_model), len(others)),
        "non-Risk sentences marked doubtful": share(len(doubtful), len(others)),
        **{f"sections from: {name}": share(n, sources.total()) for name, n in sources.most_common()},
    }
    marks = Counter(mark for s in others for mark in s["marks"])
    problems = Counter(p.rpartition(":")[2] for n in good for p in n["provenance"]["validation"]["problems"])
    model = good[0]["provenance"] if good else {"model": "none", "gguf_sha256": "-"}
    lines = [
        "# Notes of real sessions",
        "",
        f"`python bench/notes.py`: the validation split of the auralis data, model `{model['model']}` (GGUF `{model['gguf_sha256'][:16]}`), commit `{commit()}`.",
        "",
        "| what | measured |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows.items()),
        "",
        "| why a sentence is marked | sentences |",
        "|---|---|",
        *(f"| {name} | {n} |" for name, n in marks.most_common()),
        "",
        "| what validation found in completions | times |",
        "|---|---|",
        *(f"| {name} | {n} |" for name, n in problems.most_common()),
        "",
    ]
    return "\n".join(lines)


def share(part: int, whole: int) -> str:
    """``12 of 15 (80 %)``."""
    return f"{part} of {whole} ({100 * part / whole:.0f} %)" if whole else "none"


def commit() -> str:
    """The commit that is measured."""
    said = subprocess.run(["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, check=False, cwd=ROOT)
    return said.stdout.decode().strip()


if __name__ == "__main__":
    raise SystemExit(main())
