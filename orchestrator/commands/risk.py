"""``sessionscribe risk``: the risk findings of transcripts, one JSON line each, whatever the transcripts look like."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from orchestrator import errors
from orchestrator.commands import house
from orchestrator.commands.note import BadInput, Source, desk
from orchestrator.commands.programs import ProgramFailed
from orchestrator.domain.note_json import finding_json
from orchestrator.domain.transcript import parse
from orchestrator.service.find_risks import find_risks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orchestrator.domain.ports import Encoder

SHOWN = ("category", "status", "start", "end", "quote", "review", "source")


def read_cases(path: Path) -> Iterator[Source]:
    """The cases ``{id, dialogue}`` of a JSONL file. A line that is none becomes a case without text and never ends the run.

    Raises BadInput where the file itself cannot be read.
    """
    try:
        lines = path.read_bytes().decode("utf-8-sig", "replace").split("\n")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or 'cannot be read'}") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _case(number, line)


def _case(number: int, line: str) -> Source:
    try:
        case = json.loads(line)
    except ValueError:
        return Source(f"line {number}", line)  # what risk it holds is still found
    if not isinstance(case, dict):
        return Source(f"line {number}", line)
    dialogue = case.get("dialogue")
    return Source(
        str(case.get("id", f"line {number}")), dialogue if isinstance(dialogue, str) else json.dumps(dialogue)
    )


async def print_findings(cases: Sequence[Source], *, folder: Path, sidecar_url: str | None) -> int:
    """Print ``{id, findings, seconds, engine, error?}`` for each case, in order. Without a model only the rules look."""
    try:
        async with (
            house.any_sidecar(
                sidecar_url, house.models_folder(folder), folder / "keys", log=folder / "risk.log"
            ) as sidecar,
            desk(sidecar) as ready,
        ):
            await _print_all(cases, ready.encoder)
    except (ProgramFailed, errors.AppError) as failure:
        print(f"sessionscribe: {failure}; only the rules look", file=sys.stderr)
        await _print_all(cases, None)
    return 0


async def _print_all(cases: Sequence[Source], encoder: Encoder | None) -> None:
    for case in cases:
        print(json.dumps({"id": case.id, **await _answer(case, encoder)}, ensure_ascii=False), flush=True)


async def _answer(case: Source, encoder: Encoder | None) -> dict[str, Any]:
    started = time.monotonic()
    try:
        risks = await find_risks(parse(case.text), encoder)
    except Exception as error:  # noqa: BLE001 - one case never ends the run; its text never reaches a message
        return {"findings": [], "seconds": round(time.monotonic() - started, 4), "error": type(error).__name__}
    findings = [{name: finding_json(finding)[name] for name in SHOWN} for finding in risks.findings]
    return {"findings": findings, "seconds": round(time.monotonic() - started, 4), "engine": risks.engine}
