"""What a note is: data before it is text.

A note always has all five sections, in this order. Every sentence knows who wrote it and what supports it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.domain.transcript import Span


class SectionName(StrEnum):
    """The five sections, in the order in which they always stand."""

    CHIEF_COMPLAINT = "Chief Complaint"
    EMOTIONAL_STATE = "Emotional State"
    RISK = "Risk"
    INTERVENTION = "Intervention"
    PLAN = "Plan"


NOT_DISCUSSED = "Not discussed."


class Author(StrEnum):
    """Who wrote a sentence."""

    MODEL = "model"
    RULE = "rule"
    HUMAN = "human"


class Support(StrEnum):
    """How well the transcript carries a sentence: by a span of it, by inference only, or not at all."""

    SUPPORTED = "supported"
    INFERRED = "inferred"
    UNSUPPORTED = "unsupported"


class Origin(StrEnum):
    """What kind of version a note is; see ``authorship``."""

    AI = "ai"
    AI_EDITED = "ai_edited"
    HUMAN = "human"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of a note. ``marks`` says why it is doubtful, in fixed slugs (``quote-not-said``, ``number-not-said``...)."""

    text: str
    author: Author
    support: Support
    evidence: tuple[Span, ...] = ()
    marks: tuple[str, ...] = ()


class RiskCategory(StrEnum):
    """What kind of risk; the words of C-SSRS are vocabulary here, never a score."""

    SUICIDAL_IDEATION = "suicidal_ideation"
    SUICIDE_PLAN_OR_MEANS = "suicide_plan_or_means"
    SELF_HARM = "self_harm"
    HARM_TO_OTHERS = "harm_to_others"
    ABUSE_OR_NEGLECT = "abuse_or_neglect"
    OVERDOSE_OR_SUBSTANCE = "overdose_or_substance"
    COMMAND_PSYCHOSIS = "command_psychosis"
    OTHER_IN_DANGER = "other_in_danger"
    OTHER = "other"


class RiskStatus(StrEnum):
    """The clinical context of a finding, gravest first."""

    PRESENT_ACTIVE = "present_active"
    PRESENT_PASSIVE = "present_passive"
    HISTORICAL = "historical"
    OTHER_PERSON = "other_person"
    HYPOTHETICAL = "hypothetical"
    DENIED = "denied"
    NOT_DISCUSSED = "not_discussed"


class Source(StrEnum):
    """What found a risk: rules, the learned turn classifier, or both."""

    RULE = "rule"
    CLASSIFIER = "classifier"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFinding:
    """One risk in the transcript. ``span`` is at most one sentence; ``terms`` are the words inside it that carry the risk."""

    category: RiskCategory
    status: RiskStatus
    span: Span
    terms: tuple[Span, ...] = ()
    source: Source = Source.RULE
    review: bool = False  # rules and classifier disagree: a human should look first here


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A whole note. ``provenance`` is JSON-able: model, hashes, prompt version, sampling, tokens, seconds, validation."""

    sections: Mapping[SectionName, tuple[Sentence, ...]]
    risk: tuple[RiskFinding, ...]
    origin: Origin
    coverage: float = 1.0  # share of the transcript's turns that a model was shown, 0 to 1
    provenance: Mapping[str, object] = field(default_factory=dict)
