"""Evidence: the spans that carry a sentence, and how well."""

from __future__ import annotations

import pytest
from hypothesis import given

from orchestrator.domain import evidence, fallback
from orchestrator.domain.evidence import Vectors
from orchestrator.domain.note import NOT_DISCUSSED, Author, Sentence, Support
from orchestrator.domain.transcript import parse
from tests.properties.speech import CLIENT_SAYS, anything

SESSION = parse("""Therapist: How long has the sleep been this bad?
Client: About two weeks. I lie awake and the Zoloft does nothing.
Therapist: Let's try the worry diary, ten minutes every evening.
Client: My sister Rosa said the same. I will try it.""")


def model(text):
    """A sentence that a model wrote, not judged yet."""
    return Sentence(text=text, author=Author.MODEL, support=Support.UNSUPPORTED)


def judged(text, vectors=None):
    """The sentence as judged before the session: its support and the quotes of its evidence."""
    (sentence,) = evidence.support([model(text)], SESSION, vectors)
    return sentence.support, [span.quote for span in sentence.evidence]


@pytest.mark.parametrize(
    ("text", "quotes"),
    [
        (
            "The client will try the worry diary every evening.",
            ["Let's try the worry diary, ten minutes every evening."],
        ),
        ("Bad sleep for a fortnight.", ["How long has the sleep been this bad?", "About two weeks."]),
        (
            "The sister Rosa, and bad sleep.",
            ["How long has the sleep been this bad?", "My sister Rosa said the same."],
        ),
        ("The client takes sertraline.", ["I lie awake and the Zoloft does nothing."]),
    ],
)
def test_what_was_said_is_supported(text, quotes):
    """The spans that carry the sentence come with it, in the order of the session, also where it was said in other words."""
    assert judged(text) == (Support.SUPPORTED, quotes)


def test_what_was_not_said_is_not_supported():
    """A sentence about something else has no evidence."""
    assert judged("The client plans a holiday in Portugal with old colleagues.") == (Support.UNSUPPORTED, [])


def test_a_little_in_common_is_an_inference():
    """Part of the wording makes an inference, with the span it leans on."""
    support, quotes = judged("The client struggles with insomnia and worry about the examination results.")
    assert support is Support.INFERRED
    assert quotes


def test_vectors_find_what_was_said_in_other_words():
    """A sentence without a word in common is carried by the piece that means the same."""
    piece = SESSION.span(SESSION.turns[1], SESSION.turns[1].said_start, SESSION.turns[1].said_end)
    other = SESSION.span(SESSION.turns[0], SESSION.turns[0].said_start, SESSION.turns[0].said_end)
    near = Vectors(sentences=[[1.0, 0.0]], pieces=[(other, [0.0, 1.0]), (piece, [0.8, 0.6])])
    far = Vectors(sentences=[[0.0, -1.0]], pieces=near.pieces)
    assert judged("Tearful throughout.") == (Support.UNSUPPORTED, [])
    assert judged("Tearful throughout.", near) == (Support.INFERRED, [piece.quote])
    assert judged("Tearful throughout.", far) == (Support.UNSUPPORTED, [])


def test_sentences_with_their_own_evidence_keep_it():
    """What a rule quoted, and "Not discussed.", are not judged again."""
    quoted = fallback.report(SESSION.span(SESSION.turns[0], SESSION.turns[0].said_start, SESSION.turns[0].said_end))
    nothing = Sentence(text=NOT_DISCUSSED, author=Author.MODEL, support=Support.INFERRED)
    assert evidence.support([quoted, nothing], SESSION) == (quoted, nothing)


@given(anything)
def test_evidence_is_always_exact(text):
    """Whatever the session, every span is a piece of it, at most three, in order; a sentence of the session is supported by it."""
    transcript = parse(text)
    for sentence in evidence.support([model(words) for words in CLIENT_SAYS], transcript):
        assert all(text[span.start : span.end] == span.quote for span in sentence.evidence)
        assert [s.start for s in sentence.evidence] == sorted(s.start for s in sentence.evidence)
        assert len(sentence.evidence) <= evidence.MOST_SPANS
        assert (sentence.support is Support.SUPPORTED) <= bool(sentence.evidence)


def test_a_longer_session_asks_for_more():
    """The more passages there are, the less a cover by chance counts."""
    assert evidence.strength(0.5, 10) == evidence.strength(0.5, 32) > evidence.strength(0.5, 320)
