"""Logs: one JSON object a line on standard error. Identifiers and numbers, never a word of a session."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str = "info") -> None:
    """Set up structlog, and send what libraries log the same way from warnings up."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                _without_message,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _without_message(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A library's message may quote what it failed on: keep who spoke and which error, drop the words."""
    record: logging.LogRecord = event["_record"]
    raised = event.get("exc_info")
    kind = raised[0].__name__ if isinstance(raised, tuple) and raised[0] else None
    kept = {name: event[name] for name in ("level", "timestamp")}
    return {**kept, "event": "library.message", "logger": record.name, "error": kind}


def failed(error: Exception) -> None:
    """The program's last log line when it did not end well."""
    structlog.get_logger().error("sidecar.failed", error=type(error).__name__, reason=str(error))
