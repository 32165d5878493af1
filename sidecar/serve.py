"""The program: check everything that can be checked, start the model servers, listen, and on SIGTERM go down in order."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import shutil
import signal
import socket
import sys
from functools import partial
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from sidecar import command, defaults, hardware, probe, store
from sidecar.app import Sidecar, create_app
from sidecar.errors import EngineMissing, NotEnoughMemory, PortTaken, SidecarError, WrongUse
from sidecar.process import LlamaProcess
from sidecar.settings import models_folder
from sidecar.store import ModelStore, StoredModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from sidecar.command import Engine, Launch
    from sidecar.settings import Settings

log = structlog.get_logger()

MB = 2**20
ENCODER_RETRY_SECONDS = 60.0
WITHOUT = "none"  # SESSIONSCRIBE_SIDECAR_ENCODER: run without


async def serve(settings: Settings, environ: Mapping[str, str]) -> None:
    """Run until SIGTERM or SIGINT. Raises the SidecarError that keeps the language model from being served."""
    stopping = _on_signal()
    key = api_key(settings)
    with _bound(settings) as listener:
        sidecar = await asyncio.to_thread(prepare, settings, models_folder(settings, environ), key)
        async with _listening(sidecar, listener), _running(sidecar):
            await _until_stopped_or_failed(sidecar, stopping)
            await _drain(sidecar, settings.drain_seconds)


def prepare(settings: Settings, folder: Path, key: str | None = None) -> Sidecar:
    """Choose the models, check them and the machine, and plan how they are served. Starts nothing.

    Raises ModelMissing, ModelCorrupt, ModelMismatch, NotEnoughMemory, EngineMissing.
    """
    models = ModelStore(folder)
    language, encoder = choose(models, settings)
    engine, devices = find_engine(settings)
    plan = command.plan(settings, language.manifest, language.path, threads=hardware.threads(), devices=devices)
    return Sidecar(
        language=_process(models, language, plan, engine, settings),
        encoder=None if encoder is None else _encoder(models, encoder, engine, settings),
        api_key=key,
    )


def choose(models: ModelStore, settings: Settings) -> tuple[StoredModel, StoredModel | None]:
    """The models to serve: those that the settings name, else those in use, else those that came as packages."""
    language = models.find(settings.model) if settings.model else defaults.language(models)
    if settings.encoder == WITHOUT:
        return language, None
    return language, models.find(settings.encoder) if settings.encoder else defaults.encoder(models)


def find_engine(settings: Settings) -> tuple[Engine, tuple[str, ...]]:
    """The engine, and the devices it can compute on beside the CPU. Raises EngineMissing."""
    program = _llama_server(settings)
    if settings.engine == "llama-cpp-python":
        if util.find_spec("llama_cpp") is None:
            raise EngineMissing("The Python package llama-cpp-python[server] is not installed.")
        return command.llama_cpp_python(Path(sys.executable)), hardware.devices(program) if program else ()
    if program is None:
        raise EngineMissing(
            "llama-server was not found: neither SESSIONSCRIBE_SIDECAR_SERVER, nor the installed llama_cpp, nor PATH has it. "
            "The first command of README.md builds and installs it."
        )
    return command.llama_server(program), hardware.devices(program)


def api_key(settings: Settings) -> str | None:
    """The key callers must bring. Raises WrongUse when it cannot be read, or is missing where others can reach us."""
    if settings.api_key_file is not None:
        try:
            key = settings.api_key_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise WrongUse(f"The key file {settings.api_key_file} cannot be read: {error.strerror}.") from None
        if not key:
            raise WrongUse(f"The key file {settings.api_key_file} is empty.")
        return key
    if not _loopback(settings.host):
        raise WrongUse(
            f"Listening on {settings.host} without a key is refused. Set SESSIONSCRIBE_SIDECAR_API_KEY_FILE."
        )
    return None


def _encoder(models: ModelStore, model: StoredModel, engine: Engine, settings: Settings) -> LlamaProcess:
    return _process(models, model, command.plan_encoder(model.manifest, model.path), engine, settings)


def _process(
    models: ModelStore, model: StoredModel, launch: Launch, engine: Engine, settings: Settings
) -> LlamaProcess:
    """A model's process, not started, its file checked to the last byte and the memory for it found."""
    probe.check_prompt_version(model.manifest)
    head = store.check_header(model)
    needed, left = command.memory_needed(head, launch), hardware.memory_left()
    if settings.check_memory and needed > left:
        raise NotEnoughMemory(
            f"{model.manifest.name} needs about {needed // MB:,} MB with {launch.slots} slots of {launch.context} tokens, "
            f"and {left // MB:,} MB are left. Lower SESSIONSCRIBE_SIDECAR_SLOTS, _CONTEXT or _CACHE_RAM_MB, take a smaller "
            "model, or set SESSIONSCRIBE_SIDECAR_CHECK_MEMORY=false to try all the same."
        )
    models.verify(model)
    return LlamaProcess(engine, launch, settings, partial(probe.probe, engine, model.manifest))


