"""A draft and the findings made into the sections of a note: evidence, guards, fallback where nothing was written, bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.domain import fallback, fitting, guards, markers, risk, validation
from orchestrator.domain.grammar import MODEL_SECTIONS
from orchestrator.domain.note import NOT_DISCUSSED, Author, SectionName, Sentence, Support

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.domain.note import RiskFinding
    from orchestrator.domain.transcript import Transcript
    from orchestrator.domain.validation import Bounds

DENIAL = "denial-not-said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """The sections of a note within ``bounds``, or ``outside_bounds`` where the session has no more, or Risk no less, to say.

    ``removed`` tells, as ``section:why``, what the model wrote about risk that the transcript does not support.
    """

    sections: Mapping[SectionName, tuple[Sentence, ...]]
    words: int
    bounds: Bounds
    outside_bounds: bool
    removed: tuple[str, ...] = ()


def assemble(
    transcript: Transcript, drafted: Mapping[SectionName, str], findings: Sequence[RiskFinding], *, long: bool = False
) -> Assembled:
    """The note's sections from what the model wrote and what the transcript holds.

    ``drafted`` are the sound sections; one that is missing comes from the session's own sentences. ``long`` is a session of
    more than one window, whose note may be longer.
    """
    risk_section = risk.section(findings)
    written = {name: _sentences(drafted[name]) for name in MODEL_SECTIONS if name in drafted}
    reviewed = guards.review(written, transcript, findings)
    kept = {
        name: tuple(s for s in sentences if not _unfounded(s, findings)) or (fallback.not_discussed(),)
        for name, sentences in reviewed.items()
    }
    missing = [name for name in SectionName if name not in kept]
    sections = {**kept, **fallback.extract(transcript, missing, risk_section)}
    bounds = validation.bounds(long=long, risk=bool(findings))
    fitted = fitting.fit({name: sections[name] for name in SectionName}, transcript, bounds)
    count = validation.count(fitted)
    return Assembled(
        sections=fitted,
        words=count,
        bounds=bounds,
        outside_bounds=not bounds.least <= count <= bounds.most,
        removed=tuple(
            f"{name}:{why}"
            for name, sentences in reviewed.items()
            for s in sentences
            if (why := _unfounded(s, findings))
        ),
    )


def _sentences(text: str) -> tuple[Sentence, ...]:
    return tuple(
        Sentence(text=sentence, author=Author.MODEL, support=Support.UNSUPPORTED)
        for sentence in validation.split(validation.normalize(text))
        if sentence != NOT_DISCUSSED
    ) or (fallback.not_discussed(),)


def _unfounded(sentence: Sentence, findings: Sequence[RiskFinding]) -> str | None:
    """Why a sentence about risk goes rather than stands flagged: a denial nobody made, a risk the transcript does not hold."""
    if DENIAL in sentence.marks:
        return DENIAL
    named = markers.mark(sentence.text) != sentence.text
    return "risk-not-found" if named and not findings else None
