"""A transcript to a checked note: the heart of the house. Nothing is stored here.

The model writes four sections; Risk is written from findings that the transcript itself holds, looked for meanwhile. What
the model wrote is checked sentence by sentence, and what cannot be used comes from the extractive fallback, marked as such.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from orchestrator import metrics
from orchestrator.domain import assembly, preprocess, windows
from orchestrator.domain.grammar import MODEL_SECTIONS
from orchestrator.domain.note import Note, Origin, SectionName
from orchestrator.domain.rendering import render
from orchestrator.domain.transcript import parse
from orchestrator.service.drafting import Asking, Drafted, Usage, draft
from orchestrator.service.events import Found, SectionReady, Written
from orchestrator.service.find_risks import find_risks
from orchestrator.service.long_sessions import Reduced, reduce

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from orchestrator.domain.ports import ModelDescription
    from orchestrator.domain.transcript import Transcript
    from orchestrator.domain.windows import Window
    from orchestrator.service.desk import Desk
    from orchestrator.service.events import NoteEvent, Progress, Text
    from orchestrator.service.find_risks import Risks


async def budget_seconds(text: str, desk: Desk) -> float:
    """How long a caller should wait for the note of ``text``: it grows with the number of windows. Raises as ``describe``."""
    serving = await desk.model.describe()
    _, parts = await asyncio.to_thread(_read, text, desk)
    return desk.limits.note_budget(len(parts), serving.slots)


async def write_note(text: str, desk: Desk) -> AsyncGenerator[NoteEvent, None]:
    """The events of a note of ``text``; the last is ``Written``.

    Raises ModelUnreachable, ModelLoading or Busy where the model could not begin. After that there is always a note: where
    the model failed, a fallback that says so.
    """
    started = time.monotonic()
    serving = await desk.model.describe()
    transcript, parts = await asyncio.to_thread(_read, text, desk)
    finding = asyncio.create_task(find_risks(transcript, desk.encoder))
    told = False
    reduced: Reduced | None = None
    try:
        async with aclosing(_draft(desk, serving, transcript, parts)) as events:
            async for event in events:
                if finding.done() and not told:
                    told = True
                    for found in finding.result().findings:
                        yield Found(found)
                if isinstance(event, Reduced):
                    reduced = event
                else:
                    yield event
        risks = await finding
    finally:
        finding.cancel()
    assert reduced is not None  # noqa: S101 - the last event of a draft that did not raise
    for found in () if told else risks.findings:
        yield Found(found)
    ended = _Ended(serving=serving, transcript=transcript, parts=parts, reduced=reduced, risks=risks)
    note = await asyncio.to_thread(_note, ended, desk, time.monotonic() - started)
    _count(note, reduced.draft)
    for name in SectionName:
        yield SectionReady(name, note.sections[name])
    yield Written(note, render(note))


def _read(text: str, desk: Desk) -> tuple[Transcript, tuple[Window, ...]]:
    transcript = parse(text)
    return transcript, windows.plan(transcript, desk.limits.window_tokens)


async def _draft(
    desk: Desk, serving: ModelDescription, transcript: Transcript, parts: tuple[Window, ...]
) -> AsyncGenerator[Progress | Text | Reduced, None]:
    if len(parts) > 1:
        async with aclosing(reduce(desk, serving, transcript, parts)) as events:
            async for event in events:
                yield event
        return
    asking = Asking(desk=desk, serving=serving, dialogue=preprocess.dialogue(transcript), task="note")
    async with aclosing(draft(asking)) as drafting:
        async for step in drafting:
            if isinstance(step, Drafted):
                yield Reduced(draft=step, shown=parts if step.failure is None else (), usage=step.usage)
            else:
                yield step


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """Everything a note is made of once the model has had its say."""

    serving: ModelDescription
    transcript: Transcript
    parts: tuple[Window, ...]
    reduced: Reduced
    risks: Risks


def _note(ended: _Ended, desk: Desk, seconds: float) -> Note:
    drafted = ended.reduced.draft
    checked = assembly.assemble(ended.transcript, drafted.sections, ended.risks.findings, long=len(ended.parts) > 1)
    return Note(
        sections=checked.sections,
        risk=ended.risks.findings,
        origin=Origin.AI if drafted.sections else Origin.FALLBACK,
        coverage=windows.coverage(ended.transcript, ended.reduced.shown),
        provenance=_provenance(ended, desk, checked, seconds),
    )


def _provenance(ended: _Ended, desk: Desk, checked: assembly.Assembled, seconds: float) -> dict[str, object]:
    serving, drafted = ended.serving, ended.reduced.draft
    return {
        "model": serving.name,
        "quantization": serving.quantization,
        "gguf_sha256": serving.sha256,
        "adapter_sha256": serving.adapter_sha256,
        "chat_template_sha256": serving.chat_template_sha256,
        "prompt_version": desk.prompts.version,
        "prompt_sha256": desk.prompts.fingerprint,
        "sampling": asdict(serving.sampling),
        "seed": serving.sampling.seed,
        **_numbers(ended.reduced.usage),
        "note_seconds": round(seconds, 3),
        "windows": len(ended.parts),
        "windows_shown": len(ended.reduced.shown),
        "risk_engine": ended.risks.engine,
        "validation": {
            "problems": list(drafted.problems),
            "repaired": [str(name) for name in drafted.repaired],
            "sources": {str(name): source for name, source in _sources(drafted).items()},
            "words": checked.words,
            "bounds": list(checked.bounds),
            "outside_bounds": checked.outside_bounds,
            "removed": list(checked.removed),
        },
        "retries": drafted.retries,
        "fallback_reason": drafted.failure if drafted.sections == {} else None,
    }


def _numbers(usage: Usage) -> dict[str, object]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(usage).items()}


def _sources(drafted: Drafted) -> dict[SectionName, str]:
    """Where each section came from: the model, its repair, the rules or the fallback."""
    sources = {name: "model" if name in drafted.sections else "fallback" for name in MODEL_SECTIONS}
    sources |= dict.fromkeys(drafted.repaired, "repair")
    return {name: sources.get(name, "rules") for name in SectionName}


def _count(note: Note, drafted: Drafted) -> None:
    for source in _sources(drafted).values():
        metrics.SECTIONS.labels(source=source).inc()
    if note.origin is Origin.FALLBACK:
        metrics.FALLBACKS.labels(scope="note", reason=drafted.failure or "unusable").inc()
    for _ in drafted.given_up if drafted.sections else ():
        metrics.FALLBACKS.labels(scope="section", reason="broken").inc()
