"""What the rules know: the vocabulary files of this package, read once, as phrase books."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from orchestrator.domain.note import RiskCategory, RiskStatus
from orchestrator.domain.risk.phrases import PhraseBook, phrases

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a risk phrase means by itself, before its context is read."""

    category: RiskCategory
    status: RiskStatus


@cache
def risks() -> PhraseBook[Meaning]:
    """The phrases that may be a risk: one file per category, one block per status."""
    found = [
        (phrase, Meaning(category, RiskStatus(status)))
        for category in RiskCategory
        for status, block in _load(category.value).items()
        for phrase in phrases(block)
    ]
    return PhraseBook(found, _classes())


@cache
def harmless() -> PhraseBook[None]:
    """The phrases that make a risk phrase inside them none."""
    return PhraseBook([(phrase, None) for phrase in phrases(_load("harmless")["phrases"])], _classes())


@cache
def context() -> PhraseBook[str]:
    """The triggers of ``context.toml``; a trigger means the name of its block."""
    found = [(phrase, kind) for kind, block in _load("context").items() for phrase in phrases(block)]
    return PhraseBook(found, _classes())


@cache
def answers() -> PhraseBook[str]:
    """How answers and questions about the past are worded; a phrase means the name of its block in ``answers.toml``."""
    found = [(phrase, kind) for kind, block in _load("answers").items() for phrase in phrases(block)]
    return PhraseBook(found, _classes())


@cache
def _classes() -> Mapping[str, str]:
    return _load("classes")


def _load(name: str) -> Mapping[str, str]:
    source = files(__package__) / "words" / f"{name}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))
