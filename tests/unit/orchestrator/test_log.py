"""What logs hold, and what never gets into them."""

from __future__ import annotations

import json
import logging
import sys
import warnings

import pytest
import stamina
import structlog

from orchestrator import log


@pytest.fixture
def _configured():
    """Our logging, and everything back as it was."""
    root, hook, hooks = logging.getLogger(), sys.excepthook, stamina.instrumentation.get_on_retry_hooks()
    handlers, level = root.handlers[:], root.level
    log.configure("debug")
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    stamina.instrumentation.set_on_retry_hooks(hooks)
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)


def _lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.usefixtures("_configured")
def test_our_events_are_json(capsys):
    """One line each, with the values that were given."""
    structlog.get_logger().info("note.stored", session_id=7)
    (line,) = _lines(capsys)
    assert (line["event"], line["session_id"], line["level"]) == ("note.stored", 7, "info")


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize(
    "name", ["aiohttp.server", "httpx", "httpcore", "sqlalchemy.engine", "aiosqlite", "alembic", "asyncio"]
)
def test_libraries_lose_their_text(capsys, name):
    """Of a library's record only its origin and the type of the error are left, at any level."""
    logger = logging.getLogger(name)
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logger.log(level, "she said %s", "canary")
    try:
        int("canary")
    except ValueError:
        logger.exception(f"canary {name}")  # noqa: G004 - as careless libraries do
    said = capsys.readouterr().err
    assert "canary" not in said
    assert "she said" not in said
    last = json.loads(said.splitlines()[-1])
    assert (last["event"], last["logger"], last["error"]) == ("library.message", name, "ValueError")


@pytest.mark.usefixtures("_configured")
def test_warnings_lose_their_text(capsys):
    """A Python warning can quote what it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(capture=True)
        warnings.warn("canary", stacklevel=1)
    assert "canary" not in capsys.readouterr().err


@pytest.mark.usefixtures("_configured")
def test_exceptions_keep_their_kind_and_our_frames(capsys):
    """The chain of types and where in our own code it passed, without a message."""
    try:
        try:
            log.describe("canary")  # has no traceback: fails inside our own code
        except AttributeError as error:
            raise KeyError("canary") from error
    except KeyError as error:
        structlog.get_logger().exception("request.crashed", exc_info=error)
    (line,) = _lines(capsys)
    assert line["error"] == "KeyError < AttributeError"
    assert "canary" not in json.dumps(line)
    with pytest.raises(AttributeError) as caught:
        log.describe("canary")
    assert any(frame.startswith("orchestrator/log.py:") for frame in log.describe(caught.value)["frames"])


@pytest.mark.usefixtures("_configured")
def test_a_crash_of_the_program_says_no_text(capsys):
    """The last hook before the interpreter's own."""
    sys.excepthook(ValueError, ValueError("canary"), None)
    assert _lines(capsys)[0]["error"] == "ValueError"
