"""``sessionscribe note``: transcripts in, notes out, over one running sidecar; nothing is stored."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator import errors
from orchestrator.adapters.llama import LlamaClient, http_client
from orchestrator.adapters.prompting import ContractPrompts
from orchestrator.adapters.slots import Slots
from orchestrator.commands import house
from orchestrator.commands.programs import ProgramFailed
from orchestrator.domain.note_json import to_json
from orchestrator.service.desk import Desk, Limits
from orchestrator.service.generate_note import LEAST_CHARACTERS, whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from orchestrator.commands.house import Sidecar

PATIENCE_SECONDS = 3600.0


class BadInput(Exception):
    """A file that cannot be used; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """A transcript and what to call it."""

    id: str
    text: str


def read_files(names: Sequence[str]) -> Iterator[Source]:
    """The transcripts in files; ``-`` is standard input. Raises BadInput."""
    for name in names:
        try:
            data = sys.stdin.buffer.read() if name == "-" else _read(name)
            yield Source(name, data.decode("utf-8-sig"))
        except OSError as error:
            raise BadInput(f"{name}: {error.strerror or 'cannot be read'}") from None
        except UnicodeDecodeError:
            raise BadInput(f"{name}: this is not UTF-8 text") from None


def read_jsonl(path: Path) -> Iterator[Source]:
    """The records ``{id, dialogue}`` of a JSONL file, one a line. Raises BadInput with the line's number."""
    for number, line in enumerate(_read(str(path)).decode("utf-8-sig", "replace").split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            yield Source(str(record.get("id", number)), str(record["dialogue"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadInput(f"{path}, line {number}: not a JSON object with a member 'dialogue'") from None


def _read(name: str) -> bytes:
    with open(name, "rb") as file:  # noqa: PTH123 - a name as typed, devices included
        return file.read()


@asynccontextmanager
async def desk(sidecar: Sidecar, limits: Limits = Limits()) -> AsyncIterator[Desk]:  # noqa: B008 - frozen
    """A desk over ``sidecar``; its encoder is used where the sidecar has one."""
    async with http_client(sidecar.url, sidecar.key()) as http:
        described = await LlamaClient(http, Slots(1, waiting=0, patience=1)).describe()
        client = LlamaClient(http, Slots(described.slots, waiting=10_000, patience=PATIENCE_SECONDS))
        has_encoder = bool(described.extra.get("encoder"))
        yield Desk(model=client, encoder=client if has_encoder else None, prompts=ContractPrompts(), limits=limits)


async def write_notes(
    sources: Sequence[Source],
    *,
    folder: Path,
    sidecar_url: str | None,
    note_seconds: float,
    as_json: bool,
    lines: bool,
) -> int:
    """Print a note for each source, in order, each completion within ``note_seconds``; 0 when all were written, 1 otherwise."""
    _tell("Starting the model ...")
    try:
        async with (
            house.any_sidecar(
                sidecar_url, house.models_folder(folder), folder / "keys", log=folder / "note.log"
            ) as sidecar,
            desk(sidecar, Limits(note_seconds=note_seconds)) as ready,
        ):
            return await _write_all(sources, ready, as_json=as_json, lines=lines)
    except (ProgramFailed, errors.AppError) as failure:
        _tell(f"sessionscribe: {failure}")
        return 1


async def _write_all(sources: Sequence[Source], ready: Desk, *, as_json: bool, lines: bool) -> int:
    width = (await ready.model.describe()).slots
    lanes = asyncio.Semaphore(width)

    async def one(source: Source) -> dict[str, Any]:
        async with lanes:
            return await _answer(source, ready)

    tasks = [asyncio.create_task(one(source)) for source in sources]
    failed = 0
    for number, (source, task) in enumerate(zip(sources, tasks, strict=True), 1):
        answer = await task
        failed += "error" in answer
        if lines:
            print(json.dumps({"id": source.id, **answer}, ensure_ascii=False), flush=True)
        elif "error" in answer:
            _tell(f"sessionscribe: {source.id}: {answer['error']}")
        elif as_json:
            print(json.dumps(answer, ensure_ascii=False, indent=2))
        else:
            print(answer["text"])
        if len(sources) > 1:
            _tell(f"{number} of {len(sources)} notes")
    return 1 if failed else 0


async def _answer(source: Source, ready: Desk) -> dict[str, Any]:
    try:
        if len(source.text.strip()) < LEAST_CHARACTERS:
            raise errors.TranscriptTooShort
        return to_json((await whole(source.text, ready)).note)
    except (errors.AppError, errors.Busy) as error:
        return {"error": error.detail}


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
