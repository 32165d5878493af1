"""Which form holds the default model best: a grammar, a JSON schema, or nothing but the prompt.

``python bench/note_format.py`` asks for the notes of the three sample sessions in each form over one running sidecar and writes
``docs/reports/note-format.md``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.adapters.llama import http_client
from orchestrator.commands import house
from orchestrator.commands.demo import SAMPLES, sample
from orchestrator.domain import completion, grammar, preprocess, validation
from orchestrator.domain.transcript import parse
from training.contract import prompt

if TYPE_CHECKING:
    import httpx

REPORT = Path(__file__).parent.parent / "docs" / "reports" / "note-format.md"
SEEDS = (1, 2, 3)
SCHEMA = {
    "type": "object",
    "properties": {name: {"type": "string", "maxLength": 200} for name in prompt.SECTIONS},
    "required": list(prompt.SECTIONS),
    "additionalProperties": False,
}
FORMS: dict[str, dict[str, Any]] = {
    "grammar": {"grammar": grammar.note_grammar()},
    "JSON schema": {"response_format": {"type": "json_schema", "json_schema": {"name": "note", "schema": SCHEMA}}},
    "prompt only": {},
}


@dataclass(frozen=True, slots=True)
class Run:
    """One completion: whether its four sections are there, how many need repair, and its decoding speed."""

    whole: bool
    broken: int
    milliseconds_per_token: float


async def ask(http: httpx.AsyncClient, text: str, form: dict[str, Any], seed: int) -> Run:
    """One completion in one form."""
    messages = prompt.build_messages(preprocess.dialogue(parse(text)))
    body = {"messages": messages, "max_tokens": 300, "temperature": 0.2, "repeat_penalty": 1.1, "seed": seed, **form}
    answer = (await http.post("/v1/chat/completions", json=body, timeout=600)).json()
    said = answer["choices"][0]["message"]["content"]
    if "response_format" in form:
        said = as_lines(said)
    draft = validation.check(
        completion.parse(said, answer["choices"][0]["finish_reason"]), messages[1]["content"].replace(text, "")
    )
    timings = answer["timings"]
    return Run(
        whole=set(draft.sections) == set(grammar.MODEL_SECTIONS),
        broken=len(draft.broken),
        milliseconds_per_token=timings["predicted_ms"] / max(1, timings["predicted_n"]),
    )


def as_lines(said: str) -> str:
    """A JSON note as the lines that the parser reads; as it is where it is no JSON (cut off)."""
    try:
        note = json.loads(said)
    except ValueError:
        return said
    return "\n".join(f"{prompt.heading(name)} {text}" for name, text in note.items())


async def measure() -> dict[str, list[Run]]:
    """All forms over one sidecar, turn by turn, so that whatever else the machine does hits each alike."""
    data = house.DEFAULT_DATA_DIR
    runs: dict[str, list[Run]] = {name: [] for name in FORMS}
    async with (
        house.sidecar(house.models_folder(data), data / "keys", log=data / "bench.log") as sidecar,
        http_client(sidecar.url, sidecar.key()) as http,
    ):
        for seed in SEEDS:
            for text in map(sample, SAMPLES):
                for name, form in FORMS.items():
                    begun = time.monotonic()
                    runs[name].append(await ask(http, text, form, seed))
                    print(f"{name}: {runs[name][-1]} {time.monotonic() - begun:.1f} s", file=sys.stderr)
    return runs


def report(runs: dict[str, list[Run]]) -> str:
    """The page."""
    base = mean([run.milliseconds_per_token for run in runs["prompt only"]])
    rows = [
        f"| {name} | {sum(run.whole for run in done)} of {len(done)} | {mean([run.broken for run in done]):.1f} | "
        f"{mean([run.milliseconds_per_token for run in done]) / base:.2f} |"
        for name, done in runs.items()
    ]
    head = [
        "# The form of a completion",
        "",
        "`python bench/note_format.py`: three sample sessions, three seeds each, the default model, one run.",
        "",
        "| form | all four sections | sections to repair, of 4 | time of a token, against none |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, ""])


def mean(values: list[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


if __name__ == "__main__":
    REPORT.write_text(report(asyncio.run(measure())), encoding="utf-8")
    print(f"wrote {REPORT}")
