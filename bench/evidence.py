"""Which scorer tells a true sentence of a note from one of another session's note? Writes ``docs/reports/evidence.md``.

``python -m bench.evidence --data FOLDER [--encoder URL]``, with the folders of dialogue and note pairs that ``docs/guides`` names. The encoder is
llama-server with ``--embedding``; without it only the lexical scorers run.
"""

from __future__ import annotations

import argparse
import bisect
import json
import math
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx

from orchestrator.domain import evidence, validation
from orchestrator.domain.transcript import parse, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orchestrator.domain.turns import Transcript

REPORT = Path(__file__).parents[1] / "docs/reports/evidence.md"
SEED = 20231
BATCH = 32


class Sample(NamedTuple):
    """A session, its passages and their vectors, and the sentences of its note with theirs."""

    transcript: Transcript
    passages: tuple[evidence.Passage, ...]
    vectors: list[list[float]]
    note: list[str]
    note_vectors: list[list[float]]


class Case(NamedTuple):
    """One sentence of a note before one session."""

    sample: Sample
    text: str
    vector: list[float] | None


def main() -> None:
    """Read the pairs, score every sentence against its own and against another session, write the report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--encoder", default=None, help="address of llama-server --embedding")
    options.add_argument("--sessions", type=int, default=40, help="of each source")
    chosen = options.parse_args()
    embed = encoder(chosen.encoder)
    rows = []
    for source in ("auralis", "primock57", "aci-bench"):
        samples = load(chosen.data / source, chosen.sessions, embed)
        rows += [
            (source, name, measure(samples, score))
            for name, score in SCORERS.items()
            if chosen.encoder or name not in NEED_VECTORS
        ]
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(report(rows), encoding="utf-8")
    print(REPORT.read_text(encoding="utf-8"))


def encoder(url: str | None) -> Callable[[list[str]], list[list[float]]]:
    """A function from texts to unit vectors; without an address the vectors are empty."""
    if url is None:
        return lambda texts: [[] for _ in texts]
    client = httpx.Client(base_url=url, timeout=120, trust_env=False)

    def embed(texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            answer = client.post(
                "/v1/embeddings", json={"input": [text[:800] for text in texts[start : start + BATCH]]}
            )
            answer.raise_for_status()
            vectors += [item["embedding"] for item in sorted(answer.json()["data"], key=lambda item: item["index"])]
        return vectors

    return embed


def load(folder: Path, most: int, embed: Callable[[list[str]], list[list[float]]]) -> list[Sample]:
    """Up to ``most`` sessions of the train and validation splits, in a seeded order."""
    records = [
        json.loads(line)
        for split in ("train", "validation")
        for line in (folder / f"{split}.jsonl").open(encoding="utf-8")
    ]
    random.Random(SEED).shuffle(records)  # noqa: S311 - an order that can be repeated, no secret
    samples = []
    for record in records[:most]:
        transcript = parse(record["dialogue"])
        passages = evidence.passages(transcript)
        note = [
            text for text in validation.split(record["note"]) if not text.isupper() and len(evidence.grams(text)) >= 8
        ][:12]
        vectors = embed([passage.span.quote for passage in passages])
        samples.append(Sample(transcript, passages, vectors, note, embed(note)))
    return samples


def bm25(case: Case) -> float:
    """The best passage by BM25, over the most that the sentence could score."""
    wanted = {word for word in words(case.text) if len(word) > 3}
    bags = [Counter(words(passage.span.quote)) for passage in case.sample.passages]
    frequency = Counter(word for bag in bags for word in bag)
    mean = sum(bag.total() for bag in bags) / max(1, len(bags))
    idf = {word: math.log(1 + (len(bags) - frequency[word] + 0.5) / (frequency[word] + 0.5)) for word in wanted}

    def score(bag: Counter[str]) -> float:
        return sum(
            idf[w] * bag[w] * 2.2 / (bag[w] + 1.2 * (0.25 + 0.75 * bag.total() / mean)) for w in wanted if w in bag
        )

    return max(map(score, bags), default=0.0) / (2.2 * sum(idf.values()) or 1.0)


def ngram_cosine(case: Case) -> float:
    """The best passage by the cosine of character n-grams."""
    wanted = evidence.grams(case.text)
    return max(
        (len(wanted & p.grams) / math.sqrt(len(wanted) * len(p.grams)) for p in case.sample.passages), default=0.0
    )


def ngram_cover(case: Case) -> float:
    """How much of the n-grams the best three passages cover, less chance: what the product does without an encoder."""
    return evidence.strength(evidence.score(case.text, case.sample.passages)[0], len(case.sample.passages))


def cosine(case: Case) -> float:
    """The best passage by the cosine of the encoder's vectors."""
    return max(
        (sum(a * b for a, b in zip(case.vector or (), v, strict=True)) for v in case.sample.vectors), default=0.0
    )


