"""The Risk section of a note, written from findings alone: gravest first, and short."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.domain.note import NOT_DISCUSSED, Author, RiskCategory, RiskStatus, Sentence, Support
from orchestrator.domain.risk import severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.domain.note import RiskFinding
    from orchestrator.domain.transcript import Span, Transcript

MAX_SENTENCES = 4
MAX_QUOTE_WORDS = 14
_WORD = re.compile(r"\S+")

_NAMES = {
    RiskCategory.SUICIDAL_IDEATION: "suicidal thoughts",
    RiskCategory.SUICIDE_PLAN_OR_MEANS: "a suicide plan or means",
    RiskCategory.SELF_HARM: "self-harm",
    RiskCategory.HARM_TO_OTHERS: "harm to others",
    RiskCategory.ABUSE_OR_NEGLECT: "abuse or neglect",
    RiskCategory.OVERDOSE_OR_SUBSTANCE: "overdose or dangerous substance use",
    RiskCategory.COMMAND_PSYCHOSIS: "voices or beliefs that command harm",
    RiskCategory.OTHER_IN_DANGER: "danger to somebody else",
    RiskCategory.OTHER: "another danger to life",
}
_OPENINGS = {
    RiskStatus.PRESENT_ACTIVE: "Present, active: {name}",
    RiskStatus.PRESENT_PASSIVE: "Present, passive: {name}",
    RiskStatus.HISTORICAL: "In the past: {name}",
    RiskStatus.OTHER_PERSON: "About another person: {name}",
    RiskStatus.HYPOTHETICAL: "Spoken of as a possibility: {name}",
}


def section(findings: Iterable[RiskFinding], transcript: Transcript) -> tuple[Sentence, ...]:
    """The sentences of the Risk section, each with its evidence; "Not discussed." where there are no findings.

    At most ``MAX_SENTENCES`` sentences with short quotes, so that a whole note keeps its 150 words; the note's list of
    findings holds the rest, and the last sentence says how many.
    """
    told = [finding for finding in severity.gravest_first(findings) if finding.status is not RiskStatus.NOT_DISCUSSED]
    groups = _grouped(told)
    if not groups:
        return (Sentence(text=NOT_DISCUSSED, author=Author.RULE, support=Support.SUPPORTED),)
    written = [_sentence(group, transcript) for group in groups[:MAX_SENTENCES]]
    left = sum(len(group) for group in groups[MAX_SENTENCES:])
    if left:
        evidence = tuple(finding.span for group in groups[MAX_SENTENCES:] for finding in group)
        written.append(_by_rule(f"{left} more {'finding' if left == 1 else 'findings'} to review.", evidence))
    return tuple(written)


def _grouped(findings: list[RiskFinding]) -> list[list[RiskFinding]]:
    """Findings of one status and category together; all denials together, at the end."""
    groups: dict[object, list[RiskFinding]] = {}
    for finding in findings:
        denied = finding.status is RiskStatus.DENIED
        groups.setdefault("denied" if denied else (finding.status, finding.category), []).append(finding)
    return list(groups.values())


def _sentence(group: list[RiskFinding], transcript: Transcript) -> Sentence:
    first = group[0]
    evidence = tuple(finding.span for finding in group)
    if first.status is RiskStatus.DENIED:
        return _by_rule(f"Client denies {_listed(sorted({_NAMES[finding.category] for finding in group}))}.", evidence)
    more = f" (and {len(group) - 1} more)" if len(group) > 1 else ""
    review = ", to review" if all(finding.review for finding in group) else ""
    opening = _OPENINGS[first.status].format(name=_NAMES[first.category])
    return _by_rule(f"{opening}{review}: “{_quote(first, transcript)}”{more}.", evidence)


def _by_rule(text: str, evidence: tuple[Span, ...]) -> Sentence:
    return Sentence(text=text, author=Author.RULE, support=Support.SUPPORTED, evidence=evidence)


def _quote(finding: RiskFinding, transcript: Transcript) -> str:
    """The client's own words: the sentence, or as much of it around the terms as a note has room for; always verbatim."""
    start, end = finding.span.start, finding.span.end
    text = transcript.text[start:end]
    words = [match.span() for match in _WORD.finditer(text)]
    if len(words) > MAX_QUOTE_WORDS:
        first = max(0, sum(stop <= finding.terms[0].start - start for _, stop in words) - 2) if finding.terms else 0
        first = min(first, len(words) - MAX_QUOTE_WORDS)
        text = text[words[first][0] : words[first + MAX_QUOTE_WORDS - 1][1]]
    return text.rstrip(" .,;:!–—-")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
