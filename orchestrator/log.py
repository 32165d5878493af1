"""Logs: JSON lines on stderr (coloured on a terminal), identifiers and numbers only, never a word of a session.

Our own events are fixed slugs with values. What libraries log can hold anything (SQL with its parameters, bodies, reprs), so
of a library's record only its origin is kept: which logger, where, and the type of the exception.
"""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stamina
import structlog

if TYPE_CHECKING:
    from types import TracebackType

    from structlog.typing import EventDict, WrappedLogger

OURS = Path(__file__).resolve().parent


def configure(level: str = "info") -> None:
    """Set up logging for the whole process. ``level`` is that of our own events; libraries speak from warning on."""
    pretty = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _bare_exception,
            structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [LibraryHandler()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    stamina.instrumentation.set_on_retry_hooks([])  # its own hook logs arguments and messages of exceptions
    sys.excepthook = _report_crash


class LibraryHandler(logging.Handler):
    """Turns a library's record into one of ours, without its message."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log where it came from."""
        error = record.exc_info[1] if record.exc_info else None
        where = f"{Path(record.pathname).name}:{record.lineno}"
        level = max(record.levelno, logging.WARNING)
        event = {"logger": record.name, "where": where, **(describe(error) if error else {})}
        structlog.get_logger().log(level, "library.message", **event)


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as log values: the types of its chain and the frames in our own code. Never its message."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{_module(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames if _is_ours(frame.filename)]
    return {"error": " < ".join(_types(error)), "frames": ours}


def _types(error: BaseException | None) -> list[str]:
    names: list[str] = []
    while error is not None and len(names) < 8:
        names.append(type(error).__qualname__)
        error = error.__cause__ or error.__context__
    return names


def _is_ours(filename: str) -> bool:
    return Path(filename).is_relative_to(OURS)


def _module(filename: str) -> str:
    return Path(filename).relative_to(OURS.parent).as_posix()


def _bare_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace ``exc_info`` by what ``describe`` says of it."""
    given: Any = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event.update(describe(error))
    return event


def _report_crash(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    structlog.get_logger().critical("program.crashed", **describe(error))
