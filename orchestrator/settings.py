"""Settings from the environment (``SESSIONSCRIBE_...``): one frozen object, read once by whoever starts the program."""

from __future__ import annotations

import difflib
import os
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "SESSIONSCRIBE_"
# What belongs to the other programs of the house.
FOREIGN = ("SESSIONSCRIBE_SIDECAR_", "SESSIONSCRIBE_DATA", "SESSIONSCRIBE_CACHE")


class SettingsError(Exception):
    """The environment cannot be used; the message says what to change."""


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Listed = BeforeValidator(_split)
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Settings(BaseSettings):
    """Everything that can be set. Lists are written with commas; every default is safe on one's own machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True, extra="ignore")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8002  # 0: any free one
    data_dir: Path = Path("~/.local/share/sessionscribe")
    database_url: str | None = None  # default: SQLite in the data folder
    sidecar_url: str = "http://127.0.0.1:8012"
    sidecar_key_file: Path | None = None
    note_seconds: Seconds = 45.0  # for one completion of a common session, from the granted slot
    slots: Annotated[int, Field(ge=1, le=256)] = 2  # completions at once; as many as the sidecar has
    queue_length: Annotated[int, Field(ge=0)] = 32
    queue_seconds: Seconds = 120.0
    token_hours: Annotated[float, Field(gt=0, le=8_760)] = 12.0  # longer than any working day without a call
    registration: Literal["auto", "open", "closed"] = "auto"  # auto: open while listening on loopback only
    cors_origins: Annotated[tuple[str, ...], NoDecode, Listed] = ()
    open_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, Listed] = ()  # see Rule.LISTED_NETWORK
    body_megabytes: Annotated[float, Field(gt=0, le=1024)] = 8.0
    shutdown_seconds: Seconds = 30.0  # for what still runs at SIGTERM
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def folder(self) -> Path:
        """The data folder, with the home folder filled in."""
        return self.data_dir.expanduser()

    @property
    def database(self) -> str:
        """The database URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.folder / 'sessionscribe.sqlite3'}"

    @property
    def registration_open(self) -> bool:
        """Whether anybody who reaches this server may open an account."""
        return self.registration == "open" or (self.registration == "auto" and _is_loopback(self.host))


def read(environ: Mapping[str, str] | None = None) -> tuple[Settings, tuple[str, ...]]:
    """The settings of the process' environment, and the names of those whose value was invalid and fell back to its default.

    Raises ``SettingsError`` for a variable that does not exist.
    """
    refuse_unknown(os.environ if environ is None else environ)
    try:
        return Settings(), ()
    except ValidationError as error:
        invalid = tuple(sorted({str(problem["loc"][0]).removeprefix(PREFIX.lower()) for problem in error.errors()}))
    defaults = {name: Settings.model_fields[name].get_default(call_default_factory=True) for name in invalid}
    return Settings(**defaults), invalid


def refuse_unknown(environ: Mapping[str, str]) -> None:
    """Raise ``SettingsError`` where a variable with our prefix names no setting, with the nearest one that does."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known or name.startswith(FOREIGN):
            continue
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SettingsError(f"There is no setting {name}.{hint}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
