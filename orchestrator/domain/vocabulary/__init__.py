"""Word lists as text files: one entry a line, ``#`` opens a comment, ``=`` joins entries that mean the same."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@cache
def entries(name: str) -> tuple[tuple[str, ...], ...]:
    """The groups of equal entries of ``name``.txt, folded. Raises ``FileNotFoundError`` for a list that does not exist."""
    text = resources.files(__package__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    lines = (line.partition("#")[0].strip().lower() for line in text.splitlines())
    return tuple(tuple(entry.strip() for entry in line.split("=")) for line in lines if line)


@cache
def stems(name: str) -> re.Pattern[str]:
    """A pattern that finds every word, or words, of folded text beginning with an entry of the list."""
    parts = sorted((re.escape(entry) for group in entries(name) for entry in group), key=len, reverse=True)
    return re.compile(rf"(?<![\w'])(?:{'|'.join(parts)})")


@cache
def equals(name: str) -> Mapping[str, frozenset[str]]:
    """For every entry of the list, everything that may stand for it, itself included."""
    table: dict[str, frozenset[str]] = {}
    for group in entries(name):
        for entry in group:
            table[entry] = table.get(entry, frozenset()) | frozenset(group)
    return table


def named(name: str, folded: Sequence[str]) -> frozenset[str]:
    """The entries of the list that occur as whole words among ``folded``, the words of a text."""
    table = equals(name)
    longest = max((entry.count(" ") + 1 for entry in table), default=0)
    runs = (" ".join(folded[at : at + size]) for at in range(len(folded)) for size in range(1, longest + 1))
    return frozenset(run for run in runs if run in table)