def _llama_server(settings: Settings) -> Path | None:
    if settings.server is not None:
        if not settings.server.exists():
            raise EngineMissing(f"There is no {settings.server}, which SESSIONSCRIBE_SIDECAR_SERVER names.")
        return settings.server
    spec = util.find_spec("llama_cpp")
    if spec is not None and spec.origin and (inside := Path(spec.origin).parent / "bin" / "llama-server").exists():
        return inside
    found = shutil.which("llama-server")
    return Path(found) if found else None


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def _bound(settings: Settings) -> Iterator[socket.socket]:
    """The address, taken before anything expensive is done."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise PortTaken(
                f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}). Stop what runs there, or set "
                "SESSIONSCRIBE_SIDECAR_PORT to another port."
            ) from None
        yield listener


@contextlib.asynccontextmanager
async def _listening(sidecar: Sidecar, listener: socket.socket) -> AsyncIterator[None]:
    # Without handler_cancellation a caller who leaves would go unnoticed and his slot stay taken.
    runner = web.AppRunner(create_app(sidecar), handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        host, port = listener.getsockname()[:2]
        log.info("sidecar.listening", host=host, port=port, device=sidecar.language.launch.device)
        yield
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _running(sidecar: Sidecar) -> AsyncIterator[None]:
    """Both processes started; stopped again at the end, whatever it is."""
    starting = [asyncio.create_task(_start(sidecar.language))]
    if sidecar.encoder is not None:
        starting.append(asyncio.create_task(_keep(sidecar.encoder)))
    try:
        yield
    finally:
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process in _processes(sidecar)))


async def _start(process: LlamaProcess) -> None:
    with contextlib.suppress(SidecarError):  # whoever waits for its failure learns why
        await process.ensure_ready()


async def _keep(encoder: LlamaProcess) -> None:
    """Start the encoder, and again from time to time when it has failed: without it only rules find risk."""
    while True:
        await _start(encoder)
        error = await encoder.failed()
        log.error("encoder.failed", reason=str(error), retry_seconds=ENCODER_RETRY_SECONDS)
        await asyncio.sleep(ENCODER_RETRY_SECONDS)


async def _until_stopped_or_failed(sidecar: Sidecar, stopping: asyncio.Event) -> None:
    failed = asyncio.create_task(sidecar.language.failed())
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({failed, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (failed, stopped):
        task.cancel()
    if failed.done() and not failed.cancelled():
        raise failed.result()


async def _drain(sidecar: Sidecar, seconds: float) -> None:
    """Take no more work, and give what is under way ``seconds`` to end."""
    sidecar.draining = True
    log.info("sidecar.draining", in_flight=sidecar.in_flight, seconds=seconds)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(sidecar.idle.wait(), seconds)
    log.info("sidecar.drained", cut_off=sidecar.in_flight)


def _processes(sidecar: Sidecar) -> Sequence[LlamaProcess]:
    return [sidecar.language] if sidecar.encoder is None else [sidecar.language, sidecar.encoder]


def _on_signal() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping
