"""A patient's sessions as a summary reads them: oldest first, every one of them, most room for the latest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.domain import completion, markers
from orchestrator.domain.note import NOT_DISCUSSED, RiskCategory, RiskStatus, SectionName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

LEAST_CHARS = 60  # for the oldest session of a long history: about one short sentence
OLDER_SHARE = 0.6  # of the room that the session after it has
KEY_POINTS = 8
LATEST_SESSION, PROGRESS = "Latest Session", "Progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFinding:
    """A risk that a session held, in the words of that session."""

    category: RiskCategory
    status: RiskStatus
    quote: str

    def __str__(self) -> str:
        """For a therapist: ``suicidal ideation (present passive): "..."``."""
        return f"{_words(self.category)} ({_words(self.status)}): “{self.quote}”"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One session of a history. ``sections`` are the lines of its note, or of an extract where no note was written."""

    number: int
    day: date
    sections: Mapping[SectionName, str]
    findings: tuple[PastFinding, ...] = ()

    @property
    def title(self) -> str:
        """``Session 3 (2026-03-01)``."""
        return f"Session {self.number} ({self.day.isoformat()})"


def sections_of(note: str) -> dict[SectionName, str]:
    """The lines of a rendered note without markers; what a therapist wrote without headings counts as the complaint."""
    draft = completion.parse(markers.strip(note).replace("[?]", ""))
    sections = {name: text for name, text in draft.sections.items() if text != NOT_DISCUSSED}
    if draft.risk and draft.risk != NOT_DISCUSSED:
        sections[SectionName.RISK] = draft.risk
    return sections or {SectionName.CHIEF_COMPLAINT: " ".join(markers.strip(note).split())}


def digest(entries: Sequence[Entry], room_chars: int) -> str:
    """The sessions, oldest first, as the material of one prompt of about ``room_chars`` characters.

    No session is left out: each keeps at least ``LEAST_CHARS``, the later ones more, whatever the room.
    """
    shares = _shares(len(entries), room_chars)
    return "\n".join(
        f"{entry.title}: {_clipped(_line(entry), share)}" for entry, share in zip(entries, shares, strict=True)
    )


def _shares(count: int, room: int) -> list[int]:
    """Characters for each of ``count`` sessions, oldest first, falling off from the latest backwards."""
    weights = [OLDER_SHARE**age for age in range(count - 1, -1, -1)]
    left = max(0, room - LEAST_CHARS * count)
    return [LEAST_CHARS + int(left * weight / sum(weights)) for weight in weights]


def _line(entry: Entry) -> str:
    """What a model reads of a session: its note without Risk, which is written from findings."""
    return " ".join(f"{name}: {text}" for name, text in entry.sections.items() if name is not SectionName.RISK)


def _clipped(text: str, chars: int) -> str:
    if len(text) <= chars:
        return text
    return text[:chars].rsplit(None, 1)[0].rstrip(" ,;:") + " ..."


def risk_over_time(entries: Sequence[Entry]) -> str:
    """What risk was present when, oldest first, and whether the latest session held any."""
    held = [entry for entry in entries if any(finding.status is not RiskStatus.DENIED for finding in entry.findings)]
    if not held:
        asked = [entry for entry in entries if entry.findings]
        return f"Denied when asked ({', '.join(e.title for e in asked)})." if asked else NOT_DISCUSSED
    lines = [f"{entry.title}: {_kinds(entry.findings)}." for entry in held]
    if held[-1] is not entries[-1]:
        lines.append(f"None found in {entries[-1].title}.")
    return " ".join(lines)


def _kinds(findings: Iterable[PastFinding]) -> str:
    kinds = (f"{_words(finding.category)}, {_words(finding.status)}" for finding in findings)
    return "; ".join(dict.fromkeys(kinds))


def latest(entries: Sequence[Entry]) -> str:
    """The latest session in its own note's words."""
    sections = entries[-1].sections
    told = [sections[name] for name in (SectionName.CHIEF_COMPLAINT, SectionName.PLAN) if name in sections]
    return f"{entries[-1].title}: {' '.join(told) or NOT_DISCUSSED}"


def progress(entries: Sequence[Entry]) -> str:
    """From where to where: how many sessions over which time, and the client's state in the first and the latest."""
    if len(entries) == 1:
        return "This is the first session."
    states = [
        f"{entry.title}: {state}"
        for entry in (entries[0], entries[-1])
        if (state := entry.sections.get(SectionName.EMOTIONAL_STATE))
    ]
    span = f"{len(entries)} sessions from {entries[0].day.isoformat()} to {entries[-1].day.isoformat()}."
    return " ".join([span, *states])


def key_points(entries: Sequence[Entry]) -> list[str]:
    """Whole findings, gravest and latest first, then the latest complaint and plan; at most ``KEY_POINTS``."""
    order = list(RiskStatus)
    risks = sorted(
        (
            (order.index(finding.status), -entry.number, f"{entry.title}: {finding}")
            for entry in entries
            for finding in entry.findings
        ),
    )
    sections = entries[-1].sections
    told = [
        f"{name} in {entries[-1].title}: {sections[name]}"
        for name in (SectionName.CHIEF_COMPLAINT, SectionName.EMOTIONAL_STATE, SectionName.PLAN)
        if name in sections
    ]
    kept = list(dict.fromkeys(text for *_, text in risks))[: KEY_POINTS - len(told)]
    return [*kept, *told]


def _words(value: RiskCategory | RiskStatus) -> str:
    return value.value.replace("_", " ")
