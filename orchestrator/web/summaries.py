"""Summaries over a patient's sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from orchestrator.service import summarize_patient
from orchestrator.web import schemas
from orchestrator.web.access import therapist_id
from orchestrator.web.keys import OFFICE, STORES, THERAPIST_ID

if TYPE_CHECKING:
    from aiohttp import web

log = structlog.get_logger()

NO_SESSIONS = "No sessions found for this patient"


async def summarize(request: web.Request, asked: schemas.Summarize) -> schemas.SummaryReply:
    """Summarize all sessions of a patient."""
    office = request.app[OFFICE]
    if THERAPIST_ID not in request:
        await _let_in(request, asked.patient_id)
    summary = await summarize_patient.summarize(
        asked.patient_id, therapist_id=therapist_id(request), sessions=office.sessions, desk=office.desk
    )
    if summary is None:
        return schemas.SummaryReply(success=False, message=NO_SESSIONS)
    return schemas.SummaryReply(
        summary=summary.text, session_count=summary.session_count, key_points=list(summary.key_points)
    )


async def _let_in(request: web.Request, patient: int) -> None:
    """A caller of a listed network without a token sees what the patient's therapist sees, and leaves a trace."""
    stores = request.app[STORES]
    request[THERAPIST_ID] = await stores.patients.owner(patient)
    await stores.accounts.record("summary.without_token", therapist_id=None, subject=f"patient:{patient}")
    log.warning("access.without_token", patient_id=patient)
