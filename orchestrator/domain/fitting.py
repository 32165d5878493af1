"""How a note is brought within its bounds without inventing: sentences are left out, or the session's own are added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.domain import fallback, validation
from orchestrator.domain.note import NOT_DISCUSSED, SectionName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.domain.note import Sentence
    from orchestrator.domain.turns import Transcript
    from orchestrator.domain.validation import Bounds

_EXTENDED = (SectionName.CHIEF_COMPLAINT, SectionName.EMOTIONAL_STATE, SectionName.INTERVENTION, SectionName.PLAN)


def fit(
    sections: Mapping[SectionName, tuple[Sentence, ...]], transcript: Transcript, bounds: Bounds
) -> dict[SectionName, tuple[Sentence, ...]]:
    """``sections`` within ``bounds`` as far as it goes: Risk is never shortened, and a short session has no more to say.

    Whoever stores the note compares ``validation.count`` with the bounds and records what is left as an exception.
    """
    return _extended(_shortened(dict(sections), bounds.most), transcript, bounds)


def _shortened(
    sections: dict[SectionName, tuple[Sentence, ...]], most: int
) -> dict[SectionName, tuple[Sentence, ...]]:
    """Leave out last sentences, longest section first, while more than one stands there; then whole sections' words."""
    while validation.count(sections) > most:
        longest = max(_EXTENDED, key=lambda name: (len(sections.get(name, ())) > 1, _words(sections, name)))
        kept = sections.get(longest, ())[:-1]
        if _words(sections, longest) <= validation.word_count(NOT_DISCUSSED):
            break
        sections[longest] = kept or (fallback.not_discussed(),)
    return sections


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
