"""The risk findings of a transcript: rules always, the learned classifier where there is an encoder."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator import errors
from orchestrator.domain import risk

if TYPE_CHECKING:
    from orchestrator.domain.note import RiskFinding
    from orchestrator.domain.ports import Encoder
    from orchestrator.domain.transcript import Transcript

RULES = "rules"
RULES_AND_CLASSIFIER = "rules+classifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Risks:
    """What was found, and by what: ``rules+classifier``, or ``rules`` where there was no encoder or it failed."""

    findings: tuple[RiskFinding, ...]
    engine: str


async def find_risks(transcript: Transcript, encoder: Encoder | None) -> Risks:
    """Find them off the event loop. Raises nothing that the encoder raises: without it the rules stand alone."""
    ruled = await asyncio.to_thread(risk.find, transcript)
    if encoder is None:
        return Risks(findings=ruled, engine=RULES)
    try:
        learned = await _learned(transcript, encoder)
    except errors.ModelError:
        return Risks(findings=ruled, engine=RULES)
    return Risks(findings=risk.merge(ruled, learned), engine=RULES_AND_CLASSIFIER)


async def _learned(transcript: Transcript, encoder: Encoder) -> tuple[RiskFinding, ...]:
    """Each piece is embedded once, and the sentences of the few that look suspicious."""
    pieces = await asyncio.to_thread(risk.cut, transcript)
    vectors = await encoder.embed([piece.text for piece in pieces])
    suspicions = await asyncio.to_thread(risk.suspect, pieces, vectors)
    texts = [text for suspicion in suspicions for text in suspicion.texts]
    return await asyncio.to_thread(risk.classify, transcript, suspicions, await encoder.embed(texts))
