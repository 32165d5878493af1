"""Findings by rule: every mention of a risk in a transcript, with its category and its status in context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.domain.note import RiskFinding, RiskStatus
from orchestrator.domain.risk import answers, context, severity, vocabulary
from orchestrator.domain.risk.answers import Answer
from orchestrator.domain.risk.surroundings import region, said, surroundings
from orchestrator.domain.transcript import Speaker, fold, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.domain.note import RiskCategory
    from orchestrator.domain.risk.context import Region
    from orchestrator.domain.risk.phrases import Match
    from orchestrator.domain.risk.vocabulary import Meaning
    from orchestrator.domain.transcript import Span, Transcript, Turn


def find(transcript: Transcript) -> tuple[RiskFinding, ...]:
    """What the rules find, in the order of the transcript. Pure; never raises; linear in the length of the text.

    Who is said to speak decides only whether a question needs an answer: a disclosure is found under any label.
    """
    folded = fold(transcript.text)
    found: list[RiskFinding] = []
    for turn in transcript.turns:
        found += _in_turn(transcript, folded, turn)
    return tuple(found)


def _in_turn(transcript: Transcript, folded: str, turn: Turn) -> Iterator[RiskFinding]:
    spans = sentences(transcript, turn)
    for index, span in enumerate(spans):
        mentions = _mentions(folded, (span.start, span.end))
        if mentions:
            scene = _Scene(transcript, folded, turn, spans, index)
            yield from scene.findings(mentions)


def _mentions(folded: str, sentence: Region) -> list[Match[Meaning]]:
    """The risk phrases of a sentence that no idiom holds; where they overlap the plainer one, then the longest."""
    found = sorted(vocabulary.risks().find(folded, *sentence), key=_precedence)
    if not found:
        return []
    idioms = list(vocabulary.harmless().find(folded, *sentence))
    kept: list[Match[Meaning]] = []
    for match in found:
        idle = any(idiom.start < match.end and match.start < idiom.end for idiom in idioms)
        if not idle and not any(match.start < other.end and other.start < match.end for other in kept):
            kept.append(match)
    return sorted(kept, key=lambda m: m.start)


def _precedence(match: Match[Meaning]) -> tuple[bool, int, int]:
    return match.meaning.status is RiskStatus.NOT_DISCUSSED, match.start - match.end, match.start


@dataclass(frozen=True, slots=True)
class _Scene:
    """One sentence of a turn, with what stands around it."""

    transcript: Transcript
    folded: str
    turn: Turn
    spans: list[Span]
    index: int

    def findings(self, mentions: list[Match[Meaning]]) -> list[RiskFinding]:
        """One finding per category of the sentence: the gravest status, all its terms."""
        gravest: dict[RiskCategory, RiskFinding] = {}
        for mention in mentions:
            read = self._read(mention)
            if read is None:
                continue
            category, status = read
            term = self.transcript.span(self.turn, mention.start, mention.end)
            new = RiskFinding(category=category, status=status, span=self.spans[self.index], terms=(term,))
            gravest[category] = severity.joined(gravest[category], new) if category in gravest else new
        return list(gravest.values())

    def _read(self, mention: Match[Meaning]) -> tuple[RiskCategory, RiskStatus] | None:
        """What a mention is: read in its context, or, where it stands in a question, as the answer says."""
        meaning = mention.meaning
        status = self._answered(meaning.status) if self._asks() else None
        if status is not None:
            return meaning.category, status
        if meaning.status is RiskStatus.NOT_DISCUSSED or (self._asks() and self.turn.speaker is Speaker.THERAPIST):
            return None
        return context.read(mention, surroundings(self.transcript, self.folded, self.turn, self.spans, self.index))

    def _asks(self) -> bool:
        """Whether the sentence puts something to the other, so that an answer decides what it means."""
        sentence = region(self.spans, self.index)
        if answers.speaks_of_oneself(self.folded, sentence):
            return False
        return self.turn.speaker is Speaker.THERAPIST or answers.is_question(self.folded, sentence)

    def _answered(self, status: RiskStatus) -> RiskStatus | None:
        """The status that the answer gives to a question; none without one."""
        reply = self._reply()
        verdict = answers.answer(self.folded, reply)
        if verdict is Answer.UNCLEAR:
            return None
        if verdict is Answer.NO and not context.taken_back(self.folded, self._retort(reply)):
            return RiskStatus.DENIED
        if status is RiskStatus.NOT_DISCUSSED:
            status = RiskStatus.PRESENT_ACTIVE
        past = answers.about_the_past(self.folded, region(self.spans, self.index))
        return RiskStatus.HISTORICAL if past and context.tells_of_the_past(self.folded, reply) else status

    def _reply(self) -> Region:
        """What answers the sentence: what the same client goes on to say, else the next turn."""
        if self.turn.speaker is not Speaker.THERAPIST and self.index + 1 < len(self.spans):
            return self.spans[self.index + 1].start, self.turn.said_end
        return said(self.transcript, self.turn.number + 1)

    def _retort(self, reply: Region) -> Region:
        """The answer, and what is said in the two turns after it: there a denial is taken back."""
        last = said(self.transcript, min(self.turn.number + 3, len(self.transcript.turns)))
        return reply[0], max(reply[1], last[1])
