"""Word lists as text files: one entry a line; ``#`` a comment, ``=`` joins what means the same, ``~`` adds what is only heard for it."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Group(NamedTuple):
    """Entries that stand for each other, and plain words that are only heard for them: "awake" for "insomnia", not the other way."""

    names: tuple[str, ...]
    heard: tuple[str, ...] = ()


@cache
def entries(name: str) -> tuple[Group, ...]:
    """The groups of ``name``.txt, folded. Raises ``FileNotFoundError`` for a list that does not exist."""
    text = resources.files(__package__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    lines = (line.partition("#")[0].strip().lower() for line in text.splitlines())
    return tuple(Group(*(_split(part) for part in line.split("~"))) for line in lines if line)


def _split(part: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in part.split("="))


@cache
def stems(name: str) -> re.Pattern[str]:
    """A pattern that finds every word, or words, of folded text beginning with an entry of the list."""
    parts = sorted((re.escape(entry) for group in entries(name) for entry in group.names), key=len, reverse=True)
    return re.compile(rf"(?<![\w'])(?:{'|'.join(parts)})")


@cache
def equals(name: str) -> Mapping[str, frozenset[str]]:
    """For every entry of the list, everything whose being heard bears it out, itself included."""
    table: dict[str, frozenset[str]] = {}
    for group in entries(name):
        for entry in group.names:
            table[entry] = table.get(entry, frozenset()) | {*group.names, *group.heard}
    return table


def named(name: str, folded: Sequence[str]) -> frozenset[str]:
    """The entries of the list that occur as whole words among ``folded``, the words of a text."""
    return heard(name, folded) & equals(name).keys()


def heard(name: str, folded: Sequence[str]) -> frozenset[str]:
    """The entries, and the plain words heard for them, that occur as whole words among ``folded``."""
    table = _concepts(name)
    found = {word for word in folded if word in table.concepts}
    for at, word in enumerate(folded):
        for size in table.sizes.get(word, ()):
            run = " ".join(folded[at : at + size])
            if run in table.concepts:
                found.add(run)
    return frozenset(found)


def concepts(name: str, folded: Sequence[str]) -> frozenset[str]:
    """What the words name, as the first name of every group that they name or that is heard in them."""
    table = _concepts(name).concepts
    return frozenset(concept for run in heard(name, folded) for concept in table[run])


class _Table(NamedTuple):
    concepts: Mapping[str, frozenset[str]]
    sizes: Mapping[str, frozenset[int]]  # of entries of several words, by the word they begin with


@cache
def _concepts(name: str) -> _Table:
    table: dict[str, frozenset[str]] = {}
    sizes: dict[str, frozenset[int]] = {}
    for group in entries(name):
        for entry in (*group.names, *group.heard):
            table[entry] = table.get(entry, frozenset()) | {group.names[0]}
            first, *rest = entry.split()
            if rest:
                sizes[first] = sizes.get(first, frozenset()) | {1 + len(rest)}
    return _Table(table, sizes)
