"""The written risk cases: their schema, how they are read, and which of them are kept out of tuning.

A case is a short dialogue with the words that a finding must hold. The files ``a.jsonl``, ``b.jsonl``... have one author
each, so that what an engine learns from some can be measured on another who wrote under other instructions.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

Kind = Literal["positive", "negative", "injection", "malformed"]
CaseRisk = Literal["none", "historical", "denied", "passive", "active"]
KEPT_OUT_SHARE = 5  # one case in five


class BadCase(ValueError):
    """A case does not follow the schema; the message says which one and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What one expected term is: a risk category and a status, in the words of ``RiskCategory`` and ``RiskStatus``."""

    span: str
    category: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One dialogue. The three lists of terms are verbatim pieces of it."""

    id: str
    kind: Kind
    dialogue: str
    expected_terms: tuple[str, ...]
    optional_terms: tuple[str, ...]
    must_not_flag: tuple[str, ...]
    expected_risk: CaseRisk
    accept_risk: frozenset[str]
    risk_types: tuple[str, ...]
    labels: tuple[Label, ...]

    @property
    def author(self) -> str:
        """Who wrote it: what stands before the last dash of the id."""
        return self.id.rpartition("-")[0]

    @property
    def kept_out(self) -> bool:
        """Whether it is in the fifth that nothing may be tuned on. Decided by the id alone, so it never changes."""
        return int(hashlib.sha256(self.id.encode()).hexdigest()[:8], 16) % KEPT_OUT_SHARE == 0


def case(record: Mapping[str, object], *, strict: bool = True) -> Case:
    """Make a case of one record; ``labels`` and the lists of terms may be missing.

    Raises ``BadCase`` for an unknown kind or level and for terms that the dialogue does not hold, unless told not to be ``strict``:
    then an unknown kind is a positive case, and a term that is not there can only be missed.
    """
    identifier, dialogue = str(record.get("id", "?")), record.get("dialogue")
    kind, risk = record.get("category"), record.get("expected_risk") or "none"
    if strict and (kind not in get_args(Kind) or risk not in get_args(CaseRisk)):
        raise BadCase(f"{identifier}: category {kind!r} or expected_risk {risk!r} is unknown")
    made = Case(
        id=identifier,
        kind=cast("Kind", kind if kind in get_args(Kind) else "positive"),
        dialogue=dialogue if isinstance(dialogue, str) else json.dumps(dialogue),
        expected_terms=_texts(record, "expected_terms"),
        optional_terms=_texts(record, "optional_terms"),
        must_not_flag=_texts(record, "must_not_flag"),
        expected_risk=cast("CaseRisk", risk),
        accept_risk=frozenset(_texts(record, "accept_risk")) | {str(risk)},
        risk_types=_texts(record, "risk_types"),
        labels=tuple(_label(item) for item in cast("list[dict[str, str]]", record.get("labels") or [])),
    )
    for term in (*made.expected_terms, *made.optional_terms, *made.must_not_flag):
        if strict and term not in made.dialogue:
            raise BadCase(f"{identifier}: the dialogue does not hold {term!r}")
    return made


def read(paths: Iterable[Path], *, strict: bool = True) -> Iterator[Case]:
    """All cases of some JSONL files, in order. Raises ``BadCase`` when ``strict``, also for an id that was seen before."""
    seen: set[str] = set()
    for path in paths:
        for line in path.read_text(encoding="utf-8").split("\n"):
            if not line.strip():
                continue
            made = case(json.loads(line), strict=strict)
            if strict and made.id in seen:
                raise BadCase(f"{made.id}: the id is used twice")
            seen.add(made.id)
            yield made


def split(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """The cases to tune on, and the fifth that is kept out."""
    return [c for c in cases if not c.kept_out], [c for c in cases if c.kept_out]


def _label(item: Mapping[str, str]) -> Label:
    return Label(span=item["span"], category=item["category"], status=item["status"])


def _texts(record: Mapping[str, object], key: str) -> tuple[str, ...]:
    return tuple(str(item) for item in cast("list[object]", record.get(key) or []))
