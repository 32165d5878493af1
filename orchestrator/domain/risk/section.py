"""The Risk section of a note, written from findings alone: gravest first, and short."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.domain.note import NOT_DISCUSSED, Author, RiskCategory, RiskStatus, Sentence, Source, Support
from orchestrator.domain.risk import severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.domain.note import RiskFinding
    from orchestrator.domain.transcript import Span

MAX_SENTENCES = 4
MAX_REVIEWED = 2
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

_PRESENT = frozenset({RiskStatus.PRESENT_ACTIVE, RiskStatus.PRESENT_PASSIVE})


def section(findings: Iterable[RiskFinding]) -> tuple[Sentence, ...]:
    """The sentences of the Risk section, each with its evidence; "Not discussed." where there are no findings.

    What the rules found comes first, gravest first; what only the classifier found is quoted to be reviewed, without a claim
    about its kind; denials come last, and never of what is present. At most ``MAX_SENTENCES`` sentences of findings with short
    quotes, so that a whole note keeps its 150 words; the note's list of findings holds the rest, and a sentence says how many.
    """
    told = [finding for finding in severity.gravest_first(findings) if finding.status is not RiskStatus.NOT_DISCUSSED]
    if not told:
        return (Sentence(text=NOT_DISCUSSED, author=Author.RULE, support=Support.SUPPORTED),)
    denied = [finding for finding in told if finding.status is RiskStatus.DENIED]
    unsure = [
        finding for finding in told if finding.source is Source.CLASSIFIER and finding.status is not RiskStatus.DENIED
    ]
    groups = _grouped([finding for finding in told if finding not in denied and finding not in unsure])
    present = {group[0].category for group in groups if group[0].status in _PRESENT}
    written = [*map(_found, groups[:MAX_SENTENCES])]
    if left := [finding for group in groups[MAX_SENTENCES:] for finding in group]:
        written.append(_by_rule(f"{len(left)} more to read in the list of findings.", _spans(left)))
    written += _to_review(unsure)
    written += _denied([finding for finding in denied if finding.category not in present])
    return tuple(written) or _to_review(denied)


def quote(finding: RiskFinding) -> str:
    """The client's own words: the sentence, or as much of it around the terms as a note has room for; always verbatim."""
    text, start = finding.span.quote, finding.span.start
    words = [match.span() for match in _WORD.finditer(text)]
    if len(words) > MAX_QUOTE_WORDS:
        first = max(0, sum(stop <= finding.terms[0].start - start for _, stop in words) - 2) if finding.terms else 0
        first = min(first, len(words) - MAX_QUOTE_WORDS)
        text = text[words[first][0] : words[first + MAX_QUOTE_WORDS - 1][1]]
    return text.rstrip(" .,;:!–—-")


def _grouped(findings: list[RiskFinding]) -> list[list[RiskFinding]]:
    """Findings of one status and category together."""
    groups: dict[object, list[RiskFinding]] = {}
    for finding in findings:
        groups.setdefault((finding.status, finding.category), []).append(finding)
    return list(groups.values())


def _found(group: list[RiskFinding]) -> Sentence:
    first = group[0]
    more = f" (and {len(group) - 1} more)" if len(group) > 1 else ""
    review = ", to review" if all(finding.review for finding in group) else ""
    opening = _OPENINGS[first.status].format(name=_NAMES[first.category])
    return _by_rule(f"{opening}{review}: “{quote(first)}”{more}.", _spans(group))


def _to_review(findings: list[RiskFinding]) -> tuple[Sentence, ...]:
    if not findings:
        return ()
    quotes = "; ".join(f"“{quote(finding)}”" for finding in findings[:MAX_REVIEWED])
    more = f" (and {len(findings) - MAX_REVIEWED} more)" if len(findings) > MAX_REVIEWED else ""
    return (_by_rule(f"To review: {quotes}{more}.", _spans(findings)),)


def _denied(findings: list[RiskFinding]) -> tuple[Sentence, ...]:
    if not findings:
        return ()
    names = _listed(sorted({_NAMES[finding.category] for finding in findings}))
    return (_by_rule(f"Client denies {names}.", _spans(findings)),)


def _spans(findings: list[RiskFinding]) -> tuple[Span, ...]:
    return tuple(finding.span for finding in findings)


def _by_rule(text: str, evidence: tuple[Span, ...]) -> Sentence:
    return Sentence(text=text, author=Author.RULE, support=Support.SUPPORTED, evidence=evidence)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
