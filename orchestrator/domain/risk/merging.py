"""Rules and classifier together: the rules decide what they saw, the classifier adds what they did not, disagreement is marked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.domain.note import RiskStatus, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.domain.note import RiskFinding

_NO_PRESENT_RISK = frozenset(
    {RiskStatus.DENIED, RiskStatus.OTHER_PERSON, RiskStatus.HYPOTHETICAL, RiskStatus.NOT_DISCUSSED}
)


def merge(ruled: Iterable[RiskFinding], learned: Iterable[RiskFinding]) -> tuple[RiskFinding, ...]:
    """All findings, in the order of the transcript, one engine's beside the other's.

    A sentence that both see is the rules' finding, backed by both; where the rules say that it is no present risk, it is marked for
    review. Nothing that either engine found is dropped.
    """
    mine = {(finding.span.start, finding.span.end): finding for finding in learned}
    seen: set[tuple[int, int]] = set()
    merged: list[RiskFinding] = []
    for finding in ruled:
        key = (finding.span.start, finding.span.end)
        if key in mine:
            seen.add(key)
            merged.append(replace(finding, source=Source.BOTH, review=finding.status in _NO_PRESENT_RISK))
        else:
            merged.append(finding)
    merged += [finding for key, finding in mine.items() if key not in seen]
    return tuple(sorted(merged, key=lambda finding: (finding.span.start, finding.span.end)))