def both(case: Case) -> float:
    """Cover of n-grams and cosine together, weighted as in the product with an encoder."""
    covered, _ = evidence.score(case.text, case.sample.passages)
    return evidence.strength(covered, len(case.sample.passages), cosine(case))


SCORERS: dict[str, Callable[[Case], float]] = {
    "BM25": bm25, "n-gram cosine": ngram_cosine, "n-gram cover": ngram_cover, "encoder": cosine, "cover + encoder": both,
}  # fmt: skip
NEED_VECTORS = frozenset({"encoder", "cover + encoder"})


class Measured(NamedTuple):
    """How well a scorer separates true from foreign sentences."""

    true: int
    auc: float
    recall: float  # of true sentences at the threshold that lets one foreign sentence in ten through
    threshold: float
    tenth: float  # the score that nine true sentences in ten reach
    foreign_below: float  # foreign sentences under that score
    supported_true: float  # at the product's thresholds
    supported_foreign: float
    unsupported_true: float
    unsupported_foreign: float


def measure(samples: list[Sample], score: Callable[[Case], float]) -> Measured:
    """Score each sentence against its own session and against the seventh one after it."""
    true, foreign = [], []
    for at, sample in enumerate(samples):
        other = samples[(at + 7) % len(samples)]
        for text, vector in zip(sample.note, sample.note_vectors, strict=True):
            true.append(score(Case(sample, text, vector)))
            foreign.append(score(Case(other, text, vector)))
    true.sort()
    foreign.sort()
    auc = sum(bisect.bisect_left(foreign, s) + bisect.bisect_right(foreign, s) for s in true) / (
        2 * len(true) * len(foreign)
    )
    threshold, tenth = foreign[int(0.9 * len(foreign))], true[int(0.1 * len(true))]
    return Measured(
        len(true), auc, above(true, threshold), threshold, tenth, 1 - above(foreign, tenth, inclusive=True),
        above(true, evidence.SUPPORTED, inclusive=True), above(foreign, evidence.SUPPORTED, inclusive=True),
        1 - above(true, evidence.INFERRED, inclusive=True), 1 - above(foreign, evidence.INFERRED, inclusive=True),
    )  # fmt: skip


def above(scores: Sequence[float], threshold: float, *, inclusive: bool = False) -> float:
    """The share of ``scores`` over ``threshold``."""
    return sum(score > threshold or (inclusive and score == threshold) for score in scores) / max(1, len(scores))


def report(rows: list[tuple[str, str, Measured]]) -> str:
    """The report as Markdown."""
    lines = [
        "# Evidence: which scorer tells a true sentence from a foreign one",
        "",
        "Sentences of real notes before their own session (true) and before another session of the same source (foreign), train and",
        "validation splits. AUC; recall of true sentences where one foreign sentence in ten passes; and the share of foreign sentences below",
        "the score that nine true ones in ten reach. Made by `bench/evidence.py`.",
        "",
        "| source | scorer | true sentences | AUC | recall at 10 % foreign | threshold | score of nine in ten | foreign below it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {source} | {name} | {m.true} | {m.auc:.3f} | {m.recall:.2f} | {m.threshold:.2f} | {m.tenth:.2f} | {m.foreign_below:.2f} |"
        for source, name, m in rows
    ]
    lines += [
        "",
        f"At the product's thresholds (supported from {evidence.SUPPORTED}, unsupported below {evidence.INFERRED}):",
        "",
    ]
    lines += [
        "| source | scorer | supported true | supported foreign | unsupported true | unsupported foreign |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {source} | {name} | {m.supported_true:.2f} | {m.supported_foreign:.2f} | {m.unsupported_true:.2f} | {m.unsupported_foreign:.2f} |"
        for source, name, m in rows
        if name in {"n-gram cover", "cover + encoder"}
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
