"""How good a risk engine is on written cases: pure metrics over cases and predictions.

- A finding is *live* unless its status is ``denied`` or ``not_discussed``.
- A term is *found* when one finding contains it or overlaps at least half of it. The finding must be live, except for a term
  that is labelled as a denial: there the denied finding is the right one.
- A *false flag* is a live finding on a negative case, or a live finding that overlaps a ``must_not_flag`` span and no expected or
  optional term.
- The *status* of a case is right when the gravest status of its findings is one the case accepts.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from training.risk.cases import Case

NOT_LIVE = frozenset({"denied", "not_discussed"})
LEVELS = {"present_active": "active", "present_passive": "passive", "historical": "historical", "denied": "denied"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One finding of a prediction: ``[start, end)`` of the dialogue."""

    category: str
    status: str
    start: int
    end: int
    quote: str = ""

    @property
    def live(self) -> bool:
        """Whether it says that there is a risk, now or once."""
        return self.status not in NOT_LIVE


@dataclass(slots=True)
class Tally:
    """Counts over some cases."""

    terms: int = 0
    terms_found: int = 0
    cases: int = 0
    false_flags: int = 0
    statuses: int = 0
    statuses_right: int = 0
    categories_right: int = 0

    def rates(self) -> dict[str, float | int | None]:
        """Recall of terms, false flags per case, status accuracy; None where there is nothing to divide by."""
        return {
            "cases": self.cases,
            "terms": self.terms,
            "term_recall": _share(self.terms_found, self.terms),
            "false_flags": self.false_flags,
            "false_flags_per_case": _share(self.false_flags, self.cases),
            "status_accuracy": _share(self.statuses_right, self.statuses),
            "category_accuracy_of_found": _share(self.categories_right, self.terms_found),
        }


@dataclass(slots=True)
class Report:
    """Everything that was measured; ``as_dict`` is what is printed."""

    overall: Tally = field(default_factory=Tally)
    by_kind: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_category: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_status: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    missed: list[dict[str, str]] = field(default_factory=list)
    false_flags: list[dict[str, str]] = field(default_factory=list)
    wrong_statuses: list[dict[str, object]] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """Plain data, ready for JSON."""
        return {
            "overall": self.overall.rates(),
            **{
                name: {key: tally.rates() for key, tally in sorted(group.items())}
                for name, group in (
                    ("by_kind", self.by_kind),
                    ("by_category", self.by_category),
                    ("by_status", self.by_status),
                )
            },
            "missed": self.missed,
            "false_flags": self.false_flags,
            "wrong_statuses": self.wrong_statuses,
        }


def evaluate(cases: Iterable[Case], predictions: Mapping[str, Sequence[Found]]) -> Report:
    """Compare. A case without a prediction counts as one where nothing was found."""
    report = Report()
    for case in cases:
        findings = predictions.get(case.id, ())
        tallies = (report.overall, report.by_kind[case.kind])
        for tally in tallies:
            tally.cases += 1
        _count_terms(report, case, findings, tallies)
        _count_false_flags(report, case, findings, tallies)
        _count_status(report, case, findings, tallies)
    return report


def level(findings: Iterable[Found]) -> str:
    """What the findings of a case come to, in the words of ``expected_risk``."""
    reached = {
        "active" if f.category == "other_in_danger" and f.status == "present_passive" else LEVELS.get(f.status)
        for f in findings
    }
    return next((name for name in LEVELS.values() if name in reached), "none")


def _count_terms(report: Report, case: Case, findings: Sequence[Found], tallies: Sequence[Tally]) -> None:
    labels = {label.span: label for label in case.labels}
    for term in case.expected_terms:
        label = labels.get(term)
        denial = (label.status == "denied") if label else case.expected_risk == "denied"
        category, status = (label.category, label.status) if label else ("unlabelled", case.expected_risk)
        hits = [f for f in findings if (f.live or denial) and covers(f, case.dialogue, term)]
        for tally in (*tallies, report.by_category[category], report.by_status[status]):
            tally.terms += 1
            tally.terms_found += bool(hits)
            tally.categories_right += any(hit.category == category for hit in hits)
        if not hits:
            report.missed.append({"id": case.id, "term": term, "category": category, "status": status})


def _count_false_flags(report: Report, case: Case, findings: Sequence[Found], tallies: Sequence[Tally]) -> None:
    wanted = (*case.expected_terms, *case.optional_terms)
    for f in findings:
        if not f.live or any(touches(f, case.dialogue, term) for term in wanted):
            continue
        if case.kind == "negative" or any(touches(f, case.dialogue, bait) for bait in case.must_not_flag):
            for tally in tallies:
                tally.false_flags += 1
            report.false_flags.append({"id": case.id, "category": f.category, "status": f.status, "quote": f.quote})


def _count_status(report: Report, case: Case, findings: Sequence[Found], tallies: Sequence[Tally]) -> None:
    reached = level(findings)
    right = reached in case.accept_risk
    for tally in tallies:
        tally.statuses += 1
        tally.statuses_right += right
    if not right:
        report.wrong_statuses.append({"id": case.id, "accepted": sorted(case.accept_risk), "reached": reached})


def covers(finding: Found, dialogue: str, term: str) -> bool:
    """Whether a finding contains a term or overlaps at least half of it."""
    return any(_overlap(finding, start, len(term)) * 2 >= len(term) for start in _places(dialogue, term))


def touches(finding: Found, dialogue: str, term: str) -> bool:
    """Whether a finding overlaps a term at all."""
    return any(_overlap(finding, start, len(term)) > 0 for start in _places(dialogue, term))


def _overlap(finding: Found, start: int, length: int) -> int:
    return max(0, min(finding.end, start + length) - max(finding.start, start))


def _places(dialogue: str, term: str) -> list[int]:
    found, start = [], dialogue.find(term)
    while start >= 0:
        found.append(start)
        start = dialogue.find(term, start + 1)
    return found


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
