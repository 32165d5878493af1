"""A patient's sessions made into one summary: notes that were checked before are reused, so a long history costs little.

One completion, whatever the number of sessions, over a digest of their notes; a session without a note gives an extract of
its transcript. Risk, the latest session and the progress are written by rule. Only sessions of the one patient are read.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from orchestrator import errors
from orchestrator.domain import fallback, guards, history, markers, rendering, risk
from orchestrator.domain.grammar import MODEL_SECTIONS
from orchestrator.domain.history import LATEST_SESSION, PROGRESS, Entry, PastFinding
from orchestrator.domain.note import NOT_DISCUSSED, Author, RiskCategory, RiskStatus, SectionName, Sentence, Support
from orchestrator.domain.transcript import parse
from orchestrator.domain.validation import split
from orchestrator.domain.windows import INSTRUCTION_TOKENS, TOKENS_PER_CHAR
from orchestrator.service.drafting import Asking, Drafted, draft

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.domain.records import Session
    from orchestrator.domain.stores import SessionStore
    from orchestrator.service.desk import Desk

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """``text`` has the note's five sections, then Latest Session and Progress. ``origin`` is ``ai`` or ``fallback``."""

    text: str
    session_count: int
    key_points: tuple[str, ...]
    origin: str


async def summarize(patient_id: int, *, therapist_id: int, sessions: SessionStore, desk: Desk) -> Summary | None:
    """The summary of a patient's sessions, None where no session has anything to tell. Raises NotFound, ModelLoading..."""
    found = await sessions.of_patient(patient_id, therapist_id=therapist_id)
    told = [session for session in found if _has_text(session.notes) or _has_text(session.transcript)]
    if not told:
        return None
    told.sort(key=lambda session: (session.session_date, session.session_number))
    entries = await asyncio.to_thread(lambda: [_entry(session) for session in told])
    digest = history.digest(entries, int((desk.limits.window_tokens - INSTRUCTION_TOKENS) / TOKENS_PER_CHAR))
    drafted = await _drafted(digest, desk)
    text = await asyncio.to_thread(_text, entries, drafted, digest)
    log.info(
        "summary.written",
        patient_id=patient_id,
        sessions=len(entries),
        input_chars=len(digest),
        output_chars=len(text),
        seconds=round(drafted.usage.seconds, 3),
        failure=drafted.failure,
    )
    return Summary(
        text=text,
        session_count=len(entries),
        key_points=tuple(history.key_points(entries)),
        origin="ai" if drafted.sections else "fallback",
    )


def _has_text(text: str | None) -> bool:
    return bool(text and text.strip())


def _entry(session: Session) -> Entry:
    written = session.notes if _has_text(session.notes) else None
    return Entry(
        number=session.session_number,
        day=session.session_date.date(),
        sections=history.sections_of(written) if written else _extract(session.transcript or ""),
        findings=_findings(session),
    )


def _extract(transcript: str) -> dict[SectionName, str]:
    chosen = fallback.extract(parse(transcript), MODEL_SECTIONS)
    texts = {name: " ".join(sentence.text for sentence in sentences) for name, sentences in chosen.items()}
    return {name: text for name, text in texts.items() if text != NOT_DISCUSSED}


def _findings(session: Session) -> tuple[PastFinding, ...]:
    """The findings that were kept with the session's note; where there are none, those of the rules over its transcript."""
    if session.note_json is not None:
        kept = json.loads(session.note_json)["risk"]
        return tuple(_past(finding["category"], finding["status"], finding["quote"]) for finding in kept)
    found = risk.find(parse(session.transcript or ""))
    return tuple(_past(finding.category, finding.status, finding.span.quote) for finding in found)


def _past(category: str, status: str, quote: str) -> PastFinding:
    return PastFinding(category=RiskCategory(category), status=RiskStatus(status), quote=" ".join(quote.split()))


async def _drafted(digest: str, desk: Desk) -> Drafted:
    serving = await desk.model.describe()
    asking = Asking(desk=desk, serving=serving, dialogue=digest, task="summary")
    async with aclosing(draft(asking)) as events:
        async for event in events:
            if isinstance(event, Drafted):
                return event
    raise errors.ModelFailed


def _text(entries: Sequence[Entry], drafted: Drafted, digest: str) -> str:
    latest = {name: text for name, text in entries[-1].sections.items() if name in MODEL_SECTIONS}
    checked = _checked(drafted.sections, digest, entries)
    lines: dict[str, str] = {}
    for name in SectionName:
        lines[name] = (
            history.risk_over_time(entries)
            if name is SectionName.RISK
            else checked.get(name, latest.get(name, NOT_DISCUSSED))
        )
    lines[LATEST_SESSION] = history.latest(entries)
    lines[PROGRESS] = history.progress(entries)
    return "\n".join(f"**{name}:** {markers.mark(rendering.plain(text))}" for name, text in lines.items())


def _checked(sections: Mapping[SectionName, str], digest: str, entries: Sequence[Entry]) -> dict[SectionName, str]:
    """What the model wrote, each sentence looked up in the notes it was shown; doubtful ones flagged, unfounded risk gone."""
    written = {
        name: tuple(Sentence(text=text, author=Author.MODEL, support=Support.UNSUPPORTED) for text in split(said))
        for name, said in sections.items()
    }
    reviewed = guards.review(written, parse(digest))
    risky = any(entry.findings for entry in entries)
    kept = {
        name: tuple(s for s in sentences if risky or markers.mark(s.text) == s.text)
        for name, sentences in reviewed.items()
    }
    return {name: rendering.line(sentences) for name, sentences in kept.items() if sentences}
