"""Word lists as text files: one entry a line, ``#`` opens a comment, ``=`` joins entries that mean the same."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources


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
def whole(name: str) -> re.Pattern[str]:
    """A pattern that finds the entries of the list as whole words of folded text, the longest first."""
    parts = sorted((re.escape(entry) for group in entries(name) for entry in group), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")
