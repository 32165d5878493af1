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
                re.escape(literal.replace("\\n", "\n")) if literal else f"(?:{expand(rules[name])})" if name else chars or times or other
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


@given(st.data(), st.sampled_from(grammar.MODEL_SECTIONS), st.sampled_from([grammar.DEFAULT_WORDS, grammar.LONG_WORDS]))
def test_every_section_a_grammar_allows_is_short_and_read_back(data, section, words):
    """Whatever the grammar lets through is within its words and characters, and one clean section."""
    text = data.draw(st.from_regex(as_pattern(grammar.section_grammar(section, words)), fullmatch=True))
    assert text.startswith(" ")
    assert len(text.split()) <= words[section]
    assert len(text) <= grammar.max_characters(section, words)
    assert completion.parse_section(text, section).sections == {section: text[1:]}


def test_risk_has_no_grammar():
    """Risk is never a model's to write."""
    assert SectionName.RISK not in grammar.MODEL_SECTIONS
    assert "Risk" not in grammar.note_grammar()
    with pytest.raises(KeyError):
        grammar.section_grammar(SectionName.RISK)
