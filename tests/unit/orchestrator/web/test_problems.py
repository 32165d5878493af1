"""Errors and their statuses."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from orchestrator import errors
from orchestrator.web import problems


def kinds(root=errors.AppError):
    """Every error below ``root``."""
    return [kind for child in root.__subclasses__() for kind in (child, *kinds(child))]


@pytest.mark.parametrize("kind", kinds())
def test_every_error_has_an_answer(kind):
    """A row of its own, a slug of its own and a sentence: an error added without one fails here."""
    assert kind in problems.ANSWERS
    assert [other for other in kinds() if other.slug == kind.slug] == [kind]
    assert kind().detail


def test_statuses_that_ask_to_come_back():
    """Whatever is 503 says when."""
    for row in problems.ANSWERS.values():
        assert ("Retry-After" in row.headers) == (row.status == 503)


def test_the_nearest_class_counts():
    """A new kind of error is answered as the one above it."""

    class Hiccup(errors.ModelTimeout):
        """A new one."""

    try:
        assert problems.answer(Hiccup()).status == 504
    finally:
        del Hiccup


async def test_an_unforeseen_error_says_nothing():
    """A bare 500: no type, no text."""

    async def fails(_request):
        raise RuntimeError("what she said")

    answer = await problems.middleware(make_mocked_request("GET", "/"), fails)
    assert isinstance(answer, web.Response)
    assert answer.status == 500
    said = str(answer.text)
    assert "what she" not in said
    assert "RuntimeError" not in said


async def test_redirects_pass():
    """Only errors become problems."""

    async def moves(_request):
        raise web.HTTPFound("/elsewhere")

    with pytest.raises(web.HTTPFound):
        await problems.middleware(make_mocked_request("GET", "/"), moves)
