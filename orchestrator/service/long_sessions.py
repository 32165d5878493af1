"""A session longer than one window: a note of each window, then one note of those notes.

Windows run in parallel over the slots. Nothing is cut silently: what no completion was shown is missing from
``Reduced.shown``, and the note tells its coverage. Where the windows' notes do not fit one prompt themselves, they are
reduced in groups until they do.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator import errors
from orchestrator.domain import preprocess
from orchestrator.domain.windows import INSTRUCTION_TOKENS, TOKENS_PER_CHAR
from orchestrator.service.drafting import Asking, Drafted, Usage, draft
from orchestrator.service.events import Progress, Text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from orchestrator.domain.ports import ModelDescription, Task
    from orchestrator.domain.transcript import Transcript
    from orchestrator.domain.windows import Window
    from orchestrator.service.desk import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """The draft of the whole session, the windows that the model was shown, and what all the completions took."""

    draft: Drafted
    shown: tuple[Window, ...]
    usage: Usage


async def reduce(
    desk: Desk, serving: ModelDescription, transcript: Transcript, windows: Sequence[Window]
) -> AsyncGenerator[Progress | Text | Reduced, None]:
    """Write the note of many windows; the last event is ``Reduced``. Raises as ``drafting.draft`` does, where nothing began."""
    parts: dict[int, Drafted] = {}
    async with aclosing(_window_notes(desk, serving, transcript, windows)) as done:
        async for number, drafted in done:
            parts[number] = drafted
            yield Progress("windows", len(parts), len(windows))
    usage = sum((part.usage for part in parts.values()), Usage())
    shown = tuple(window for window in windows if parts[window.number].sections)
    notes = [_as_text(window.number, len(windows), parts[window.number]) for window in shown]
    if not notes:
        failed = next(iter(parts.values()))
        yield Reduced(draft=failed, shown=(), usage=usage)
        return
    while len(groups := _groups(notes, desk.limits.window_tokens)) > 1:
        notes, spent = await _shorter(desk, serving, groups)
        usage += spent
    last = Asking(desk=desk, serving=serving, dialogue="\n".join(notes), task="reduce")
    async with aclosing(draft(last)) as events:
        async for event in events:
            if isinstance(event, Drafted):
                yield Reduced(draft=event, shown=shown, usage=usage + event.usage)
            else:
                yield event


async def _window_notes(
    desk: Desk, serving: ModelDescription, transcript: Transcript, windows: Sequence[Window]
) -> AsyncGenerator[tuple[int, Drafted], None]:
    """The draft of each window, in the order in which they end; as many at work as there are slots."""
    lanes = asyncio.Semaphore(serving.slots)

    async def one(window: Window) -> tuple[int, Drafted]:
        async with lanes:
            text = preprocess.dialogue(transcript, window.pieces)
            return window.number, await _only_draft(desk, serving, text, "window")

    tasks = [asyncio.create_task(one(window)) for window in windows]
    try:
        for task in asyncio.as_completed(tasks):
            yield await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _only_draft(desk: Desk, serving: ModelDescription, dialogue: str, task: Task) -> Drafted:
    """One draft without its events. A server that is away at the wrong moment is one failed window, not the end of all."""
    try:
        async with aclosing(draft(Asking(desk=desk, serving=serving, dialogue=dialogue, task=task))) as events:
            async for event in events:
                if isinstance(event, Drafted):
                    return event
    except (errors.ModelError, errors.Busy) as error:
        return Drafted(sections={}, failure=error.slug)
    return Drafted(sections={}, failure=errors.ModelFailed.slug)


async def _shorter(desk: Desk, serving: ModelDescription, groups: Sequence[Sequence[str]]) -> tuple[list[str], Usage]:
    """One note for each group of notes. A group whose completion failed keeps its first lines, so that the rounds end."""
    drafts = await asyncio.gather(*(_only_draft(desk, serving, "\n".join(group), "reduce") for group in groups))
    notes = [
        _as_text(number, len(groups), drafted) if drafted.sections else group[0]
        for number, (drafted, group) in enumerate(zip(drafts, groups, strict=True), 1)
    ]
    return notes, sum((drafted.usage for drafted in drafts), Usage())


def _groups(notes: Sequence[str], window_tokens: int) -> list[list[str]]:
    """Notes, in order, in groups that fit one prompt; at least two a group, so that every round halves them."""
    room = (window_tokens - INSTRUCTION_TOKENS) / TOKENS_PER_CHAR
    groups: list[list[str]] = [[]]
    for note in notes:
        if len(groups[-1]) > 1 and sum(map(len, groups[-1])) + len(note) > room:
            groups.append([])
        groups[-1].append(note)
    return groups


def _as_text(number: int, of: int, drafted: Drafted) -> str:
    lines = [f"{name}: {text}" for name, text in drafted.sections.items()]
    return "\n".join([f"Part {number} of {of}.", *lines])
