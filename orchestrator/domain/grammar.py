"""GBNF grammars that hold a model to the note's form: four headings, one line each, English letters, bounded length.

Length is bounded in words, each of at most ``WORD_LETTERS``, so that no section can run away and none ends inside a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.domain.note import SectionName

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_SECTIONS: tuple[SectionName, ...] = tuple(
    name for name in SectionName if name is not SectionName.RISK
)  # Risk is never a model's to write
WORD_LETTERS = 42  # 16, and twice a hyphen or apostrophe with 12
MIN_WORDS = 3
DEFAULT_WORDS: Mapping[SectionName, int] = {
    SectionName.CHIEF_COMPLAINT: 20,
    SectionName.EMOTIONAL_STATE: 16,
    SectionName.INTERVENTION: 18,
    SectionName.PLAN: 16,
}
"""The most words of each section: enough that a sentence mostly ends by itself; ``fitting`` brings the note within 70."""
LONG_WORDS: Mapping[SectionName, int] = {name: 2 * most for name, most in DEFAULT_WORDS.items()}
"""The same for a note of up to 150 words."""

_OPENINGS: Mapping[SectionName, tuple[str, ...]] = {
    SectionName.CHIEF_COMPLAINT: ("The client reports ", "The client talked about "),
    SectionName.EMOTIONAL_STATE: ("The client feels ", "The client felt "),
    SectionName.INTERVENTION: (
        "The therapist suggested ", "The therapist asked ", "The therapist explored ", "The therapist helped ", "The therapist used ",
    ),
    SectionName.PLAN: ("The client will ", "The therapist will ", "They agreed "),
}  # fmt: skip
"""How a section begins: it keeps a small model reporting where it would go on talking."""

_WORDS = r"""word ::= core [,;]?
core ::= letter{1,16} (['’-] letter{1,12}){0,2}
sep ::= " "
letter ::= [a-zA-Z0-9À-ɏ%]
"""


def note_grammar(words: Mapping[SectionName, int] = DEFAULT_WORDS) -> str:
    """The grammar of a whole completion: the four sections a model writes, each within ``words`` words."""
    body = ' "\\n" '.join(f'"**{name}:** " {_rule(name)}' for name in MODEL_SECTIONS)
    sections = "\n".join(f"{_rule(name)} ::= {_text(name, words)}" for name in MODEL_SECTIONS)
    return f"root ::= {body}\n{sections}\n{_WORDS}"


def section_grammar(section: SectionName, words: Mapping[SectionName, int] = DEFAULT_WORDS) -> str:
    """The grammar of one section behind a prefilled heading: a space and its text. Raises ``KeyError`` for Risk."""
    return f'root ::= " " text\ntext ::= {_text(section, words)}\n{_WORDS}'


def max_characters(section: SectionName, words: Mapping[SectionName, int] = DEFAULT_WORDS) -> int:
    """The hard cap, in characters, that a section cannot pass."""
    return max(map(len, _OPENINGS[section])) + words[section] * (WORD_LETTERS + 3)


def _rule(section: SectionName) -> str:
    return section.lower().replace(" ", "-")


def _text(section: SectionName, words: Mapping[SectionName, int]) -> str:
    """Say "Not discussed." or one sentence with the section's opening; a long section has room for one more of any kind."""
    openings = " | ".join(f'"{opening}"' for opening in _OPENINGS[section])
    first = min(words[section], DEFAULT_WORDS[section])
    rest = words[section] - first
    more = f' (" " [A-Z] {_sentence(rest)})?' if rest > MIN_WORDS + 1 else ""
    opened = max(len(opening.split()) for opening in _OPENINGS[section])
    return f'"Not discussed." | ({openings}) {_sentence(first - opened)}{more}'


def _sentence(words: int) -> str:
    """At least ``MIN_WORDS`` and at most ``words`` of them, and a full stop."""
    return f'word (sep word){{{MIN_WORDS - 2},{words - 2}}} sep core "."'
