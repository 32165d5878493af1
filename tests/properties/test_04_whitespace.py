"""Property 4: white space is normalised, once and for all, and nothing else is touched."""

from __future__ import annotations

from hypothesis import given

from orchestrator.domain.preprocess import dialogue, normalize_whitespace
from orchestrator.domain.transcript import parse
from tests.properties.speech import anything, sessions


@given(anything)
def test_normalizing_twice_is_normalizing_once(text):
    """The second time changes nothing."""
    once = normalize_whitespace(text)
    assert normalize_whitespace(once) == once


@given(anything)
def test_no_double_blank_is_left(text):
    """Single spaces, single line breaks, nothing at the ends, no control character."""
    text = normalize_whitespace(text)
    assert text == text.strip()
    assert not any(pair in text for pair in ("  ", "\n\n", " \n", "\n ", "\r", "\t", "\x00", "\xa0"))


@given(sessions())
def test_words_and_turns_stay(text):
    """The words are the same in the same order, and so are the turns and who speaks in them."""
    normal = normalize_whitespace(text)
    assert normal.split() == text.split()
    before, after = parse(text), parse(normal)
    assert [(t.speaker, t.label) for t in after.turns] == [(t.speaker, t.label) for t in before.turns]
    assert dialogue(after) == dialogue(before)


@given(sessions())
def test_a_dialogue_holds_one_line_a_turn(text):
    """What a model reads has one line for each turn, with plain labels."""
    lines = dialogue(parse(text)).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [("Therapist", "Client")[i % 2] for i in range(len(lines))]
    assert [line.partition(": ")[2] for line in lines] == [
        " ".join(parse(text).said(t).split()) for t in parse(text).turns
    ]
