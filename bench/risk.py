"""How fast the risk rules are, and how long they hold the interpreter: ``python bench/risk.py`` writes a report.

A long session is made by repeating the written cases of the training set; one core, one process.
"""

from __future__ import annotations

import asyncio
import json
import platform
import time
from pathlib import Path

from orchestrator.domain import risk
from orchestrator.domain.transcript import parse
from orchestrator.service.find_risks import find_risks

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "training" / "dataset" / "risk" / "cases"
REPORT = ROOT / "docs" / "reports" / "risk-throughput.md"
WORDS = 20_000
RUNS = 5
TICK = 0.001  # seconds between two looks at the clock of the event loop


def session(words: int) -> str:
    """A transcript of about ``words`` words."""
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


def main() -> None:
    """Measure and write the report."""
    text = session(WORDS)
    risk.find(parse("I want to die."))  # reads the vocabulary
    speed = words_per_second(text)
    block = min(asyncio.run(longest_block(text)) for _ in range(RUNS))
    report = (
        "# Throughput of the risk rules\n\n"
        "`python bench/risk.py`; parsing included; processor time of one core, the best of "
        f"{RUNS} runs over {len(text.split()):,} words.\n\n"
        "| what | measured | wanted |\n|---|---|---|\n"
        f"| words per second | {speed:,.0f} | 20,000 |\n"
        f"| longest stop of the event loop | {block * 1000:.0f} ms | 20 ms |\n\n"
        f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}.\n"
    )
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(report, encoding="utf-8")
    print(report)


if __name__ == "__main__":
    main()
