"""How a note is brought within its bounds without inventing: sentences are left out, or the session's own are added."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.domain import fallback, validation
from orchestrator.domain.note import NOT_DISCUSSED, SectionName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.domain.note import Sentence
    from orchestrator.domain.turns import Transcript
    from orchestrator.domain.validation import Bounds

_LEAST = 4  # words of a sentence that is still one
_QUOTATION = re.compile(r"[\"“”«»„]")
_CLAUSE = re.compile(
    r"[,;:–—]\s|\s(?=(?:and|but|because|which|so|who|while|when|where|although|since|until|as|to|how|that|with|for|in)\s)"
)
_EXTENDED = (SectionName.CHIEF_COMPLAINT, SectionName.EMOTIONAL_STATE, SectionName.INTERVENTION, SectionName.PLAN)


def fit(
    sections: Mapping[SectionName, tuple[Sentence, ...]], transcript: Transcript, bounds: Bounds
) -> dict[SectionName, tuple[Sentence, ...]]:
    """``sections`` within ``bounds`` as far as it goes: Risk is never shortened, and a short session has no more to say.

    Whoever stores the note compares ``validation.count`` with the bounds and records what is left as an exception.
    """
    return _extended(_shortened(dict(sections), bounds.most), transcript, bounds)


def _shortened(sections: dict[SectionName, tuple[Sentence, ...]], most: int) -> dict[SectionName, tuple[Sentence, ...]]:
    """Leave out the last sentence of the longest section while one has several; then end the longest sentences earlier."""
    while validation.count(sections) > most:
        name = max(_EXTENDED, key=lambda section: (len(sections.get(section, ())) > 1, _words(sections, section)))
        *kept, last = sections[name]
        if not kept:
            shorter = shortened(last, validation.word_count(last.text) - 1)
            kept = [shorter or fallback.not_discussed()]
            if validation.word_count(last.text) <= validation.word_count(NOT_DISCUSSED):
                break
        sections[name] = tuple(kept)
    return sections


def shortened(sentence: Sentence, most: int) -> Sentence | None:
    """``sentence`` ended at the last clause within ``most`` words, or None where no clause ends there or it holds a quotation."""
    if _QUOTATION.search(sentence.text):
        return None
    words = sentence.text.split()
    ends = [match.start() for match in _CLAUSE.finditer(sentence.text)]
    cuts = [
        sentence.text[:end].rstrip(" ,;:–—-")
        for end in ends
        if _LEAST <= len(sentence.text[:end].split()) <= min(most, len(words))
    ]
    return replace(sentence, text=f"{cuts[-1]}.") if cuts else None


def _words(sections: Mapping[SectionName, tuple[Sentence, ...]], name: SectionName) -> int:
    return sum(validation.word_count(sentence.text) for sentence in sections.get(name, ()))


def _extended(
    sections: dict[SectionName, tuple[Sentence, ...]], transcript: Transcript, bounds: Bounds
) -> dict[SectionName, tuple[Sentence, ...]]:
    """Add the best sentences of the session, section by section, until the least is reached or nothing is left."""
    used = {span.start for sentences in sections.values() for sentence in sentences for span in sentence.evidence}
    queues = {name: fallback.candidates(transcript, name) for name in _EXTENDED}
    while validation.count(sections) < bounds.least and any(queues.values()):
        for name, queue in queues.items():
            addition = next((s for s in queue if s.evidence[0].start not in used), None)
            queues[name] = [] if addition is None else queue[queue.index(addition) + 1 :]
            if addition is None or validation.count(sections) >= bounds.least:
                continue
            if validation.count(sections) + validation.word_count(addition.text) <= bounds.most:
                used.add(addition.evidence[0].start)
                discussed = tuple(s for s in sections.get(name, ()) if s.text != NOT_DISCUSSED)
                sections[name] = (*discussed, addition)
    return sections
