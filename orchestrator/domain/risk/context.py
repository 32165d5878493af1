"""What a mention means where it stands: denied, over, "if ever", somebody else's, or present.

After ConText (Harkema, Dowling, Thornblade, Chapman 2009): triggers with a scope that ends with the clause. Three things are ours,
because sessions are talk and not charts: a negation twice is none ("I can't say I haven't"), a denial that the speaker takes back is
none ("...that's a lie"), and where two readings are open the graver one is taken, since a missed risk is the worst error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.domain.note import RiskCategory, RiskStatus
from orchestrator.domain.risk import clauses, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.domain.risk.phrases import Match
    from orchestrator.domain.risk.vocabulary import Meaning

_NEGATION_REACH = 7  # words between a negation and what it negates
_ABOUT_ONESELF = frozenset(
    {
        RiskCategory.SUICIDAL_IDEATION,
        RiskCategory.SUICIDE_PLAN_OR_MEANS,
        RiskCategory.SELF_HARM,
        RiskCategory.OVERDOSE_OR_SUBSTANCE,
        RiskCategory.OTHER,
    }
)
_NOW = frozenset({RiskStatus.PRESENT_ACTIVE, RiskStatus.PRESENT_PASSIVE})

Region = tuple[int, int]  # [start, end) of the folded transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where a mention stands. Regions are empty where there is nothing."""

    folded: str  # the whole transcript, as ``transcript.fold`` makes it
    sentence: Region
    before: Region  # the sentence before, of the same turn
    after: Region  # the sentence after, of the same turn
    rest: Region  # what the speaker goes on to say in the turn
    asked_of_the_past: bool = False  # the question that this turn answers was about the past


def read(mention: Match[Meaning], place: Surroundings) -> tuple[RiskCategory, RiskStatus]:
    """The category and the status of a mention in its context."""
    triggers = Triggers.of(place.folded, place.sentence)
    clause = triggers.clause(mention.start)
    category, status = mention.meaning.category, mention.meaning.status
    if triggers.denies(mention, clause) and not taken_back(place.folded, place.rest):
        return category, RiskStatus.DENIED
    if triggers.has("hypothetical", place.sentence) and not triggers.has("recent", clause):
        return category, RiskStatus.HYPOTHETICAL
    if status in _NOW and _over(triggers, clause, place):
        status = RiskStatus.HISTORICAL
    if category in _ABOUT_ONESELF and triggers.about_somebody_else(mention, clause):
        return _somebody_else(category, status, recent=triggers.has("recent", place.sentence))
    if status is RiskStatus.HISTORICAL and triggers.has("recent", clause):
        return category, RiskStatus.PRESENT_ACTIVE
    return category, status


def correct(status: RiskStatus, place: Surroundings) -> RiskStatus:
    """The status of a whole sentence that no phrase was found in: ``status``, unless its context plainly says another."""
    triggers = Triggers.of(place.folded, place.sentence)
    if triggers.has("hypothetical", place.sentence) and not triggers.has("recent", place.sentence):
        return RiskStatus.HYPOTHETICAL
    if status in _NOW and _over(triggers, place.sentence, place):
        return RiskStatus.HISTORICAL
    if status is RiskStatus.HISTORICAL and triggers.has("recent", place.sentence):
        return RiskStatus.PRESENT_ACTIVE
    return status


def taken_back(folded: str, region: Region) -> bool:
    """Whether the speaker takes a denial back in ``region``."""
    return Triggers.of(folded, region).has("retraction", region)


def tells_of_the_past(folded: str, region: Region) -> bool:
    """Whether an answer to "have you ever" speaks of what is over: it names a time long ago, and nothing of now."""
    triggers = Triggers.of(folded, region)
    if triggers.has("historical", region) or triggers.has("over_since", region):
        return True
    return not triggers.has("recent", region) and not triggers.has("present_tense", region)


def _over(triggers: Triggers, clause: Region, place: Surroundings) -> bool:
    """Whether what the sentence tells is over: said in the clause, in the sentence, or in the one before or after."""
    if triggers.has("historical", clause):
        return not triggers.has("recent", clause)
    if triggers.has("recent", place.sentence):
        return False
    if triggers.has("historical", place.sentence):
        return True
    if triggers.has("present_tense", clause) or not triggers.has("past_tense", place.sentence):
        return False
    if Triggers.of(place.folded, place.after).has("over_since", place.after):
        return True
    before = Triggers.of(place.folded, place.before)
    return place.asked_of_the_past or (
        before.has("historical", place.before) and not before.has("recent", place.before)
    )


def _somebody_else(category: RiskCategory, status: RiskStatus, *, recent: bool) -> tuple[RiskCategory, RiskStatus]:
    if status is RiskStatus.HISTORICAL and not recent:
        return category, RiskStatus.OTHER_PERSON
    return RiskCategory.OTHER_IN_DANGER, RiskStatus.PRESENT_ACTIVE


@dataclass(frozen=True, slots=True)
class Triggers:
    """The context triggers of one region, and its clauses."""

    folded: str
    found: tuple[Match[str], ...]
    offsets: tuple[int, ...]

    @classmethod
    def of(cls, folded: str, region: Region) -> Triggers:
        """Find them."""
        start, end = region
        found = tuple(vocabulary.context().find(folded, start, end)) if start < end else ()
        turns = (match.start for match in found if match.meaning == "boundary")
        return cls(folded, found, tuple(clauses.cuts(folded, start, end, turns)))

    def clause(self, position: int) -> Region:
        """The clause at ``position``."""
        return clauses.around(list(self.offsets), position)

    def has(self, kind: str, region: Region) -> bool:
        """Whether a trigger of ``kind`` begins in ``region``."""
        return any(region[0] <= match.start < region[1] for match in self._of(kind))

    def denies(self, mention: Match[Meaning], clause: Region) -> bool:
        """Whether a mention is negated in its clause: by an odd number of negations before it, or by a denial after it."""
        negations = [m for m in self._of("negation") if clause[0] <= m.start and m.end <= mention.start]
        near = [m for m in negations if not self._excused(m) and self._words(m.end, mention.start) <= _NEGATION_REACH]
        spoken = [m for i, m in enumerate(near) if i == 0 or self._words(near[i - 1].end, m.start) > 0]
        after = (m for m in self._of("denial_after") if mention.end <= m.start < mention.end + 40)
        return len(spoken) % 2 == 1 or any(after)

    def about_somebody_else(self, mention: Match[Meaning], clause: Region) -> bool:
        """Whether the last person named before the mention, in its clause, is somebody else; never where it says "myself"."""
        if any(mention.start <= m.start < mention.end for m in self._of("first_person")):
            return False
        named = [m for m in self.found if m.meaning in {"first_person", "other_person"} and m.start < mention.start]
        inside = [m for m in named if m.start >= clause[0]]
        return bool(inside) and max(inside, key=lambda m: m.end).meaning == "other_person"

    def _excused(self, negation: Match[str]) -> bool:
        return any(m.start <= negation.start and negation.end <= m.end for m in self._of("not_a_negation"))

    def _words(self, start: int, end: int) -> int:
        return len(self.folded[start:end].split()) if start < end else 0

    def _of(self, kind: str) -> Iterable[Match[str]]:
        return (match for match in self.found if match.meaning == kind)
