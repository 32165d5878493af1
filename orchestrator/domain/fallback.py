"""A note without a model: the session's own sentences, chosen by rule and quoted exactly, section by section."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from orchestrator.domain import punctuation, vocabulary
from orchestrator.domain.note import NOT_DISCUSSED, Author, SectionName, Sentence, Support
from orchestrator.domain.transcript import fold, sentences as sentences_of
from orchestrator.domain.turns import Speaker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from orchestrator.domain.turns import Span, Transcript

_QUOTE_WORDS = 14  # four such quotes and the Risk section make a note of 30 to 70 words
_FEWEST_WORDS = 4
_QUESTION = 2.0  # a question tells little of how somebody is or of what is planned
_CLIENT = frozenset({Speaker.CLIENT, Speaker.UNKNOWN})
_THERAPIST = frozenset({Speaker.THERAPIST, Speaker.UNKNOWN})
_ANYBODY = frozenset({Speaker.CLIENT, Speaker.THERAPIST, Speaker.UNKNOWN})
_UNQUOTABLE = re.compile(r"[\"“”«»„{}\x00-\x1f]|\s\s")  # would break the quotation, the marker or the line
_LOOSE_END = re.compile(
    r"(?:\s(?:and|or|but|so|the|a|an|to|of|in|on|at|for|with|that|because|my|is|was|if|when))+\Z", re.IGNORECASE
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|my|me)\b")
_TROUBLE = re.compile(
    r"\b(?:can't|cannot|couldn't|keep|kept|since|problem|trouble|hard|worse|difficult|struggl\w*|sleep\w*|anymore|lately|every (?:day|night)|stop)\b"
)


def not_discussed() -> Sentence:
    """What a section says that was not talked about."""
    return Sentence(text=NOT_DISCUSSED, author=Author.RULE, support=Support.INFERRED)


def extract(
    transcript: Transcript,
    sections: Iterable[SectionName] | None = None,
    risk: tuple[Sentence, ...] = (),
) -> Mapping[SectionName, tuple[Sentence, ...]]:
    """The given sections (by default all five), each with one sentence of the session or "Not discussed.".

    ``risk`` is the Risk section as written from findings. The evidence of every sentence is the exact span it repeats, and no
    span stands in two sections.
    """
    wanted = set(SectionName if sections is None else sections)
    note: dict[SectionName, tuple[Sentence, ...]] = {}
    used: set[int] = set()
    for name in SectionName:
        if name not in wanted:
            continue
        if name is SectionName.RISK:
            note[name] = risk or (not_discussed(),)
            continue
        chosen = next((s for s in candidates(transcript, name) if s.evidence[0].start not in used), not_discussed())
        used.update(span.start for span in chosen.evidence)
        note[name] = (chosen,)
    return note


def candidates(transcript: Transcript, section: SectionName) -> list[Sentence]:
    """Sentences of the session that could stand in ``section``, best first, the same words once; Risk has none, it is written from findings."""
    if section is SectionName.RISK:
        return []
    score, speakers, least = _CHOICE[section]
    length = max(1, len(transcript.text))
    scored = [
        (score(fold(span.quote), span.start / length) - _QUESTION * asked, span)
        for span, asked in _quotable(transcript, speakers)
    ]
    ranked = sorted((pair for pair in scored if pair[0] >= least), key=lambda pair: (-pair[0], pair[1].start))
    once: dict[str, Span] = {}
    for _, span in ranked:
        once.setdefault(span.quote, span)
    return [report(span) for span in once.values()]


def report(span: Span) -> Sentence:
    """A sentence that repeats ``span``: a client's words in quotation marks, anyone else's without."""
    who = {Speaker.CLIENT: f'Client said: "{span.quote}".', Speaker.THERAPIST: f"Therapist said: {span.quote}."}
    text = who.get(span.speaker, f"Said in the session: {span.quote}.")
    return Sentence(text=text, author=Author.RULE, support=Support.SUPPORTED, evidence=(span,))


def _quotable(transcript: Transcript, speakers: frozenset[Speaker]) -> Iterator[tuple[Span, bool]]:
    """What can be repeated, and whether it was a question."""
    for turn in transcript.turns:
        if turn.speaker not in speakers:
            continue
        for sentence in sentences_of(transcript, turn):
            start, end = _quotable_run(sentence.quote)
            piece = transcript.span(
                turn, sentence.start + start, sentence.start + start + _clipped(sentence.quote[start:end])
            )
            if len(piece.quote.split()) >= _FEWEST_WORDS:
                yield piece, sentence.quote.endswith(("?", "？", "؟"))


def _quotable_run(sentence: str) -> tuple[int, int]:
    """The longest stretch of a sentence without what would break the quotation, the marker or the line."""
    breaks = [(0, 0), *(match.span() for match in _UNQUOTABLE.finditer(sentence)), (len(sentence), len(sentence))]
    runs = [punctuation.trimmed(sentence, a[1], b[0]) for a, b in itertools.pairwise(breaks)]
    start, end = max(runs, key=lambda run: run[1] - run[0])
    return start + len(sentence[start:end]) - len(sentence[start:end].lstrip(" ,;:.!?…–—-")), end


def _clipped(sentence: str) -> int:
    """How much of a sentence to quote: up to a clause's end within ``_QUOTE_WORDS`` words, without the last stop."""
    ends = [match.end() for match in re.finditer(r"\S+", sentence)][:_QUOTE_WORDS]
    end = ends[-1] if ends else 0
    if end < len(sentence):
        clauses = [match.start() for match in re.finditer(r"[,;:–—]\s", sentence[:end])]
        end = next((at for at in reversed(clauses) if at > end // 2), end)
    kept = _LOOSE_END.sub("", sentence[:end]) if end < len(sentence) else sentence
    return len(kept.rstrip(" \t.,;:!?…–—-"))


def _hits(name: str, folded: str) -> int:
    return len(set(vocabulary.stems(name).findall(folded)))


def _complaint(folded: str, position: float) -> float:
    trouble = min(3, len(_TROUBLE.findall(folded))) + min(2, _hits("emotions", folded))
    return 0.1 + trouble + bool(_FIRST_PERSON.search(folded)) + 1.5 * (1 - position)


def _emotion(folded: str, position: float) -> float:  # noqa: ARG001 - a feeling counts wherever it is said
    feels = 0.5 if re.search(r"\bi(?:'m| am| feel| felt| was)\b", folded) else 0.0
    return _hits("emotions", folded) + feels


def _intervention(folded: str, position: float) -> float:  # noqa: ARG001
    return _hits("interventions", folded)


def _plan(folded: str, position: float) -> float:
    return _hits("plans", folded) * (0.5 + position)


_CHOICE: Mapping[SectionName, tuple[Callable[[str, float], float], frozenset[Speaker], float]] = {
    SectionName.CHIEF_COMPLAINT: (_complaint, _CLIENT, 0.0),
    SectionName.EMOTIONAL_STATE: (_emotion, _CLIENT, 1.0),
    SectionName.INTERVENTION: (_intervention, _THERAPIST, 1.0),
    SectionName.PLAN: (_plan, _ANYBODY, 1.0),
}
"""How a section chooses: its score of a folded sentence and its place in the text (0 to 1), whose words, and the least score."""
