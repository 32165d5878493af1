"""Where in the transcript a sentence of a note comes from, and how well the transcript carries it.

A sentence is scored by how much of its wording, in weighted character n-grams of its content words, the best few sentences of the session cover; the
encoder's vectors, where there are any, add what was said in other words. The measurements are in ``docs/reports/evidence.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.domain import quantities, vocabulary
from orchestrator.domain.note import NOT_DISCUSSED, Support
from orchestrator.domain.transcript import fold, sentences as sentences_of, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.domain.note import Sentence
    from orchestrator.domain.turns import Span, Transcript

GRAM = 4
CONCEPT_GRAMS = 5  # a medicine, diagnosis or quantity counts as much as a short word
MOST_SPANS = 3
LEAST_SHARE = 0.12  # of the sentence's n-grams: a span that adds less is no evidence
SUPPORTED = 0.48
INFERRED = 0.06
FEW_PASSAGES = 32
CHANCE = 0.08  # cover gained by chance with each doubling of the passages
VECTOR_WEIGHT = 0.6
VECTOR_MEAN = 0.45  # the cosine of a foreign sentence's nearest piece
_LITTLE_WORDS = frozenset(
    "a an and are as at be been but by for from had has have her his in into is it its not of on or she he so than that the their them "
    "they this to was were when which who will with about after before during no i you we my your me do does did don't can could would "
    "should if then also client clients patient therapist doctor session reports reported states stated said says presents presented "
    "discussed including included describes described notes noted feels feeling".split()
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of the session with its n-grams."""

    span: Span
    grams: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """What an encoder made: a unit vector for each sentence of the note, and for pieces of the session."""

    sentences: Sequence[Sequence[float]]
    pieces: Sequence[tuple[Span, Sequence[float]]]


def passages(transcript: Transcript) -> tuple[Passage, ...]:
    """The sentences of a session that say something, ready to be searched: once for all sentences of a note."""
    spans = (span for turn in transcript.turns for span in sentences_of(transcript, turn))
    found = (Passage(span, grams(span.quote)) for span in spans)
    return tuple(passage for passage in found if passage.grams)


def grams(text: str) -> frozenset[str]:
    """The character n-grams of the content words of ``text``, each word by itself, beginnings marked."""
    heard = words(text)
    content = (word for word in heard if word not in _LITTLE_WORDS and not _is_concept(word))
    return frozenset(gram for word in content for gram in _grams_of(f" {word} ")) | _concepts(heard, text)


def support(
    sentences: Sequence[Sentence], transcript: Transcript, vectors: Vectors | None = None
) -> tuple[Sentence, ...]:
    """``sentences`` with evidence and support; one that brings its own evidence (a quoted one) keeps it."""
    searched = passages(transcript)
    near = [_nearest(vector, vectors.pieces) for vector in vectors.sentences] if vectors else [None] * len(sentences)
    return tuple(
        sentence if sentence.evidence or sentence.text == NOT_DISCUSSED else _supported(sentence, searched, closest)
        for sentence, closest in zip(sentences, near, strict=True)
    )


def score(text: str, searched: Iterable[Passage]) -> tuple[float, tuple[Span, ...]]:
    """How much of ``text`` the best few passages cover, 0 to 1, and which these are, in the order of the session."""
    wanted = grams(text)
    if not wanted:
        return 0.0, ()
    left, spans = set(wanted), []
    pool = list(searched)
    for _ in range(MOST_SPANS):
        best = max(pool, key=lambda passage: len(left & passage.grams), default=None)
        if best is None or len(left & best.grams) < LEAST_SHARE * len(wanted):
            break
        left -= best.grams
        spans.append(best.span)
    return 1 - len(left) / len(wanted), tuple(sorted(spans, key=lambda span: span.start))


def _concepts(heard: Sequence[str], text: str) -> frozenset[str]:
    """What is the same in other words, as if it were n-grams: "zoloft" and "sertraline", "two weeks" and "a fortnight"."""
    same = {concept for name in ("medications", "diagnoses") for concept in vocabulary.concepts(name, heard)}
    same |= {f"{value:g}{unit}" for value, unit in quantities.find(fold(text))}
    return frozenset(f"#{i}{concept}" for concept in same for i in range(CONCEPT_GRAMS))


def _is_concept(word: str) -> bool:
    return word in quantities.WORDS or word in vocabulary.equals("medications") or word.isdigit()


def _grams_of(word: str) -> Iterable[str]:
    return (word[i : i + GRAM] for i in range(max(1, len(word) - GRAM + 1)))


def _nearest(vector: Sequence[float], pieces: Sequence[tuple[Span, Sequence[float]]]) -> tuple[float, Span] | None:
    scored = ((sum(a * b for a, b in zip(vector, other, strict=True)), span) for span, other in pieces)
    return max(scored, key=lambda pair: pair[0], default=None)


def strength(covered: float, searched: int, cosine: float | None = None) -> float:
    """How strongly a sentence is carried: its cover, less what so many passages cover by chance, and its nearest vector."""
    chance = CHANCE * math.log2(max(searched, FEW_PASSAGES) / FEW_PASSAGES)
    near = 0.0 if cosine is None else VECTOR_WEIGHT * (cosine - VECTOR_MEAN)
    return covered - chance + near


def _supported(sentence: Sentence, searched: tuple[Passage, ...], closest: tuple[float, Span] | None) -> Sentence:
    covered, spans = score(sentence.text, searched)
    total = strength(covered, len(searched), closest[0] if closest else None)
    if closest and not spans and total >= INFERRED:
        spans = (closest[1],)
    if total >= SUPPORTED and spans:
        return replace(sentence, support=Support.SUPPORTED, evidence=spans)
    if total >= INFERRED:
        return replace(sentence, support=Support.INFERRED, evidence=spans)
    return replace(sentence, support=Support.UNSUPPORTED, evidence=())
