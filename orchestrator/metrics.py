"""The numbers that ``/metrics`` shows. Labels are fixed words, never text, names or identifiers of a session."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

INFERENCES = Counter("sessionscribe_inferences_total", "Completions asked of the model", ["outcome"])
INFERENCE_SECONDS = Histogram(
    "sessionscribe_inference_seconds",
    "Time of one completion, from the granted slot to its end",
    buckets=(0.5, 1, 2, 5, 10, 20, 45, 90, 180),
)
NOTES = Counter("sessionscribe_notes_total", "Notes written", ["origin"])
NOTE_SECONDS = Histogram(
    "sessionscribe_note_seconds", "Time of one note, all its completions", buckets=(1, 2, 5, 10, 20, 45, 90, 180, 600)
)
FALLBACKS = Counter("sessionscribe_fallbacks_total", "Notes or sections taken from the fallback", ["scope", "reason"])
SECTIONS = Counter("sessionscribe_sections_total", "Where the sections of notes came from", ["source"])
PROBLEMS = Counter("sessionscribe_validation_problems_total", "What validation found in completions", ["problem"])
QUEUED = Gauge("sessionscribe_queued_completions", "Callers that wait for a slot now")
IN_FLIGHT = Gauge("sessionscribe_inflight_completions", "Completions that run now")
REQUESTS = Counter("sessionscribe_http_requests_total", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("sessionscribe_http_request_seconds", "Time of one request", ["method", "route"])
