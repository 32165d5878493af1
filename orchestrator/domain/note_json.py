"""A note as JSON: the form that is stored, printed by the command line and sent at the end of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.domain.note import SectionName
from orchestrator.domain.rendering import render

if TYPE_CHECKING:
    from orchestrator.domain.note import Note, RiskFinding, Sentence
    from orchestrator.domain.turns import Span


def to_json(note: Note) -> dict[str, Any]:
    """``{text, sections, risk, origin, coverage, provenance}``, every value of a JSON type."""
    return {
        "text": render(note),
        "sections": [
            {"name": str(name), "sentences": [sentence_json(sentence) for sentence in note.sections[name]]}
            for name in SectionName
        ],
        "risk": [finding_json(finding) for finding in note.risk],
        "origin": note.origin.value,
        "coverage": note.coverage,
        "provenance": dict(note.provenance),
    }


def sentence_json(sentence: Sentence) -> dict[str, Any]:
    """``{text, author, support, evidence, marks}``."""
    return {
        "text": sentence.text,
        "author": sentence.author.value,
        "support": sentence.support.value,
        "evidence": [span_json(span) for span in sentence.evidence],
        "marks": list(sentence.marks),
    }


def finding_json(finding: RiskFinding) -> dict[str, Any]:
    """``{category, status, start, end, quote, turn, speaker, terms, source, review}``."""
    return {
        "category": finding.category.value,
        "status": finding.status.value,
        **span_json(finding.span),
        "terms": [span_json(term) for term in finding.terms],
        "source": finding.source.value,
        "review": finding.review,
    }


def span_json(span: Span) -> dict[str, Any]:
    """``{start, end, quote, turn, speaker}``; offsets are code points of the stored transcript."""
    return {
        "start": span.start,
        "end": span.end,
        "quote": span.quote,
        "turn": span.turn,
        "speaker": span.speaker.value,
    }
