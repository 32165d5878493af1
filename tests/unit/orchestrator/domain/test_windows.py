"""Windows: a long session in parts that fit, with nothing left out."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from orchestrator.domain import windows
from orchestrator.domain.preprocess import dialogue
from orchestrator.domain.transcript import parse
from tests.properties.speech import anything, sessions


@given(st.one_of(sessions(), anything), st.integers(40, 200))
def test_windows_hold_everything_in_order_within_the_budget(text, room):
    """All that was said is in the windows, once, in order; no window is over its budget; coverage is 1."""
    transcript = parse(text)
    planned = windows.plan(transcript, budget_tokens=room + 100, tokens_per_char=0.5, instruction_tokens=100)
    shown = "".join(text[start:end] for window in planned for _, start, end in window.pieces)
    assert "".join(shown.split()) == "".join("".join(transcript.said(turn) for turn in transcript.turns).split())
    assert all(len(dialogue(transcript, window.pieces)) * 0.5 <= room for window in planned)
    assert [window.number for window in planned] == list(range(1, len(planned) + 1))
    assert windows.coverage(transcript, planned) == 1.0


@given(sessions(least=8))
def test_coverage_tells_what_is_missing(text):
    """Without its last window a session is covered in part, without any not at all."""
    transcript = parse(text)
    planned = windows.plan(transcript, budget_tokens=200, tokens_per_char=1.0, instruction_tokens=50)
    assert len(planned) > 1
    assert 0 < windows.coverage(transcript, planned[:-1]) < 1
    assert windows.coverage(transcript, ()) == 0


def test_a_common_session_is_one_window():
    """What fits one prompt is not cut."""
    transcript = parse("Therapist: How are you?\nClient: Fine, thanks. I slept.")
    (window,) = windows.plan(transcript)
    assert [(turn.number, start, end) for turn, start, end in window.pieces] == [(1, 11, 23), (2, 32, 54)]


def test_a_long_turn_is_cut_between_sentences():
    """A turn longer than a window is cut where a sentence ends, and its label is repeated in the next window."""
    transcript = parse("Client: " + " ".join(f"This is sentence number {i}." for i in range(40)))
    planned = windows.plan(transcript, budget_tokens=140, tokens_per_char=0.25, instruction_tokens=40)
    texts = [dialogue(transcript, window.pieces) for window in planned]
    assert len(texts) > 1
    assert all(text.startswith("Client: This is sentence") and text.endswith(".") for text in texts)


def test_a_session_without_words_is_covered():
    """Nothing was said, so nothing is missing."""
    assert windows.plan(parse("Therapist:\nClient:\n")) == ()
    assert windows.coverage(parse(""), ()) == 1.0


def test_no_room_is_refused():
    """A budget that the instructions use up is an error, not an endless plan."""
    assert windows.plan(parse("hello"), budget_tokens=90, instruction_tokens=50)
    with pytest.raises(ValueError, match="leaves 39"):
        windows.plan(parse("hello"), budget_tokens=89, instruction_tokens=50)
