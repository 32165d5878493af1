"""How fast the risk engine is, and how long it holds the interpreter: ``python bench/risk.py`` writes a report.

The rules are timed on one core in this process; rules and classifier together through the command line and a real encoder server.
For the rules a long session is made of the written risk cases, for both of the sample sessions, one after the other.
"""

from __future__ import annotations

import asyncio
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orchestrator.domain import risk
from orchestrator.domain.transcript import parse
from orchestrator.service.find_risks import find_risks

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "training" / "dataset" / "risk" / "cases"
SAMPLES = ROOT / "orchestrator" / "samples"
REPORT = ROOT / "docs" / "reports" / "risk-throughput.md"
WORDS = 20_000
TOGETHER_WORDS = 10_000
RUNS = 5
TICK = 0.001  # seconds between two looks at the clock of the event loop


def long_session(words: int) -> str:
    """The sample sessions over and over, up to ``words`` words."""
    said = "\n".join(path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("*.txt")))
    lines = (said + "\n") * (words // len(said.split()) + 1)
    return " ".join(lines.split(" ")[:words])


def case_session(words: int) -> str:
    """The written cases as one transcript of about ``words`` words."""
    lines: list[str] = []
    count = 0
    while count < words:
        for case in CASES.glob("[a-d].jsonl"):
            for record in map(json.loads, case.read_text(encoding="utf-8").splitlines()):
                lines.append(record["dialogue"])
                count += len(record["dialogue"].split())
                if count >= words:
                    return "\n".join(lines)
    return "\n".join(lines)


def words_per_second(text: str) -> float:
    """The best of some runs, parsing included: other work on the machine only ever slows one down."""
    count = len(text.split())
    best = 0.0
    for _ in range(RUNS):
        started = time.process_time()
        risk.find(parse(text))
        best = max(best, count / (time.process_time() - started))
    return best


async def longest_block(text: str) -> float:
    """The longest time in seconds for which the event loop stood still while the rules ran."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            longest = max(longest, time.perf_counter() - before - TICK)

    transcript = parse(text)
    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.05)
    await find_risks(transcript, None)
    watching.cancel()
    return longest


def together_seconds(text: str) -> float:
    """How long rules and classifier take for one session, after a short one that wakes the server."""
    with tempfile.TemporaryDirectory() as folder:
        cases = Path(folder) / "cases.jsonl"
        cases.write_text(
            "".join(
                json.dumps({"id": i, "dialogue": said}) + "\n" for i, said in (("warm", "I slept."), ("long", text))
            )
        )
        command = [sys.executable, "-m", "orchestrator.cli", "risk", "--cases", str(cases), "--data-dir", folder]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    if answers[-1]["engine"] != "rules+classifier":
        sys.exit("The encoder did not run: see `sessionscribe model add --help`.")
    return float(answers[-1]["seconds"])


def main() -> None:
    """Measure and write the report."""
    text = case_session(WORDS)
    risk.find(parse("I want to die."))  # reads the vocabulary
    speed = words_per_second(text)
    block = min(asyncio.run(longest_block(text)) for _ in range(RUNS))
    together = together_seconds(long_session(TOGETHER_WORDS))
    report = (
        "# Throughput of the risk engine\n\n"
        "`python bench/risk.py`. Rules: parsing included, processor time of one core, the best of "
        f"{RUNS} runs over {len(text.split()):,} words of written cases. Together: wall clock, the encoder on one thread, "
        "the sample sessions one after the other.\n\n"
        "| what | measured | wanted |\n|---|---|---|\n"
        f"| words per second, rules | {speed:,.0f} | 20,000 |\n"
        f"| longest stop of the event loop | {block * 1000:.0f} ms | 20 ms |\n"
        f"| rules and classifier, {TOGETHER_WORDS:,} words | {together:.1f} s | 6 s |\n\n"
        f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}.\n"
    )
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(report, encoding="utf-8")
    print(report)


if __name__ == "__main__":
    main()
