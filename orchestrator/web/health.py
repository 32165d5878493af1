"""What operators and the app ask about the server itself."""

from __future__ import annotations

import asyncio
import platform
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from orchestrator import metrics
from orchestrator.errors import AppError
from orchestrator.web import schemas
from orchestrator.web.keys import OFFICE, RULES, STORES

if TYPE_CHECKING:
    from orchestrator.domain.ports import ModelDescription

log = structlog.get_logger()

LOOK_SECONDS = 2.0  # a probe that waits longer than this is no better than one that fails
ENDED_WELL = ("stop", "length")


async def health(request: web.Request, _asked: schemas.Nothing) -> schemas.Health:
    """Say how the server does, always with 200: the app takes any other answer for an empty address."""
    database, model = await asyncio.gather(_database(request), _model(request))
    outcomes = _outcomes()
    total = sum(outcomes.values())
    well = sum(outcomes.get(name, 0) for name in ENDED_WELL)
    rules = request.app[RULES]
    return schemas.Health(
        status="healthy" if database and model else "degraded",
        version=rules.version,
        database="connected" if database else "unavailable",
        model_loaded=model is not None,
        model_name=model.name if model else None,
        model_size_mb=round(model.size_bytes / 1e6, 1) if model else None,
        uptime_seconds=round(time.monotonic() - rules.started, 1),
        total_inferences=int(total),
        success_rate=round(well / total, 4) if total else 1.0,
        avg_inference_time_seconds=round(_seconds() / total, 3) if total else 0.0,
    )


async def ready(request: web.Request, _asked: schemas.Nothing) -> web.Response:
    """Say whether a note can be written now: 200, else 503."""
    database, model = await asyncio.gather(_database(request), _model(request))
    state = schemas.Ready(ready=database and model is not None, database=database, model=model is not None)
    return web.Response(
        text=state.model_dump_json(),
        content_type="application/json",
        status=HTTPStatus.OK if state.ready else HTTPStatus.SERVICE_UNAVAILABLE,
        headers={} if state.ready else {"Retry-After": "5"},
    )


async def version(request: web.Request, _asked: schemas.Nothing) -> schemas.Version:
    """Say what runs here."""
    return schemas.Version(version=request.app[RULES].version, python=platform.python_version())


async def show_metrics(_request: web.Request, _asked: schemas.Nothing) -> web.Response:
    """Give the numbers to Prometheus."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _database(request: web.Request) -> bool:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await request.app[STORES].ping()
    except Exception as error:
        log.warning("database.unavailable", exc_info=error)
        return False
    return True


async def _model(request: web.Request) -> ModelDescription | None:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await request.app[OFFICE].desk.model.describe()
    except (AppError, TimeoutError):
        return None


def _outcomes() -> dict[str, float]:
    samples = [sample for family in metrics.INFERENCES.collect() for sample in family.samples]
    return {sample.labels["outcome"]: sample.value for sample in samples if sample.name.endswith("_total")}


def _seconds() -> float:
    samples = [sample for family in metrics.INFERENCE_SECONDS.collect() for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_sum"))
