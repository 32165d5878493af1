"""What happens while a note is written, in the order in which a caller may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.domain.note import Note, RiskFinding, SectionName, Sentence


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` steps of ``what``: ``prompt`` (tokens read), ``windows`` (parts of a long session), ``restart``."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the draft as the model writes it; not yet checked."""

    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A risk finding."""

    finding: RiskFinding


@dataclass(frozen=True, slots=True)
class SectionReady:
    """A section of the checked note."""

    name: SectionName
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """The whole checked note; always the last event, and only of a run that ended."""

    note: Note
    rendered: str


NoteEvent = Progress | Text | Found | SectionReady | Written
