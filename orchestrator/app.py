"""The composition root: the only place that sees both the web and the adapters."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from orchestrator.adapters.accounts import SqlAccountStore
from orchestrator.adapters.database import Database
from orchestrator.adapters.llama import LlamaClient, http_client
from orchestrator.adapters.migrations import upgrade
from orchestrator.adapters.notes import SqlNoteStore
from orchestrator.adapters.passwords import Argon2Hasher
from orchestrator.adapters.patients import SqlPatientStore
from orchestrator.adapters.prompting import ContractPrompts
from orchestrator.adapters.sessions import SqlSessionStore
from orchestrator.adapters.slots import Slots
from orchestrator.domain.stores import Stores
from orchestrator.service.desk import Desk, Limits
from orchestrator.service.generate_note import Office
from orchestrator.service.runs import Runs
from orchestrator.web import keys, middlewares, openapi, problems, routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from orchestrator.domain.ports import Encoder, LanguageModel
    from orchestrator.domain.stores import PasswordHasher
    from orchestrator.settings import Settings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A language model and an encoder in place of the sidecar's."""

    language: LanguageModel
    encoder: Encoder | None = None


def create_app(
    settings: Settings, *, model: Model | None = None, hasher: PasswordHasher | None = None
) -> web.Application:
    """The application, not yet running. ``model`` stands in for the sidecar, ``hasher`` for Argon2id at full cost."""
    app = web.Application(
        middlewares=[middlewares.canonical_line, problems.middleware, middlewares.preflight],
        client_max_size=int(settings.body_megabytes * 1_000_000),
    )
    app[keys.RULES] = _rules(settings)
    app[keys.HASHER] = hasher or Argon2Hasher()
    app[keys.STREAMS] = keys.OpenStreams()
    app[keys.OPENAPI] = openapi.build(routes.ROUTES, app[keys.RULES].version, routes.STREAMS)
    routes.add_to(app)
    app.on_response_prepare.append(middlewares.add_headers)
    app.on_shutdown.append(_end_streams)
    app.cleanup_ctx.append(_stores(settings))
    app.cleanup_ctx.append(_office(settings, model))
    return app


def _rules(settings: Settings) -> keys.Rules:
    return keys.Rules(
        token_hours=settings.token_hours,
        registration_open=settings.registration_open,
        cors_origins=frozenset(settings.cors_origins),
        open_networks=settings.open_networks,
        version=_version(),
        started=time.monotonic(),
    )


def _version() -> str:
    try:
        return version("sessionscribe")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0+unknown"


def _stores(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(app: web.Application) -> AsyncIterator[None]:
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await upgrade(settings.database)
        database = Database(settings.database)
        app[keys.STORES] = stores(database)
        yield
        await database.dispose()

    return context


def stores(database: Database) -> Stores:
    """All the stores over ``database``."""
    return Stores(
        accounts=SqlAccountStore(database),
        patients=SqlPatientStore(database),
        sessions=SqlSessionStore(database),
        notes=SqlNoteStore(database),
        ping=database.ping,
    )


def _office(settings: Settings, model: Model | None) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(app: web.Application) -> AsyncIterator[None]:
        key = settings.sidecar_key_file.expanduser().read_text().strip() if settings.sidecar_key_file else None
        async with http_client(settings.sidecar_url, key) as client:
            slots = Slots(settings.slots, waiting=settings.queue_length, patience=settings.queue_seconds)
            sidecar = LlamaClient(client, slots)
            desk = Desk(
                model=model.language if model else sidecar,
                encoder=model.encoder if model else sidecar,
                prompts=ContractPrompts(),
                limits=Limits(note_seconds=settings.note_seconds),
            )
            kept, runs = app[keys.STORES], Runs()
            app[keys.OFFICE] = Office(sessions=kept.sessions, notes=kept.notes, desk=desk, runs=runs)
            yield
            await runs.drain(settings.shutdown_seconds)

    return context


async def _end_streams(app: web.Application) -> None:
    streams = app[keys.STREAMS]
    for stream in tuple(streams):
        stream.cancel()


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what runs. Raises ``OSError`` where the port is taken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Without handler_cancellation a caller who left would keep the model busy for nothing.
    runner = web.AppRunner(
        create_app(settings),
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=settings.shutdown_seconds,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        _announce(settings, runner)
        await stop.wait()
        log.info("server.stopping")
    finally:
        with suppress(asyncio.CancelledError):
            await runner.cleanup()
    log.info("server.stopped")


def _announce(settings: Settings, runner: web.AppRunner) -> None:
    host, port = runner.addresses[0][:2]
    log.info(
        "server.started", host=host, port=port, sidecar=settings.sidecar_url, registration=settings.registration_open
    )
    if settings.open_networks:
        networks = [str(network) for network in settings.open_networks]
        log.warning("access.open_networks", networks=networks, routes="/summarize-sessions", meaning="no token asked")
