"""The learned half: a linear head over an encoder's vectors, for what no rule foresaw.

The encoder is the published sentence encoder with adapters that were trained together with this head (``docs/models/risk-head.md``).
A piece of a session whose score passes the threshold is looked at sentence by sentence, and the sentences that carry it become findings
to review. Without vectors none of this runs, and the rules stand alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.domain.note import RiskCategory, RiskFinding, RiskStatus, Source
from orchestrator.domain.risk import context
from orchestrator.domain.risk.surroundings import surroundings
from orchestrator.domain.risk.vocabulary import Meaning
from orchestrator.domain.transcript import fold, sentences

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from orchestrator.domain.risk.pieces import Piece
    from orchestrator.domain.transcript import Span, Transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Weights over unit vectors, and from which scores on something is said. Scores are logits."""

    risk_weight: NDArray[np.float32]
    risk_bias: float
    category_weight: NDArray[np.float32]
    category_bias: NDArray[np.float32]
    status_weight: NDArray[np.float32]
    status_bias: NDArray[np.float32]
    categories: tuple[RiskCategory, ...]
    statuses: tuple[RiskStatus, ...]
    threshold: float  # from here on a piece is suspicious
    margin: float  # sentences of a suspicious piece that score so much less than its best one stay out

    def scores(self, vectors: Sequence[Sequence[float]]) -> NDArray[np.float32]:
        """How risky each vector is."""
        return np.asarray(np.asarray(vectors, np.float32) @ self.risk_weight + self.risk_bias, np.float32)

    def meaning(self, vector: Sequence[float]) -> Meaning:
        """What kind of risk it is most likely, and in which status."""
        unit = np.asarray(vector, np.float32)
        category = int(np.argmax(self.category_weight @ unit + self.category_bias))
        status = int(np.argmax(self.status_weight @ unit + self.status_bias))
        return Meaning(self.categories[category], self.statuses[status])


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A piece that may hold a risk: its score, and what it would be."""

    piece: Piece
    score: float
    meaning: Meaning

    @property
    def texts(self) -> tuple[str, ...]:
        """What the encoder is to be shown to find the sentences that carry it; nothing where there is only one."""
        spans = self.piece.spans if len(self.piece.spans) > 1 else ()
        return tuple(self.piece.sentence(span) for span in spans)


@cache
def head() -> Head:
    """The trained head, read once from the file beside this module."""
    with as_file(files(__package__) / "head.npz") as path:
        return read(path)


def read(path: Path) -> Head:
    """A head from a file that ``training.risk`` wrote."""
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return Head(
        risk_weight=arrays["risk_weight"],
        risk_bias=float(arrays["risk_bias"]),
        category_weight=arrays["category_weight"],
        category_bias=arrays["category_bias"],
        status_weight=arrays["status_weight"],
        status_bias=arrays["status_bias"],
        categories=tuple(RiskCategory(str(name)) for name in arrays["categories"]),
        statuses=tuple(RiskStatus(str(name)) for name in arrays["statuses"]),
        threshold=float(arrays["threshold"]),
        margin=float(arrays["margin"]),
    )


def suspect(
    pieces: Sequence[Piece], vectors: Sequence[Sequence[float]], judge: Head | None = None
) -> tuple[Suspicion, ...]:
    """The pieces whose score passes the threshold. One vector per piece."""
    if not pieces:
        return ()
    judge = judge or head()
    scores = judge.scores(vectors)
    return tuple(
        Suspicion(piece=piece, score=float(score), meaning=judge.meaning(vector))
        for piece, vector, score in zip(pieces, vectors, scores, strict=True)
        if score >= judge.threshold
    )


def classify(
    transcript: Transcript,
    suspicions: Sequence[Suspicion],
    vectors: Sequence[Sequence[float]],
    judge: Head | None = None,
) -> tuple[RiskFinding, ...]:
    """A finding for each sentence that carries a suspicion. ``vectors`` are those of all ``texts``, in order."""
    judge = judge or head()
    folded = fold(transcript.text)
    scores = iter(judge.scores(vectors)) if vectors else iter(())
    found: list[RiskFinding] = []
    for suspicion in suspicions:
        own = [float(score) for _, score in zip(suspicion.texts, scores, strict=False)] or [0.0]
        carrying = (
            span for span, score in zip(suspicion.piece.spans, own, strict=True) if score >= max(own) - judge.margin
        )
        found += [_finding(transcript, folded, span, suspicion.meaning) for span in carrying]
    return tuple(found)


def _finding(transcript: Transcript, folded: str, span: Span, meaning: Meaning) -> RiskFinding:
    """A finding on a whole sentence, its status as the head guesses it and as the context rules correct it."""
    turn = transcript.turns[span.turn - 1]
    spans = sentences(transcript, turn)
    place = surroundings(transcript, folded, turn, spans, spans.index(span))
    status = context.correct(meaning.status, place)
    return RiskFinding(category=meaning.category, status=status, span=span, source=Source.CLASSIFIER, review=True)
