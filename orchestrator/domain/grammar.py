"""GBNF grammars that hold a model to the note's form: four headings, one line each, English letters, bounded length.

Length is bounded in words, each of at most ``WORD_LETTERS``, so that no section can run away and none ends inside a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.domain.note import SectionName

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_SECTIONS = tuple(name for name in SectionName if name is not SectionName.RISK)  # Risk is never a model's to write
WORD_LETTERS = 20
MIN_WORDS = 4
DEFAULT_WORDS: Mapping[SectionName, int] = {
    SectionName.CHIEF_COMPLAINT: 18,
    SectionName.EMOTIONAL_STATE: 16,
    SectionName.INTERVENTION: 18,
    SectionName.PLAN: 16,
}
"""The most words of each section: together with Risk they fit a note of 70."""

_LETTERS = r"""first ::= [A-Z0-9"]
letter ::= [a-zA-Z0-9À-ɏ'’"“”,;%/&()+-]
end ::= [.!?] ["”]?
"""


def note_grammar(words: Mapping[SectionName, int] = DEFAULT_WORDS) -> str:
    """The grammar of a whole completion: the four sections a model writes, each within ``words`` words."""
    names = [_rule(name) for name in MODEL_SECTIONS]
    body = ' "\\n" '.join(f'"**{name}:** " {rule}' for name, rule in zip(MODEL_SECTIONS, names, strict=True))
    sections = "\n".join(f"{_rule(name)} ::= {_text(words[name])}" for name in MODEL_SECTIONS)
    return f"root ::= {body}\n{sections}\n{_words()}"


def section_grammar(section: SectionName, words: Mapping[SectionName, int] = DEFAULT_WORDS) -> str:
    """The grammar of one section behind a prefilled heading: a space and its text. Raises ``KeyError`` for Risk."""
    return f'root ::= " " text\ntext ::= {_text(words[section])}\n{_words()}'


def max_characters(words: int) -> int:
    """The hard cap, in characters, that a section of ``words`` words cannot pass."""
    return words * (WORD_LETTERS + 1) + 2


def _rule(section: SectionName) -> str:
    return section.lower().replace(" ", "-")


def _text(words: int) -> str:
    return f'"Not discussed." | first letter{{0,{WORD_LETTERS - 1}}} (sep word){{{MIN_WORDS - 1},{words - 1}}} end'


def _words() -> str:
    return f'word ::= letter{{1,{WORD_LETTERS}}}\nsep ::= [.!?]? " "\n{_LETTERS}'
