"""Who may call a route, and how its request is read: both come from the table of routes and nowhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

import structlog
from aiohttp import hdrs, web
from pydantic import BaseModel

from orchestrator.errors import InvalidInput, NotAuthenticated, NotFound
from orchestrator.service import accounts
from orchestrator.web.fields import LARGEST_ID
from orchestrator.web.keys import RULES, STORES, THERAPIST_ID, TOKEN

FORM = "application/x-www-form-urlencoded"


class Rule(StrEnum):
    """Who may call."""

    PUBLIC = "public"
    THERAPIST = "therapist"  # a bearer token; what is not the therapist's own does not exist
    LISTED_NETWORK = "listed network"  # a bearer token, or a caller without one from a network in the settings


# Takes the request and its validated body or query; gives the response or what to render as one.
Handler = Callable[[web.Request, Any], Awaitable[BaseModel | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API, whole: how it is called, who may, what it takes and gives."""

    method: str
    path: str
    handler: Handler
    rule: Rule
    request: type[BaseModel]
    responses: Mapping[int, type[BaseModel] | str]  # a schema, or a media type


def endpoint(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """What the router calls: check the rule, read the request, call the handler, render."""

    async def call(request: web.Request) -> web.StreamResponse:
        await _check(route.rule, request)
        answer = await route.handler(request, await _read(request, route))
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.Response(text=answer.model_dump_json(), content_type="application/json")

    return call


def therapist_id(request: web.Request) -> int:
    """The therapist who calls. Raises ``NotAuthenticated`` where the rule let somebody through without a token."""
    if THERAPIST_ID not in request:
        raise NotAuthenticated
    return request[THERAPIST_ID]


def path_id(request: web.Request, name: str = "id") -> int:
    """The identifier in the path. What cannot be one names nothing: ``NotFound``."""
    text = request.match_info[name]
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > LARGEST_ID:
        raise NotFound
    return int(text)


def bearer(request: web.Request) -> str | None:
    """The token that came with the request."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


async def _check(rule: Rule, request: web.Request) -> None:
    token = bearer(request)
    if token is not None:
        request[TOKEN] = token
    if rule is Rule.PUBLIC or (rule is Rule.LISTED_NETWORK and token is None and _is_listed(request)):
        return
    if token is None:
        raise NotAuthenticated
    therapist = await accounts.by_token(token, accounts=request.app[STORES].accounts)
    request[THERAPIST_ID] = therapist.id
    structlog.contextvars.bind_contextvars(therapist_id=therapist.id)


def _is_listed(request: web.Request) -> bool:
    try:
        # The peer itself, never a header that anybody can write.
        caller = ip_address(request.remote or "")
    except ValueError:
        return False
    return any(caller in network for network in request.app[RULES].open_networks)


async def _read(request: web.Request, route: Route) -> BaseModel:
    if not route.request.model_fields:
        return route.request()
    if route.method == hdrs.METH_GET:
        return route.request.model_validate(_texts(request.query))
    if request.content_type in {FORM, "multipart/form-data"}:
        return route.request.model_validate(_texts(await _form(request)))
    body = await request.read()
    optional = not any(field.is_required() for field in route.request.model_fields.values())
    return route.request.model_validate_json(b"{}" if not body.strip() and optional else body)


async def _form(request: web.Request) -> Mapping[str, object]:
    try:
        return await request.post()
    except (UnicodeError, ValueError, LookupError):
        raise InvalidInput("The form cannot be read.") from None


def _texts(given: Mapping[str, object]) -> dict[str, object]:
    for value in given.values():
        if isinstance(value, str):
            _refuse_half_characters(value)
    return dict(given)


def _refuse_half_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("Half of a Unicode character cannot be kept.") from None
