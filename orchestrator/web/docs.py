"""The API's document, and a page to read it: local files only, and a policy that lets nothing else in."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from aiohttp import web

from orchestrator.web.keys import OPENAPI

if TYPE_CHECKING:
    from orchestrator.web import schemas

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}


async def document(request: web.Request, _asked: schemas.Nothing) -> web.Response:
    """Give the OpenAPI 3.1 document."""
    return web.Response(text=json.dumps(request.app[OPENAPI]), content_type="application/json")


async def page(_request: web.Request, _asked: schemas.Nothing) -> web.Response:
    """Show the document to a reader."""
    return _file("page.html", "text/html")


async def script(_request: web.Request, _asked: schemas.Nothing) -> web.Response:
    """Give the page's script."""
    return _file("page.js", "text/javascript")


async def style(_request: web.Request, _asked: schemas.Nothing) -> web.Response:
    """Give the page's style."""
    return _file("page.css", "text/css")


def _file(name: str, kind: str) -> web.Response:
    return web.Response(text=_text(name), content_type=kind, charset="utf-8", headers=HEADERS)


@cache
def _text(name: str) -> str:
    return files("orchestrator.web").joinpath("static", name).read_text(encoding="utf-8")
