"""Which finding is graver."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.domain.note import RiskCategory, RiskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.domain.note import RiskFinding

_ORDER = {status: rank for rank, status in enumerate(RiskStatus)}  # RiskStatus is written gravest first
_LEVELS = {
    RiskStatus.PRESENT_ACTIVE: "active",
    RiskStatus.PRESENT_PASSIVE: "passive",
    RiskStatus.HISTORICAL: "historical",
    RiskStatus.DENIED: "denied",
}


def gravest_first(findings: Iterable[RiskFinding]) -> list[RiskFinding]:
    """Sorted by status; where it is the same, in the order of the transcript."""
    return sorted(findings, key=lambda finding: (_ORDER[finding.status], finding.span.start))


def joined(first: RiskFinding, second: RiskFinding) -> RiskFinding:
    """Two findings of one sentence and category as one: the graver status, the terms of both."""
    grave, _ = gravest_first((first, second))
    terms = {(term.start, term.end): term for term in (*first.terms, *second.terms)}
    return replace(grave, terms=tuple(terms[key] for key in sorted(terms)), review=first.review or second.review)


def worst(findings: Iterable[RiskFinding]) -> str:
    """What a whole session comes to: ``active``, ``passive``, ``historical``, ``denied`` or ``none``.

    Someone else in danger counts as active. A story about somebody else, an "if ever" and what was not discussed are none.
    """
    statuses = set()
    for finding in findings:
        danger = finding.category is RiskCategory.OTHER_IN_DANGER and finding.status is RiskStatus.PRESENT_PASSIVE
        statuses.add(RiskStatus.PRESENT_ACTIVE if danger else finding.status)
    return next((level for status, level in _LEVELS.items() if status in statuses), "none")
