"""Controls for the guards, since a guard that judges itself proves nothing. Writes ``docs/reports/guards.md``.

``python -m bench.guards [--data FOLDER] [--encoder URL]``. True sentences and planted fabrications about the sample sessions stand in
``guards.jsonl`` beside this file; ``--data`` adds real notes paired with another session's transcript.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.evidence import Sample, encoder, load
from orchestrator.domain import evidence, guards, risk
from orchestrator.domain.note import Author, SectionName, Sentence, Support
from orchestrator.domain.transcript import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "docs/reports/guards.md"
CASES = Path(__file__).with_suffix(".jsonl")


class Verdict(NamedTuple):
    """A written sentence and what became of it."""

    kind: str  # "true" or what was planted
    session: str
    text: str
    judged: Sentence

    @property
    def marked(self) -> bool:
        """Whether a reader sees a doubt on it."""
        return bool(self.judged.marks) or self.judged.support is Support.UNSUPPORTED


def main() -> None:
    """Judge the written sentences and the foreign notes, write the report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=None)
    options.add_argument("--encoder", default=None, help="address of llama-server --embedding")
    options.add_argument("--sessions", type=int, default=40, help="of each source")
    chosen = options.parse_args()
    embed = encoder(chosen.encoder) if chosen.encoder else None
    verdicts = written(embed)
    pairs = {}
    for source in ("auralis", "primock57", "aci-bench") if chosen.data else ():
        samples = load(chosen.data / source, chosen.sessions, embed or encoder(None))
        for name, shift in (("own", 0), ("another", 7)):
            pairs[source, name] = paired(samples, shift, with_vectors=bool(embed))
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(report(verdicts, pairs, with_encoder=bool(embed)), encoding="utf-8")
    print(REPORT.read_text(encoding="utf-8"))


def written(embed: Callable[[list[str]], list[list[float]]] | None) -> list[Verdict]:
    """The sentences of ``guards.jsonl``, each judged alone before its session with the findings of the risk rules."""
    verdicts = []
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    for session in sorted({case["session"] for case in cases}):
        transcript = parse((ROOT / f"tests/data/{session}.txt").read_text(encoding="utf-8"))
        findings = risk.find(transcript)
        spans = [passage.span for passage in evidence.passages(transcript)]
        pieces = list(zip(spans, embed([span.quote for span in spans]), strict=True)) if embed else []
        for case in (case for case in cases if case["session"] == session):
            vectors = evidence.Vectors(sentences=embed([case["text"]]), pieces=pieces) if embed else None
            name = SectionName(case["section"])
            judged = guards.review({name: [model(case["text"])]}, transcript, findings, vectors)[name][0]
            verdicts.append(Verdict(case["kind"], session, case["text"], judged))
    return verdicts


def paired(samples: list[Sample], shift: int, *, with_vectors: bool) -> Counter[str]:
    """How the sentences of notes are judged before the session ``shift`` places on: their own where it is 0."""
    counts: Counter[str] = Counter()
    for at, sample in enumerate(samples):
        other = samples[(at + shift) % len(samples)]
        pieces = [(passage.span, vector) for passage, vector in zip(other.passages, other.vectors, strict=True)]
        vectors = evidence.Vectors(sentences=sample.note_vectors, pieces=pieces) if with_vectors else None
        sections = {SectionName.CHIEF_COMPLAINT: [model(text) for text in sample.note]}
        judged = guards.review(sections, other.transcript, risk.find(other.transcript), vectors)[
            SectionName.CHIEF_COMPLAINT
        ]
        counts.update(sentence.support for sentence in judged)
        counts.update(mark for sentence in judged for mark in sentence.marks)
    return counts


def model(text: str) -> Sentence:
    """A sentence as a model writes it, not judged yet."""
    return Sentence(text=text, author=Author.MODEL, support=Support.UNSUPPORTED)


def report(verdicts: Sequence[Verdict], pairs: dict[tuple[str, str], Counter[str]], *, with_encoder: bool) -> str:
    """The report as Markdown, with every miss."""
    planted = [v for v in verdicts if v.kind != "true"]
    true = [v for v in verdicts if v.kind == "true"]
    caught, doubted = sum(v.marked for v in planted), sum(v.marked for v in true)
    supported = Counter(v.judged.support for v in true if not v.marked)
    lines = [
        "# Guards: what they catch, what they miss, what they doubt wrongly",
        "",
        f"Made by `bench/guards.py`, {'with' if with_encoder else 'without'} the encoder. A sentence counts as marked when it has a mark or is unsupported.",
        "",
        f"- Planted fabrications marked: **{caught} of {len(planted)}** ({caught / len(planted):.0%}).",
        f"- True sentences marked: **{doubted} of {len(true)}** ({doubted / len(true):.0%}).",
        f"- Of the other true sentences {supported[Support.SUPPORTED]} are supported, {supported[Support.INFERRED]} inferred.",
        "",
        "| planted | marked | of |",
        "|---|---|---|",
    ]
    for kind in dict.fromkeys(v.kind for v in planted):
        same = [v for v in planted if v.kind == kind]
        lines.append(f"| {kind} | {sum(v.marked for v in same)} | {len(same)} |")
    lines += _pairs(pairs) if pairs else []
    lines += ["", "## Fabrications that were missed", ""]
    lines += [f"- {v.session}, {v.kind}: {v.text} ({v.judged.support})" for v in planted if not v.marked]
    lines += ["", "## True sentences that were doubted", ""]
    lines += [f"- {v.session}: {v.text} ({', '.join(v.judged.marks) or v.judged.support})" for v in true if v.marked]
    return "\n".join(lines) + "\n"


def _pairs(pairs: dict[tuple[str, str], Counter[str]]) -> list[str]:
    lines = [
        "",
        "Sentences of real notes before their own and before another session of the same source. These notes were written from more than the",
        "dialogue (diagnoses, examinations, clinical shorthand), so that many of their own sentences are rightly marked.",
        "",
        "| source | session | sentences | supported | inferred | unsupported or marked | marks |",
        "|---|---|---|---|---|---|---|",
    ]
    for (source, session), counts in pairs.items():
        total = sum(counts[support] for support in Support)
        shares = " | ".join(f"{counts[support] / total:.1%}" for support in Support)
        marks = ", ".join(f"{mark.removesuffix('-not-said')} {counts[mark]}" for mark in guards.MARKS if counts[mark])
        lines.append(f"| {source} | {session} | {total} | {shares} | {marks} |")
    return lines


if __name__ == "__main__":
    main()
