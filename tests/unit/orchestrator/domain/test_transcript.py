"""Transcripts: labels of every kind, exact offsets, speakers by content, bounded time."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, strategies as st

from orchestrator.domain import punctuation
from orchestrator.domain.transcript import Speaker, fold, parse, sentences, words
from tests.properties.speech import CLIENT_SAYS, LABELS, THERAPIST_SAYS, anything, sessions

THERAPIST, CLIENT, OTHER, UNKNOWN = Speaker.THERAPIST, Speaker.CLIENT, Speaker.OTHER, Speaker.UNKNOWN


def said(text):
    """What ``parse`` makes of a text: speaker and words of every turn."""
    transcript = parse(text)
    return [(turn.speaker, transcript.said(turn)) for turn in transcript.turns]


@given(anything)
def test_spans_of_turns_rebuild_the_text(text):
    """Not a character is lost or moved, whatever the text is."""
    turns = parse(text).turns
    assert "".join(text[turn.start : turn.end] for turn in turns) == text
    assert [turn.number for turn in turns] == list(range(1, len(turns) + 1))
    assert all(t.start <= t.said_start <= t.said_end <= t.end for t in turns)


@given(anything)
def test_sentences_lie_inside_their_turn_and_lose_no_word(text):
    """Sentences are exact spans, in order, bounded, and together hold everything but white space."""
    transcript = parse(text)
    for turn in transcript.turns:
        found = sentences(transcript, turn)
        assert all(text[s.start : s.end] == s.quote and s.quote == s.quote.strip() for s in found)
        assert all(0 < len(s.quote) <= punctuation.MAX_SENTENCE for s in found)
        assert all(a.end <= b.start for a, b in itertools.pairwise(found))
        assert "".join("".join(s.quote for s in found).split()) == "".join(transcript.said(turn).split())


@given(sessions())
def test_labelled_sessions_have_their_turns_and_speakers(text):
    """Each labelled turn is one turn, therapist and client in alternation."""
    assert [speaker for speaker, _ in said(text)] == [(THERAPIST, CLIENT)[i % 2] for i in range(len(said(text)))]
    assert [words for _, words in said(text)] == [w for _, w in said(text) if w in THERAPIST_SAYS + CLIENT_SAYS]


@given(sessions(least=4))
def test_labels_in_mid_line_cut_turns(text):
    """Recordings joined by a space keep their turns, bare names too where they come back."""
    assert said(" ".join(text.split())) == [(who, " ".join(words.split())) for who, words in said(text)]


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("Hello.\nI am sad.\n", [(UNKNOWN, "Hello."), (UNKNOWN, "I am sad.")]),
        ("[00:12] Hello.\n[00:15] I am sad.", [(UNKNOWN, "Hello."), (UNKNOWN, "I am sad.")]),
        ("just one line", [(UNKNOWN, "just one line")]),
        ("", []),
        (" \n ", [(UNKNOWN, "")]),
        ("[doctor] hi .\n[patient] ok", [(THERAPIST, "hi ."), (CLIENT, "ok")]),
        ("Therapist (00:12): Hi\nClient (00:14): Hey", [(THERAPIST, "Hi"), (CLIENT, "Hey")]),
        ("00:00:01.000 --> 00:00:04.000\n<v Therapist>Hi\n", [(THERAPIST, "Hi")]),
        ("Therapist - How are you?\nClient - bad", [(THERAPIST, "How are you?"), (CLIENT, "bad")]),
        ("THERAPIST\nHow are you?\nCLIENT\nI am bad\n", [(THERAPIST, "How are you?"), (CLIENT, "I am bad")]),
        (
            "C: How did that feel for you?\nP: I can't sleep",
            [(THERAPIST, "How did that feel for you?"), (CLIENT, "I can't sleep")],
        ),
        (
            "Session 4\nDate: May\nTherapist: a\nClient: b",
            [(UNKNOWN, "Session 4\nDate: May"), (THERAPIST, "a"), (CLIENT, "b")],
        ),
        (
            "Mum: He is ill.\nTherapist: I see.\nTom: I don't know",
            [(OTHER, "He is ill."), (THERAPIST, "I see."), (CLIENT, "I don't know")],
        ),
        (
            "Therapist: Hi.\nClient: Note: I wrote it.\nNote: all of it.",
            [(THERAPIST, "Hi."), (CLIENT, "Note: I wrote it.\nNote: all of it.")],
        ),
        (
            "Client: I told my Therapist: stop. Therapist: I see.",
            [(CLIENT, "I told my Therapist: stop."), (THERAPIST, "I see.")],
        ),
        ("\ufeffTherapist: a\r\nClient: b\r\n", [(THERAPIST, "a"), (CLIENT, "b")]),
        ("Therapist：你好。\n患者：我很累。", [(THERAPIST, "你好。"), (CLIENT, "我很累。")]),
    ],
)
def test_shapes_of_transcripts(text, turns):
    """The shapes that recorders, transcribers and people write are all understood."""
    assert said(text) == turns


def test_names_are_told_apart_by_what_they_say():
    """Two bare names become therapist and client by content; with nothing to tell, both stay unknown."""
    text = "Maya: How was your week? Omar: I slept badly and I can't eat. Maya: Tell me more. Omar: It is hard."
    assert [who for who, _ in said(text)] == [THERAPIST, CLIENT, THERAPIST, CLIENT]
    assert [who for who, _ in said("Maya: Rain.\nOmar: Snow.")] == [UNKNOWN, UNKNOWN]
    assert [who for who, _ in said("Speaker 1: Rain.\nClient: Snow.")] == [THERAPIST, CLIENT]


def _swapped(text):
    return text.replace("Therapist:", "@").replace("Client:", "Therapist:").replace("@", "Client:")


LONG = "\n".join(f"Therapist: {THERAPIST_SAYS[i % 6]}\nClient: {CLIENT_SAYS[(0, 1, 2, 6)[i % 4]]}" for i in range(8))


def test_plainly_swapped_labels_are_undone():
    """When everything labelled client asks and everything labelled therapist suffers, the speakers are exchanged."""
    assert [who for who, _ in said(_swapped(LONG))] == [THERAPIST, CLIENT] * 8


def test_labels_that_swap_half_way_are_undone_from_there():
    """A transcriber that swaps its labels on a silence is corrected from that point on."""
    assert [who for who, _ in said(LONG + "\n" + _swapped(LONG))] == [THERAPIST, CLIENT] * 16


def test_one_odd_turn_is_no_swap():
    """A client who asks once stays the client."""
    text = LONG + "\nClient: Could you tell me how you would do that?"
    assert said(text)[-1][0] is CLIENT


@pytest.mark.parametrize(
    "text",
    [
        "a" * 300_000,
        " " * 300_000,
        ": " * 150_000,
        "Ab: " * 75_000,
        "T:" * 150_000,
        "\n" * 150_000,
        "[" * 300_000,
        "1:" * 150_000,
        "00:12 " * 50_000,
        "." * 300_000,
        "how you " * 40_000,
        "“" * 300_000,
        "Therapist" * 33_000,
    ],
    ids=lambda text: repr(text[:9]),
)
def test_time_is_bounded_on_hostile_input(text):
    """Sixty thousand tokens of anything, on one line, are parsed and cut into sentences in seconds."""
    started = time.perf_counter()
    transcript = parse(text)
    for turn in transcript.turns:
        sentences(transcript, turn)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Hale saw me at 10 a.m. today. It helped.", ["Dr. Hale saw me at 10 a.m. today.", "It helped."]),
        ("I just… don't know. Really?! Yes.", ["I just… don't know.", "Really?!", "Yes."]),
        ("She said “stop.” I did.", ["She said “stop.”", "I did."]),
        ("मैं थक गया। बस।", ["मैं थक गया।", "बस।"]),
        ("It costs 2.50 now", ["It costs 2.50 now"]),
        ("one\ntwo", ["one", "two"]),
    ],
)
def test_where_sentences_end(text, expected):
    """Abbreviations, numbers, trailing dots and quotes do not end a sentence; other scripts' stops do."""
    transcript = parse(text) if "\n" not in text else parse(f"Client: {text}")
    assert [s.quote for turn in transcript.turns for s in sentences(transcript, turn)] == expected


def test_turn_at_an_offset():
    """Every code point belongs to one turn, and none beyond the text."""
    transcript = parse(LONG)
    assert all(transcript.turn_at(turn.start) == turn == transcript.turn_at(turn.end - 1) for turn in transcript.turns)
    for outside in (-1, len(LONG)):
        with pytest.raises(IndexError):
            transcript.turn_at(outside)


@given(st.text())
def test_folding_keeps_every_offset(text):
    """Folded text is as long as the text."""
    assert len(fold(text)) == len(text)


def test_words_are_folded():
    """Words are lower case, with straight apostrophes, in any script."""
    assert words("I CAN’T, self‑care! थेरेपिस्ट 2 x_y") == ["i", "can't", "self-care", "थेरेपिस्ट", "2", "x", "y"]
    assert all(len(labels) == 2 for labels in LABELS)
