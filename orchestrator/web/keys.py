"""What handlers may ask of the application, by type; set once at start by ``app``."""

from __future__ import annotations

import asyncio  # noqa: TC003 - named in a base class
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network  # noqa: TC003 - a dataclass' own types
from typing import Any
from weakref import WeakSet

from aiohttp import web

from orchestrator.domain.stores import PasswordHasher, Stores
from orchestrator.service.generate_note import Office


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings that handlers act on."""

    token_hours: float
    registration_open: bool
    cors_origins: frozenset[str]
    open_networks: tuple[IPv4Network | IPv6Network, ...]
    version: str
    started: float  # of time.monotonic


class OpenStreams(WeakSet["asyncio.Task[None]"]):
    """The tasks that feed the open streams; cancelled to end them."""


STORES = web.AppKey("STORES", Stores)
HASHER = web.AppKey("HASHER", PasswordHasher)
OFFICE = web.AppKey("OFFICE", Office)
RULES = web.AppKey("RULES", Rules)
STREAMS = web.AppKey("STREAMS", OpenStreams)
OPENAPI = web.AppKey("OPENAPI", dict[str, Any])

# Of a request.
REQUEST_ID = web.RequestKey("REQUEST_ID", str)
THERAPIST_ID = web.RequestKey("THERAPIST_ID", int)  # set by the access rule
TOKEN = web.RequestKey("TOKEN", str)  # where one came with the request
