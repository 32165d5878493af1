"""The OpenAPI 3.1 document, made from the table of routes and the schemas."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from orchestrator.web.access import FORM, Route, Rule
from orchestrator.web.problems import MEDIA_TYPE, Problem
from orchestrator.web.schemas import Login

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel

PARAMETER = re.compile(r"\{(\w+)\}")
DESCRIPTIONS = {
    "200": "Success",
    "202": "Accepted: look again later",
    "401": "No valid token",
    "404": "No such thing, or not yours",
    "422": "What was sent cannot be used",
    "503": "Not now: see Retry-After",
}
Json = dict[str, Any]


def build(routes: Iterable[Route], version: str, streams: Mapping[str, str]) -> Json:
    """The document of ``routes``; ``streams`` names the media type of those paths that can answer as a stream."""
    table = tuple(routes)
    refs, schemas = _schemas(table)
    paths: Json = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs, streams.get(route.path))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sessionscribe", "version": version, "summary": "Clinical notes from therapy sessions."},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(routes: tuple[Route, ...]) -> tuple[Mapping[type[BaseModel], Json], Json]:
    asked = {(route.request, "validation") for route in routes if route.method != "GET" and route.request.model_fields}
    given = {(one, "serialization") for route in routes for one in route.responses.values() if not isinstance(one, str)}
    wanted = sorted(asked | given | {(Problem, "serialization")}, key=lambda pair: (pair[0].__name__, pair[1]))
    refs: Mapping[Any, Json]
    refs, top = models_json_schema(wanted, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]  # the modes are literals
    by_model: dict[Any, Json] = {model: ref for (model, _mode), ref in refs.items()}
    return by_model, top["$defs"]


def _operation(route: Route, refs: Mapping[type[BaseModel], Json], stream: str | None) -> Json:
    operation: Json = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}-{route.handler.__name__}".replace("_", "-"),
        "summary": (route.handler.__doc__ or "").strip().splitlines()[0],
        "tags": [route.path.split("/")[1] or "server"],
        "parameters": [*_path_parameters(route.path), *_query_parameters(route)],
        "responses": {str(status): _response(str(status), body, refs) for status, body in route.responses.items()},
    }
    if route.method != "GET" and route.request.model_fields:
        media = FORM if route.request is Login else "application/json"
        operation["requestBody"] = {"required": True, "content": {media: {"schema": refs[route.request]}}}
    if stream:
        operation["responses"]["200"]["content"][stream] = {"schema": {"type": "string"}}
    if route.rule is not Rule.PUBLIC:
        operation["security"] = [{"bearer": []}]
        operation["x-access"] = route.rule.value
    for status in _problems(route):
        operation["responses"].setdefault(status, _response(status, Problem, refs, MEDIA_TYPE))
    return operation


def _problems(route: Route) -> Iterable[str]:
    if route.rule is not Rule.PUBLIC:
        yield "401"
    if PARAMETER.search(route.path):
        yield "404"
    if route.request.model_fields:
        yield "422"
    yield "default"


def _response(
    status: str, body: type[BaseModel] | str, refs: Mapping[type[BaseModel], Json], media: str = "application/json"
) -> Json:
    description = DESCRIPTIONS.get(status, "Something went wrong")
    if isinstance(body, str):
        return {"description": description, "content": {body: {"schema": {"type": "string"}}}}
    return {"description": description, "content": {media: {"schema": refs[body]}}}


def _path_parameters(path: str) -> list[Json]:
    names = PARAMETER.findall(path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "integer"}} for name in names]


def _query_parameters(route: Route) -> list[Json]:
    if route.method != "GET":
        return []
    schema = _schema(route.request)
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in schema.get("properties", {}).items()
    ]


@cache
def _schema(model: type[BaseModel]) -> Json:
    return model.model_json_schema()
