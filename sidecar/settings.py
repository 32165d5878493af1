"""What can be set from outside: ``SESSIONSCRIBE_SIDECAR_*``, read once at the start and never changed.

A misspelt name refuses to start. A value that makes no sense gives way to the default where there is one, and the log
says so; a file, model or program that was named and is not there is an error, never a default.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sidecar.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "SESSIONSCRIBE_SIDECAR_"
DATA_VARIABLE = "SESSIONSCRIBE_DATA_DIR"  # the data folder of all programs
_OF_OTHERS = {"URL", "KEY_FILE"}  # the orchestrator's way to the sidecar carries the same prefix

Engine = Literal["llama-server", "llama-cpp-python"]
log = structlog.get_logger()


class Settings(BaseModel):
    """Each field is one variable. Where it says None, the manifest or the machine decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(8012, ge=0, le=65535, description="0: any free port")
    api_key_file: Path | None = None
    models_dir: Path | None = None  # None: models in the data folder
    model: str | None = None  # name or SHA-256 of a model in the folder; None: the active one
    encoder: str | None = None  # the same; "none" runs without
    engine: Engine = "llama-server"
    server: Path | None = None  # the llama-server program; None: the one of the installed llama_cpp, else from PATH
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    slots: int = Field(2, ge=1, le=256)
    context: int = Field(4096, ge=256, description="tokens per slot; never more than the model was trained for")
    threads: int | None = Field(None, ge=1, le=1024)
    cache_ram_mb: int = Field(256, ge=0)
    gpu_layers: int | None = Field(None, ge=0)  # None: all where there is a device
    # Tokens read at once. A caller who leaves is noticed between two batches, and a slot is to be free within a second, on one
    # core too: at 256 tokens a batch takes 1.6 s there. 64 read a seventh slower (llama-bench: 248 against 287 tokens/s).
    batch: int = Field(64, ge=32, le=8192)

    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0)
    repeat_penalty: float | None = Field(None, gt=0)
    max_tokens: int | None = Field(None, ge=1)
    seed: int | None = Field(None, ge=0)

    start_seconds: float = Field(300.0, gt=0, description="from start to the first completion")
    drain_seconds: float = Field(25.0, ge=0, description="for what is under way after SIGTERM")
    stop_seconds: float = Field(5.0, gt=0, description="from SIGTERM to SIGKILL for the model server")
    restarts: int = Field(5, ge=0, description="crashes in a row before it gives up")
    backoff_seconds: float = Field(0.5, gt=0, description="before the first restart; doubles")
    check_memory: bool = True


def load(environ: Mapping[str, str]) -> Settings:
    """The settings in ``environ``. Raises WrongUse for a name that does not exist or a value that has no default."""
    given = {name.removeprefix(PREFIX): value for name, value in environ.items() if name.startswith(PREFIX)}
    known = {name.upper(): name for name in Settings.model_fields}
    for name in given.keys() - known.keys() - _OF_OTHERS:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {PREFIX}{near[0]}?" if near else ""
        raise WrongUse(f"{PREFIX}{name} is not a setting.{hint}")
    values = {known[name]: value for name, value in given.items() if name in known and value != ""}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        wrong = {str(each["loc"][0]): each["msg"] for each in error.errors()}
        return Settings.model_validate(_without(values, wrong))


def _without(values: dict[str, Any], wrong: Mapping[str, str]) -> dict[str, Any]:
    """``values`` less the wrong ones, each of which is logged with the default that stands in for it."""
    for name, reason in sorted(wrong.items()):
        default = Settings.model_fields[name].default
        log.warning("settings.invalid", setting=f"{PREFIX}{name.upper()}", reason=reason, using=default)
    return {name: value for name, value in values.items() if name not in wrong}


def data_folder(environ: Mapping[str, str]) -> Path:
    """Where all programs keep their data: SESSIONSCRIBE_DATA_DIR, else ``~/.local/share/sessionscribe``."""
    if named := environ.get(DATA_VARIABLE):
        return Path(named)
    base = environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "sessionscribe"


def models_folder(settings: Settings, environ: Mapping[str, str]) -> Path:
    """The folder of the models."""
    return settings.models_dir or data_folder(environ) / "models"
