"""Errors as RFC 9457 problems: here, and only here, an error gets its HTTP status.

The frontend shows ``detail`` to a therapist, so it is always a plain sentence and never holds what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator import errors
from orchestrator.web.keys import REQUEST_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
NOT_KEPT = {"content-type", "content-length"}  # headers of aiohttp's own error bodies


class FieldError(BaseModel):
    """One thing that is wrong with a request, and where."""

    loc: list[str | int]
    msg: str


class Problem(BaseModel):
    """Something went wrong. ``detail`` can be shown to a human; ``success`` and ``message`` say it again for the app."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    success: bool = False
    message: str
    errors: list[FieldError] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """How a kind of error is answered."""

    status: HTTPStatus
    headers: Mapping[str, str] = field(default_factory=dict)


ANSWERS: Mapping[type[errors.AppError], Answer] = {
    errors.NotFound: Answer(HTTPStatus.NOT_FOUND),
    errors.InvalidInput: Answer(HTTPStatus.UNPROCESSABLE_ENTITY),
    errors.NotesExist: Answer(HTTPStatus.BAD_REQUEST),
    errors.TranscriptTooShort: Answer(HTTPStatus.BAD_REQUEST),
    errors.Taken: Answer(HTTPStatus.BAD_REQUEST),
    errors.NotAuthenticated: Answer(HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"}),
    errors.Inactive: Answer(HTTPStatus.FORBIDDEN),
    errors.RegistrationClosed: Answer(HTTPStatus.FORBIDDEN),
    errors.ShuttingDown: Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "30"}),
    errors.Busy: Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "30"}),
    errors.ModelUnreachable: Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "10"}),
    errors.ModelLoading: Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"}),
    errors.ModelFailed: Answer(HTTPStatus.BAD_GATEWAY),
    errors.ModelTimeout: Answer(HTTPStatus.GATEWAY_TIMEOUT),
    errors.ModelError: Answer(HTTPStatus.BAD_GATEWAY),
}

DETAILS: Mapping[int, str] = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this kind of request.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "What was sent is too large for this server.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong on the server. Please try again.",
}


def answer(error: errors.AppError) -> Answer:
    """How ``error`` is answered: by its own class or the nearest one above it."""
    for kind in type(error).__mro__:
        if kind in ANSWERS:
            return ANSWERS[kind]
    return Answer(HTTPStatus.INTERNAL_SERVER_ERROR)


def describe(error: Exception, request: web.Request) -> Problem:
    """``error`` as a problem; of an error that nobody foresaw only that it happened."""
    if isinstance(error, errors.AppError):
        title = (type(error).__doc__ or "").strip().splitlines()[0]
        return _problem(request, answer(error).status, error.detail, type_=f"urn:problem:{error.slug}", title=title)
    if isinstance(error, ValidationError):
        return _invalid(error, request)
    status = error.status if isinstance(error, web.HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    return _problem(request, HTTPStatus(status), DETAILS.get(status, HTTPStatus(status).phrase))


def render(error: Exception, request: web.Request) -> web.Response:
    """The whole response, headers of the error included."""
    problem = describe(error, request)
    if isinstance(error, errors.AppError):
        headers = dict(answer(error).headers)
    elif isinstance(error, web.HTTPException):
        headers = {name: value for name, value in error.headers.items() if name.lower() not in NOT_KEPT}
    else:
        headers = {}
    text = problem.model_dump_json(exclude_none=True)
    return web.Response(text=text, status=problem.status, headers=headers, content_type=MEDIA_TYPE)


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors as problems. Redirects and the like pass; once a stream has begun, errors are its writer's."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return render(error, request)
    except (errors.AppError, ValidationError) as error:
        return render(error, request)
    except Exception as error:
        log.exception("request.crashed", exc_info=error)
        return render(error, request)


def _problem(
    request: web.Request, status: HTTPStatus, detail: str, *, type_: str = "about:blank", title: str | None = None
) -> Problem:
    return Problem(
        type=type_,
        title=title or status.phrase,
        status=status,
        detail=detail,
        instance=f"urn:request:{request.get(REQUEST_ID, '')}",
        request_id=request.get(REQUEST_ID, ""),
        message=detail,
    )


def _invalid(error: ValidationError, request: web.Request) -> Problem:
    found = [
        FieldError(loc=list(one["loc"]), msg=one["msg"])
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    detail = "; ".join(": ".join([*(".".join(map(str, one.loc)),) * bool(one.loc), one.msg]) for one in found[:5])
    kind = errors.InvalidInput
    problem = _problem(
        request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, type_=f"urn:problem:{kind.slug}", title=str(kind())
    )
    return problem.model_copy(update={"errors": found})
