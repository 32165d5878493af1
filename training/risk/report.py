"""Measurements as readable pages: a table for the terminal, and Markdown with every miss for ``docs/reports``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GROUPS = ("by_kind", "by_category", "by_status")
COLUMNS = ("cases", "terms", "term_recall", "false_flags_per_case", "status_accuracy", "category_accuracy_of_found")


def table(report: Mapping[str, object]) -> str:
    """The numbers, without the lists of misses."""
    return "\n".join(
        "  ".join(f"{cell:>{width}}" for cell, width in zip(row, _WIDTHS, strict=True)) for row in _rows(report)
    )


def markdown(report: Mapping[str, object]) -> str:
    """The numbers, then every missed term, false flag and wrong status."""
    head, *rows = _rows(report)
    lines = [_row(head), _row(["---"] * len(head)), *map(_row, rows)]
    for title, key, names in _LISTS:
        listed = cast("list[dict[str, Any]]", report[key])
        lines += ["", f"## {title} ({len(listed)})", ""]
        lines += [f"- {' · '.join(_shown(item[name]) for name in names)}" for item in listed] or ["None."]
    return "\n".join(lines) + "\n"


_WIDTHS = (34, 6, 6, 12, 21, 16, 27)
_LISTS = (
    ("Missed terms", "missed", ("id", "category", "status", "term")),
    ("False flags", "false_flags", ("id", "category", "status", "quote")),
    ("Wrong statuses", "wrong_statuses", ("id", "accepted", "reached")),
)


def _rows(report: Mapping[str, object]) -> Iterator[list[str]]:
    yield ["", *(column.replace("_", " ") for column in COLUMNS)]
    yield ["all", *_cells(report["overall"])]
    for group in GROUPS:
        for name, rates in cast("dict[str, object]", report[group]).items():
            yield [f"{group.removeprefix('by_')}: {name}", *_cells(rates)]


def _cells(rates: object) -> list[str]:
    found = cast("dict[str, object]", rates)
    return ["" if found[column] is None else str(found[column]) for column in COLUMNS]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(value: object) -> str:
    text = "/".join(value) if isinstance(value, list) else str(value)
    return text.replace("\n", " ").replace("|", "\\|")
