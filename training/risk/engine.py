"""The one door from the training of the risk head to the orchestrator's risk engine: what is trained is what is served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.domain.risk import classifier, classify, find, merge, pieces, suspect
from orchestrator.domain.risk.classifier import Head
from orchestrator.domain.transcript import parse
from training.risk.evaluate import Found, covers, touches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from orchestrator.domain.note import RiskFinding
    from training.risk.cases import Case, Label

__all__ = ["Example", "Head", "examples", "found", "piece_texts", "predict", "read_head", "ruled", "rules", "texts"]

OPTIONAL_WEIGHT = 0.0
BESIDE_WEIGHT = 0.3  # what else a client in danger says: seldom labelled, so no sure negative


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text for the encoder and what the head is to say of it."""

    text: str
    risky: bool
    weight: float
    category: str | None
    status: str | None
    case: Case
    piece: int  # which piece of the case it is, or belongs to
    sentence: bool  # one sentence of the piece rather than the whole


def examples(case: Case) -> Iterator[Example]:
    """Every piece of a case, and every sentence of a piece that has more than one."""
    for number, piece in enumerate(pieces.cut(parse(case.dialogue))):
        yield _example(case, piece.text, [piece.spans[0].start, piece.spans[-1].end], number, sentence=False)
        if len(piece.spans) > 1:
            for span in piece.spans:
                yield _example(case, piece.sentence(span), [span.start, span.end], number, sentence=True)


def rules(case: Case) -> list[Found]:
    """What the rules alone find in a case."""
    return found(find(parse(case.dialogue)))


def read_head(path: Path) -> Head:
    """The head as the orchestrator reads it."""
    return classifier.read(path)


def piece_texts(case: Case) -> list[str]:
    """The texts of the pieces of a case."""
    return [piece.text for piece in pieces.cut(parse(case.dialogue))]


def texts(case: Case) -> Iterator[str]:
    """Everything of a case that the encoder may be shown."""
    for piece in pieces.cut(parse(case.dialogue)):
        yield piece.text
        yield from (piece.sentence(span) for span in piece.spans)


def predict(case: Case, vectors: Mapping[str, Sequence[float]], head: Head) -> list[Found]:
    """What rules and classifier find together, given the vectors of all ``texts`` of the case."""
    transcript = parse(case.dialogue)
    cut = pieces.cut(transcript)
    suspicions = suspect(cut, [vectors[piece.text] for piece in cut], head)
    shown = [vectors[text] for suspicion in suspicions for text in suspicion.texts]
    return found(merge(find(transcript), classify(transcript, suspicions, shown, head)))


def ruled(case: Case, number: int) -> bool:
    """Whether the rules see a risk in a piece of a case."""
    transcript = parse(case.dialogue)
    spans = pieces.cut(transcript)[number].spans
    return any(spans[0].start <= finding.span.start < spans[-1].end for finding in find(transcript))


def found(findings: Iterable[RiskFinding]) -> list[Found]:
    """Findings as the metrics want them."""
    return [
        Found(category=f.category.value, status=f.status.value, start=f.span.start, end=f.span.end, quote=f.span.quote)
        for f in findings
    ]


def _example(case: Case, text: str, bounds: list[int], number: int, *, sentence: bool) -> Example:
    stretch = Found(category="", status="", start=bounds[0], end=bounds[1])
    label = _label(case, stretch, sentence=sentence)
    weight = 1.0
    if label is None and case.kind != "negative" and case.labels:
        optional = any(touches(stretch, case.dialogue, term) for term in case.optional_terms)
        weight = OPTIONAL_WEIGHT if optional else BESIDE_WEIGHT
    return Example(
        text=text,
        risky=label is not None,
        weight=weight,
        category=label.category if label else None,
        status=label.status if label else None,
        case=case,
        piece=number,
        sentence=sentence,
    )


def _label(case: Case, stretch: Found, *, sentence: bool) -> Label | None:
    """The label that a stretch of the dialogue carries: a sentence must cover half of the term, a piece must touch it."""
    test = covers if sentence else touches
    return next((label for label in case.labels if test(stretch, case.dialogue, label.span)), None)
