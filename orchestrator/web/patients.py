"""Patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.service import find_patients
from orchestrator.web import schemas
from orchestrator.web.access import path_id, therapist_id
from orchestrator.web.keys import STORES

if TYPE_CHECKING:
    from aiohttp import web


async def all_of_them(request: web.Request, asked: schemas.PatientsQuery) -> schemas.PatientsReply:
    """List the therapist's patients, newest first."""
    store = request.app[STORES].patients
    found = await store.all(therapist_id=therapist_id(request), active_only=asked.active_only)
    return schemas.PatientsReply(count=len(found), patients=[schemas.Patient.of(patient) for patient in found])


async def search(request: web.Request, asked: schemas.SearchQuery) -> schemas.SearchReply:
    """Find patients by a part of a name, phone number or patient ID."""
    mine = await request.app[STORES].patients.all(therapist_id=therapist_id(request))
    results = [
        schemas.SearchResult(
            patient=schemas.Patient.of(match.patient),
            relevance_score=match.relevance,
            match_field=match.field,
            match_positions=[schemas.Position(start=start, end=end) for start, end in match.positions],
        )
        for match in find_patients.find(asked.q, mine)
    ]
    kind = find_patients.query_type(asked.q)
    return schemas.SearchReply(query=asked.q, query_type=kind, count=len(results), results=results)


async def add(request: web.Request, asked: schemas.NewPatient) -> schemas.PatientReply:
    """Add a patient."""
    fields = asked.model_dump(exclude_unset=True)
    patient = await request.app[STORES].patients.add(fields, therapist_id=therapist_id(request))
    return schemas.PatientReply(message="Patient added.", patient=schemas.Patient.of(patient))


async def one(request: web.Request, asked: schemas.PatientQuery) -> schemas.PatientReply:
    """Show a patient, with the sessions if they are asked for."""
    stores, mine = request.app[STORES], therapist_id(request)
    shown = schemas.Patient.of(await stores.patients.get(path_id(request), therapist_id=mine))
    if asked.include_sessions:
        found = await stores.sessions.of_patient(shown.id, therapist_id=mine)
        shown = shown.model_copy(update={"sessions": [schemas.Session.of(session) for session in found]})
    return schemas.PatientReply(patient=shown)


async def change(request: web.Request, asked: schemas.PatientChanges) -> schemas.PatientReply:
    """Change a patient."""
    fields = asked.model_dump(exclude_unset=True)
    patient = await request.app[STORES].patients.update(path_id(request), fields, therapist_id=therapist_id(request))
    return schemas.PatientReply(message="Patient updated.", patient=schemas.Patient.of(patient))


async def deactivate(request: web.Request, _asked: schemas.Nothing) -> schemas.Done:
    """Switch a patient's record off. Nothing is erased."""
    await request.app[STORES].patients.deactivate(path_id(request), therapist_id=therapist_id(request))
    return schemas.Done(message="Patient deactivated.")
