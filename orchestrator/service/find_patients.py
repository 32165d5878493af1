"""Search among a therapist's patients: a part of a name, phone number or patient ID is enough."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.domain.records import Patient

Field = Literal["name", "phone", "patient_id"]

WHOLE, START, WORD, PART = 1.0, 0.9, 0.8, 0.6  # how good a match is, by where it lies
PHONE = re.compile(r"[\d\s()+./-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A patient, the field that matched best, and where in it: code points, end exclusive."""

    patient: Patient
    field: Field
    relevance: float
    positions: tuple[tuple[int, int], ...]


def query_type(query: str) -> Field:
    """What the query looks like."""
    if PHONE.fullmatch(query):
        return "phone"
    return "patient_id" if any(letter.isdigit() for letter in query) else "name"


def find(query: str, patients: Iterable[Patient]) -> Sequence[Match]:
    """The matching patients, best first; among equals in the order given."""
    matches = filter(None, (_best(query, patient) for patient in patients))
    return sorted(matches, key=lambda match: -match.relevance)


def _best(query: str, patient: Patient) -> Match | None:
    fields: dict[Field, str] = {
        "name": patient.full_name,
        "patient_id": patient.patient_id,
        "phone": str(patient.details.get("phone") or ""),
    }
    best: Match | None = None
    for field, text in fields.items():
        found = tuple(match.span() for match in _pattern(query, field).finditer(text))
        if not found:
            continue
        relevance = max(_relevance(text, *span) for span in found)
        if best is None or relevance > best.relevance:
            best = Match(patient=patient, field=field, relevance=relevance, positions=found)
    return best


def _pattern(query: str, field: Field) -> re.Pattern[str]:
    digits = re.sub(r"\D", "", query)
    if field == "phone" and digits and PHONE.fullmatch(query):
        return re.compile(r"\D*".join(digits))  # however it is spaced
    return re.compile(re.escape(query.strip()), re.IGNORECASE)


def _relevance(text: str, start: int, end: int) -> float:
    if start == 0:
        return WHOLE if end == len(text) else START
    return PART if text[start - 1].isalnum() else WORD
