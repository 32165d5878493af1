"""Grammars: the form they promise, read back by a small GBNF matcher and by the parser of completions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from orchestrator.domain import completion, grammar
from orchestrator.domain.note import SectionName


def as_pattern(gbnf):
    """The regular expression of a grammar without recursion: every rule put in place of its name."""
    rules = dict(line.split(" ::= ", 1) for line in gbnf.strip().splitlines())
    token = re.compile(r'"((?:\\.|[^"\\])*)"|(\[[^\]]+\])|([a-z][a-z-]*)|(\{\d+,\d+\})|([()|?])|\s+')

    def expand(body):
        parts = []
        for literal, chars, name, times, other in token.findall(body):
            parts.append(
                re.escape(literal.replace("\\n", "\n"))
                if literal
                else f"(?:{expand(rules[name])})"
                if name
                else chars or times or other
            )
        return "".join(parts)

    return re.compile(expand(rules["root"]))


@pytest.fixture(scope="module")
def note():
    """What the default note grammar accepts."""
    return as_pattern(grammar.note_grammar())


GOOD = (
    "**Chief Complaint:** The client reports poor sleep since the move.\n"
    "**Emotional State:** The client feels tired, can't rest.\n"
    "**Intervention:** Not discussed.\n"
    "**Plan:** They agreed to meet on 3 May."
)


def test_a_note_in_form_is_accepted(note):
    """Four sections with their openings, or "Not discussed.", parse into themselves."""
    assert note.fullmatch(GOOD)
    assert completion.parse(GOOD).problems == ()


@pytest.mark.parametrize(
    "bad",
    [
        GOOD.replace("Not discussed.", ""),
        GOOD.replace("**Plan:**", "**Risk:**"),
        GOOD.replace("The client feels", "I feel"),
        GOOD.replace("3 May.", "3 May"),
        GOOD.replace("tired", "थका"),
        GOOD.replace("tired", "<|im_end|>"),
        GOOD.replace("sleep", "{{RED:sleep}}"),
        GOOD.replace("sleep", "Client: sleep"),
        GOOD.replace("sleep", "s" * 40),
        GOOD.replace("sleep", "sleep " * 30 + "sleep"),
        GOOD + "\n",
    ],
)
def test_nothing_else_is_accepted(note, bad):
    """No other heading, script, marker, special token, label, and no word or section without end."""
    assert not note.fullmatch(bad)


OPENING = {
    "Chief Complaint": "The client talked about",
    "Emotional State": "The client feels",
    "Intervention": "The therapist asked",
    "Plan": "The client will",
}
PATTERNS = {
    (name, long): as_pattern(grammar.section_grammar(name, grammar.LONG_WORDS if long else grammar.DEFAULT_WORDS))
    for name in grammar.MODEL_SECTIONS
    for long in (False, True)
}
some_words = st.lists(st.sampled_from(["a", "calmly,", "one-to-one", "can't", "José", "20%"]), max_size=24)


@given(st.sampled_from(grammar.MODEL_SECTIONS), some_words, some_words, st.booleans())
def test_every_section_a_grammar_allows_is_short_and_read_back(section, first, second, long):
    """A section is accepted exactly when each of its sentences is within its words, and then it is one clean section."""
    words = grammar.LONG_WORDS if long else grammar.DEFAULT_WORDS
    text = f" {OPENING[section]} {' '.join([*first, 'on'])}." + (
        f" Also {' '.join([*second, 'on'])}." if second else ""
    )
    within = 2 <= len(first) < grammar.DEFAULT_WORDS[section] - len(OPENING[section].split())
    if second:
        within = within and long and 1 <= len(second) <= grammar.DEFAULT_WORDS[section] - 2
    assert bool(PATTERNS[section, long].fullmatch(text)) is within
    if within:
        assert len(text.split()) <= words[section]
        assert len(text) <= grammar.max_characters(section, words)
        assert completion.parse_section(text, section).sections == {section: text[1:]}


def test_risk_has_no_grammar():
    """Risk is never a model's to write."""
    assert SectionName.RISK not in grammar.MODEL_SECTIONS
    assert "Risk" not in grammar.note_grammar()
    with pytest.raises(KeyError):
        grammar.section_grammar(SectionName.RISK)
