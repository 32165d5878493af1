"""The learned half: what the encoder is shown, which sentences become findings, and how they join the rules'."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from orchestrator.domain import risk
from orchestrator.domain.note import RiskCategory, RiskStatus, Source
from orchestrator.domain.risk import pieces
from orchestrator.domain.risk.classifier import Head
from orchestrator.domain.transcript import parse

RISKY, CALM = (1.0, 0.0), (0.0, 1.0)

# Says "risky" of the first coordinate of a vector of two.
HEAD = Head(
    risk_weight=np.array([4.0, -4.0], np.float32),
    risk_bias=0.0,
    category_weight=np.array([[1.0, 0.0], [0.0, 1.0]], np.float32),
    category_bias=np.zeros(2, np.float32),
    status_weight=np.zeros((1, 2), np.float32),
    status_bias=np.zeros(1, np.float32),
    categories=(RiskCategory.SELF_HARM, RiskCategory.OTHER),
    statuses=(RiskStatus.PRESENT_ACTIVE,),
    threshold=1.0,
    margin=1.0,
)


def learned(dialogue: str, risky: str) -> list[tuple[str, str, str]]:
    """Sentence, category and status of the findings when all texts that hold ``risky`` are embedded as risky."""
    transcript = parse(dialogue)
    cut = risk.cut(transcript)
    suspicions = risk.suspect(cut, [RISKY if risky in piece.text else CALM for piece in cut], HEAD)
    said = [text for suspicion in suspicions for text in suspicion.texts]
    vectors = [RISKY if risky in text.split(pieces.BREAK)[1] else CALM for text in said]
    found = risk.classify(transcript, suspicions, vectors, HEAD)
    assert all(finding.review and finding.source is Source.CLASSIFIER for finding in found)
    return [(finding.span.quote, finding.category.value, finding.status.value) for finding in found]


def test_the_sentence_that_carries_a_suspicion_becomes_the_finding():
    """Only the responsible sentence of a suspicious turn is marked, and for review."""
    dialogue = (
        "Therapist: How are the roses?\nClient: Fine. I gave the shears a job they were not made for. Then it rained."
    )
    assert learned(dialogue, "shears") == [
        ("I gave the shears a job they were not made for.", "self_harm", "present_active")
    ]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("When I was 15 the shears had another job.", "historical"),
        ("If ever it got so bad again, there are the shears.", "hypothetical"),
    ],
)
def test_the_context_rules_correct_the_status_that_the_head_guesses(said, status):
    """What is plainly over, or only feared, is not called present."""
    assert learned(f"Client: {said}", "shears") == [(said, "self_harm", status)]


def test_a_calm_session_holds_no_suspicion():
    """Below the threshold nothing is said."""
    assert learned("Therapist: Good week?\nClient: Lovely. We had soup.", "shears") == []


def test_no_text_no_vectors_no_findings():
    """An empty transcript is nothing to classify."""
    assert risk.suspect((), [], HEAD) == ()
    assert risk.classify(parse(""), (), [], HEAD) == ()


def test_what_both_engines_see_is_the_rules_finding():
    """The rules decide category and status; the finding says that both saw it."""
    transcript = parse("Client: I want to kill myself.")
    (ruled,) = risk.find(transcript)
    cut = risk.cut(transcript)
    found = risk.classify(transcript, risk.suspect(cut, [RISKY], HEAD), [], HEAD)
    (both,) = risk.merge([ruled], found)
    assert (both.category, both.status, both.source, both.review) == (ruled.category, ruled.status, Source.BOTH, False)


def test_a_denial_that_the_classifier_doubts_is_kept_and_marked():
    """Where the engines disagree, the finding stays and a human is asked to look."""
    transcript = parse("Client: I would never kill myself.")
    cut = risk.cut(transcript)
    found = risk.classify(transcript, risk.suspect(cut, [RISKY], HEAD), [], HEAD)
    (doubted,) = risk.merge(risk.find(transcript), found)
    assert (doubted.status, doubted.review) == (RiskStatus.DENIED, True)


def test_merging_drops_nothing():
    """Every sentence that either engine found is in the result, in the order of the transcript."""
    transcript = parse("Client: The shears again. I want to kill myself. The shears.")
    cut = risk.cut(transcript)
    found = risk.classify(transcript, risk.suspect(cut, [RISKY], HEAD), [RISKY, RISKY, RISKY], HEAD)
    merged = risk.merge(risk.find(transcript), found)
    assert [finding.span.quote for finding in merged] == ["The shears again.", "I want to kill myself.", "The shears."]


@given(st.text(max_size=2000))
def test_a_piece_fits_the_encoder_in_any_script(text):
    """No text for the encoder is longer than 512 characters, and so than 512 tokens."""
    for piece in pieces.cut(parse(text)):
        assert len(piece.text) <= 512
        assert all(len(piece.sentence(span)) <= 512 for span in piece.spans)


def test_a_therapists_question_is_context_and_no_piece_of_its_own():
    """The question stands before the answer; what a therapist says of themselves is looked at all the same."""
    cut = pieces.cut(parse("Therapist: Where will you go?\nClient: Away.\nTherapist: I see you there."))
    assert [piece.text for piece in cut] == ["Where will you go? > Away. > I see you there."]
    swapped = pieces.cut(parse("Therapist: I have nothing left.\nClient: Tell me more about it?"))
    assert "I have nothing left." in swapped[0].text


def test_a_long_turn_is_cut_between_sentences():
    """Every sentence of a long turn is in exactly one piece."""
    said = [f"This is what happened on day {number} of the long journey home." for number in range(30)]
    cut = pieces.cut(parse(f"Client: {' '.join(said)}"))
    assert len(cut) > 3
    assert [span.quote for piece in cut for span in piece.spans] == said
