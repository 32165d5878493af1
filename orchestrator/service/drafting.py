"""One completion made into a draft: asked, read, checked, and mended once where it is broken.

A completion that breaks off is asked again once, within the same deadline, when the server has come back. One that runs
out of time is not. What is still broken after that goes to the fallback, section by section; ``Drafted`` says why.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator import errors, metrics
from orchestrator.domain import completion, grammar, validation
from orchestrator.domain.ports import CompletionRequest, Finished, PromptProgress, Token
from orchestrator.service.events import Progress, Text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from orchestrator.domain.completion import Draft
    from orchestrator.domain.note import SectionName
    from orchestrator.domain.ports import ModelDescription, Task
    from orchestrator.service.desk import Desk

REPAIR_TOKENS = 120
CHARS_PER_TOKEN = 3.8  # English in the default model's vocabulary; only deadlines hang on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and seconds of completions, added up."""

    completions: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0  # at work, from granted slots
    queued_seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__})

    @classmethod
    def of(cls, end: Finished) -> Usage:
        """One completion."""
        return cls(
            completions=1,
            prompt_tokens=end.prompt_tokens,
            cached_tokens=end.cached_tokens,
            completion_tokens=end.completion_tokens,
            seconds=end.seconds,
            queued_seconds=end.queued_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """What came of asking. ``failure`` is the reason where no completion ended: then there are no sections.

    ``sections`` are sound; ``given_up`` are those that stayed broken after the repair; ``problems`` is everything that
    validation found, as ``section:slug``.
    """

    sections: Mapping[SectionName, str]
    given_up: tuple[SectionName, ...] = ()
    repaired: tuple[SectionName, ...] = ()
    problems: tuple[str, ...] = ()
    failure: str | None = None
    retries: int = 0
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One dialogue put to the model for one task."""

    desk: Desk
    serving: ModelDescription
    dialogue: str
    task: Task

    def request(self) -> CompletionRequest:
        """The completion of all four sections."""
        messages = self.desk.prompts.messages(self.dialogue, self.task)
        words = grammar.LONG_WORDS if self.task in {"reduce", "summary"} else grammar.DEFAULT_WORDS
        return self._request(messages, grammar.note_grammar(words), self.serving.sampling.max_tokens)

    def repair(self, section: SectionName, before: Mapping[SectionName, str]) -> CompletionRequest:
        """The completion of one section behind its heading."""
        kept = {str(name): text for name, text in before.items()}
        messages = self.desk.prompts.repair(self.dialogue, self.task, section=section, before=kept)
        request = self._request(messages, grammar.section_grammar(section), REPAIR_TOKENS)
        return replace(request, stop=("\n",))

    def instructions(self) -> str:
        """The prompt's own words, without a dialogue: what must not come back as a note."""
        return "\n".join(message["content"] for message in self.desk.prompts.messages("", self.task))

    def _request(self, messages: Sequence[Mapping[str, str]], gbnf: str, max_tokens: int) -> CompletionRequest:
        tokens = sum(len(message["content"]) for message in messages) / CHARS_PER_TOKEN
        return CompletionRequest(
            messages=messages,
            sampling=replace(self.serving.sampling, max_tokens=max_tokens),
            grammar=gbnf,
            deadline_seconds=self.desk.limits.completion_seconds(tokens),
        )


async def draft(asking: Asking) -> AsyncGenerator[Progress | Text | Drafted, None]:
    """Ask, check and repair; the last event is ``Drafted``.

    Raises ModelUnreachable, ModelLoading or Busy where nothing began; afterwards every failure is told in ``Drafted``.
    """
    end: Finished | None = None
    failure, retries = None, 0
    async with aclosing(_persistent(asking)) as events:
        async for event in events:
            match event:
                case Finished():
                    end = event
                case _Failed(reason=reason):
                    failure = reason
                case Progress(what="restart"):
                    retries += 1
                    yield event
                case _:
                    yield event
    if end is None:
        yield Drafted(sections={}, failure=failure, retries=retries)
        return
    first = validation.check(completion.parse(end.text, end.reason), asking.instructions())
    mended, usage = await _mend(asking, first)
    yield replace(mended, retries=retries, usage=Usage.of(end) + usage)


@dataclass(frozen=True, slots=True)
class _Failed:
    reason: str


async def _persistent(asking: Asking) -> AsyncGenerator[Progress | Text | Finished | _Failed, None]:
    """The events of one completion, asked a second time where the first broke off and the deadline allows."""
    request = asking.request()
    ends_at = time.monotonic() + request.deadline_seconds
    for attempt in (0, 1):
        try:
            async with aclosing(_told(asking, request)) as events:
                async for event in events:
                    yield event
        except errors.ModelTimeout:
            yield _Failed(errors.ModelTimeout.slug)
        except errors.ModelError as error:
            if attempt == 0 and not isinstance(error, errors.ModelFailed):
                raise  # nothing began
            left = await _back_again(asking, ends_at) if attempt == 0 else 0.0
            if left <= 0:
                yield _Failed(error.slug)
                return
            request = replace(request, deadline_seconds=left)
            yield Progress("restart", 1, 1)
            continue
        return


async def _told(asking: Asking, request: CompletionRequest) -> AsyncGenerator[Progress | Text | Finished, None]:
    async with aclosing(asking.desk.model.complete(request)) as events:
        async for event in events:
            match event:
                case PromptProgress(processed=done, total=total):
                    yield Progress("prompt", done, total)
                case Token(text=text):
                    yield Text(text)
                case Finished():
                    yield event


async def _back_again(asking: Asking, ends_at: float) -> float:
    """Wait until the model serves again; the seconds that are then left of the deadline, 0 where none are."""
    while (left := ends_at - time.monotonic()) > 0:
        try:
            await asking.desk.model.describe()
        except errors.ModelError:
            await asyncio.sleep(asking.desk.limits.retry_seconds)
        else:
            return left
    return 0.0


async def _mend(asking: Asking, first: Draft) -> tuple[Drafted, Usage]:
    """Write each broken section again, once; those that are sound then, and those that are not."""
    sections = {name: text for name, text in first.sections.items() if name not in first.broken}
    problems, usage = _slugs(first), Usage()
    repaired: list[SectionName] = []
    for name in first.broken:
        again, spent = await _again(asking, name, sections)
        usage += spent
        if again is None:
            continue
        problems += _slugs(again, "repair:")
        if not again.broken and name in again.sections:
            sections[name] = again.sections[name]
            repaired.append(name)
    for problem in problems:
        metrics.PROBLEMS.labels(problem=problem.rpartition(":")[2]).inc()
    ordered = {name: sections[name] for name in grammar.MODEL_SECTIONS if name in sections}
    given_up = tuple(name for name in grammar.MODEL_SECTIONS if name not in ordered)
    drafted = Drafted(sections=ordered, given_up=given_up, repaired=tuple(repaired), problems=tuple(problems))
    return drafted, usage


async def _again(asking: Asking, name: SectionName, kept: Mapping[SectionName, str]) -> tuple[Draft | None, Usage]:
    end: Finished | None = None
    try:
        async with aclosing(_told(asking, asking.repair(name, kept))) as events:
            async for event in events:
                end = event if isinstance(event, Finished) else end
    except (errors.ModelError, errors.Busy):
        return None, Usage()
    if end is None:
        return None, Usage()
    others = {other: text for other, text in kept.items() if other is not name}
    said = completion.parse_section(end.text, name, end.reason)
    # Checked beside the sections that stay, so that a repetition of one of them is seen.
    checked = validation.check(replace(said, sections={**others, **said.sections}), asking.instructions())
    mine = tuple(problem for problem in checked.problems if problem.section is name)
    own = {name: checked.sections[name]} if checked.sections.get(name) else {}
    return replace(checked, sections=own, problems=mine), Usage.of(end)


def _slugs(draft: Draft, prefix: str = "") -> list[str]:
    return [f"{prefix}{problem.section or 'note'}:{problem.slug}" for problem in draft.problems]
