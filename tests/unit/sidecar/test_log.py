"""The sidecar's logs."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from sidecar import log
from sidecar.errors import PortTaken

CANARY = "the client said something private"


@pytest.fixture(autouse=True)
def _restored():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def test_each_line_is_one_json_object(capsys: pytest.CaptureFixture[str]):
    """Event, level, time and values are fields."""
    log.configure()
    structlog.get_logger().info("model.loaded", seconds=1.5)
    log.failed(PortTaken("taken"))
    loaded, failed = map(json.loads, capsys.readouterr().err.splitlines())
    assert (loaded["event"], loaded["level"], loaded["seconds"]) == ("model.loaded", "info", 1.5)
    assert (failed["event"], failed["error"], failed["reason"]) == ("sidecar.failed", "PortTaken", "taken")


def test_a_librarys_words_are_dropped(capsys: pytest.CaptureFixture[str]):
    """A library may quote what it failed on: who spoke stays, and which error, but not what it said."""
    log.configure()
    try:
        int(CANARY)
    except ValueError:
        logging.getLogger("some.library").exception("could not parse %s", CANARY)
    said = capsys.readouterr().err
    assert CANARY not in said
    entry = json.loads(said)
    assert (entry["event"], entry["logger"], entry["error"]) == ("library.message", "some.library", "ValueError")


def test_below_the_level_nothing_is_said(capsys: pytest.CaptureFixture[str]):
    """The level is a setting."""
    log.configure("error")
    structlog.get_logger().warning("quiet")
    logging.getLogger("some.library").info("quiet")
    assert capsys.readouterr().err == ""
