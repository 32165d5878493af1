"""What the domain's use cases need of the outside, as narrow protocols; the adapters keep them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

Task = Literal["note", "window", "reduce", "summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are drawn. ``max_tokens`` bounds one completion."""

    temperature: float = 0.2
    top_p: float = 0.9
    top_k: int = 40
    repeat_penalty: float = 1.1
    seed: int = 1
    max_tokens: int = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """One completion to ask for. ``messages`` are role/content pairs as built by the prompt contract.

    A last message with the role ``assistant`` is a prefill that the reply goes on from (the reply does not repeat it).
    """

    messages: Sequence[Mapping[str, str]]
    sampling: Sampling
    grammar: str | None = None  # GBNF
    stop: tuple[str, ...] = ()
    deadline_seconds: float = 45.0  # starts when a slot is granted


@dataclass(frozen=True, slots=True)
class PromptProgress:
    """The model has read ``processed`` of ``total`` prompt tokens."""

    processed: int
    total: int


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the completion, in order."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The completion ended by itself. ``reason`` is ``stop`` or ``length``."""

    reason: str
    text: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds: float
    queued_seconds: float


CompletionEvent = PromptProgress | Token | Finished


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """The model that serves now, as the sidecar's ``/status`` tells it."""

    name: str
    sha256: str
    quantization: str
    size_bytes: int
    chat_template_sha256: str
    prompt_version: str
    adapter_sha256: str | None
    context: int  # tokens per slot
    slots: int
    sampling: Sampling
    extra: Mapping[str, object] = field(default_factory=dict)


class LanguageModel(Protocol):
    """A language model somewhere near. Errors: ``orchestrator.errors.ModelError`` and its children."""

    def complete(self, request: CompletionRequest) -> AsyncGenerator[CompletionEvent, None]:
        """Stream one completion; closing the iterator frees the slot. Ends with exactly one ``Finished``."""
        ...

    async def describe(self) -> ModelDescription:
        """Say what serves now."""
        ...

    async def count_tokens(self, text: str) -> int:
        """How many tokens ``text`` has for the model that serves now."""
        ...


class Encoder(Protocol):
    """A sentence encoder: texts to unit vectors of one length. Its vectors are session text: never stored, never logged."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, in order."""
        ...


class Prompts(Protocol):
    """What a model is asked; training and serving share one contract."""

    @property
    def version(self) -> str:
        """The version of the prompt."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that shapes a prompt."""
        ...

    def messages(self, dialogue: str, task: Task) -> Sequence[Mapping[str, str]]:
        """The messages that ask for ``task`` over ``dialogue``."""
        ...

    def repair(
        self, dialogue: str, task: Task, *, section: str, before: Mapping[str, str]
    ) -> Sequence[Mapping[str, str]]:
        """The messages that ask for one section again, ending in a prefill up to its heading."""
        ...
