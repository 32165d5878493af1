"""What holds for the findings of any transcript."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, strategies as st

from orchestrator.domain import risk
from orchestrator.domain.note import NOT_DISCUSSED, Author, RiskCategory, RiskFinding, RiskStatus, Source
from orchestrator.domain.transcript import parse, sentences

DISCLOSURES = (
    "I want to kill myself.",
    "They'd be better off without me.",
    "I've been saving up my tablets.",
    "He hits me when he's been drinking.",
    "I cut my arms again last night.",
    "I’m tired of living — honestly.",
)
NEUTRAL = (
    "The garden is coming on.",
    "We had soup on Sunday.",
    "Work has been busy, and my sister visited.",
    "I slept well.",
    "The bus was late again.",
    "Mum likes her new flat.",
)
LABELS = ("Therapist", "Client", "T", "C", "Dr. Amari", "Joel")
turns = st.tuples(st.sampled_from(LABELS), st.lists(st.sampled_from(DISCLOSURES + NEUTRAL), min_size=1, max_size=4))


def dialogue_of(said: list[tuple[str, list[str]]]) -> str:
    return "\n".join(f"{label}: {' '.join(parts)}" for label, parts in said)


@given(st.one_of(st.text(max_size=400), st.lists(turns, max_size=8).map(dialogue_of)))
def test_a_span_is_the_words_of_the_transcript_and_one_sentence_at_most(text):
    """Spans and terms quote the stored text exactly, inside one sentence of their turn."""
    transcript = parse(text)
    for finding in risk.find(transcript):
        for span in (finding.span, *finding.terms):
            assert text[span.start : span.end] == span.quote
        turn = transcript.turns[finding.span.turn - 1]
        assert finding.span in sentences(transcript, turn)
        assert all(finding.span.start <= term.start < term.end <= finding.span.end for term in finding.terms)


@given(
    st.lists(st.tuples(st.sampled_from(LABELS), st.lists(st.sampled_from(NEUTRAL), min_size=1)), max_size=8).map(
        dialogue_of
    )
)
def test_without_risk_nobody_denies_anything(text):
    """A transcript without risk has the Risk section "Not discussed.", never a denial."""
    transcript = parse(text)
    (only,) = risk.section(risk.find(transcript))
    assert (only.text, only.author, only.evidence) == (NOT_DISCUSSED, Author.RULE, ())


@given(
    st.sampled_from(DISCLOSURES),
    st.lists(st.sampled_from(NEUTRAL), max_size=6),
    st.lists(st.sampled_from(NEUTRAL), max_size=6),
)
def test_neutral_turns_around_a_disclosure_change_nothing(disclosure, before, behind):
    """What is said of soup and buses neither hides a risk nor makes one graver."""
    alone = [(f.category, f.status, f.span.quote) for f in risk.find(parse(f"Client: {disclosure}"))]
    lines = [*[f"Client: {said}" for said in before], f"Client: {disclosure}", *[f"Client: {said}" for said in behind]]
    among = [(f.category, f.status, f.span.quote) for f in risk.find(parse("\n".join(lines)))]
    assert alone
    assert among == alone


@given(st.sampled_from(DISCLOSURES), st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=12))
def test_the_label_of_a_turn_never_suppresses(disclosure, label):
    """Whatever a speaker is called, what was said is found."""
    assert risk.find(parse(f"{label}: {disclosure}\nOther: I see."))


@pytest.mark.parametrize(
    "text",
    [
        "not " * 20_000,
        "a" * 200_000,
        "I want to kill myself " * 5_000,
        "don't want to " * 8_000,
        "\n" * 50_000,
        "i " * 60_000,
    ],
    ids=["negations", "one word", "one sentence", "half phrases", "lines", "subjects"],
)
def test_hostile_input_takes_bounded_time(text):
    """Twice the text takes about twice the time: no pattern explodes."""
    started = time.perf_counter()
    risk.find(parse(text[: len(text) // 2]))
    half = time.perf_counter() - started
    started = time.perf_counter()
    risk.find(parse(text))
    assert time.perf_counter() - started < 4 * half + 1


@given(st.lists(turns, max_size=12).map(dialogue_of))
def test_the_section_is_short_and_each_sentence_has_evidence(text):
    """However much was found, the Risk section leaves room for the rest of the note, and says where it comes from."""
    transcript = parse(text)
    written = risk.section(risk.find(transcript))
    assert sum(len(sentence.text.split()) for sentence in written) <= 100
    assert all(sentence.evidence or sentence.text == NOT_DISCUSSED for sentence in written)
    assert all("denies" not in sentence.text for sentence in written) or any(
        finding.status is RiskStatus.DENIED for finding in risk.find(transcript)
    )


def test_the_gravest_finding_comes_first():
    """What is present now stands before what is over, and denials stand last."""
    transcript = parse(
        "Therapist: Any thoughts of hurting anyone?\nClient: No. Years ago I took an overdose. And I want to kill myself."
    )
    texts = [sentence.text for sentence in risk.section(risk.find(transcript))]
    assert texts[0].startswith("Present, active: suicidal thoughts")
    assert texts[1].startswith("In the past: overdose")
    assert texts[-1] == "Client denies harm to others."


def _classified(transcript, quote, status=RiskStatus.PRESENT_ACTIVE):
    """A finding of the classifier alone on ``quote``."""
    start = transcript.text.index(quote)
    span = transcript.span(transcript.turn_at(start), start, start + len(quote))
    category = RiskCategory.SUICIDAL_IDEATION
    return RiskFinding(category=category, status=status, span=span, source=Source.CLASSIFIER, review=True)


def test_what_only_the_classifier_found_is_quoted_without_a_claim():
    """Two quotes and a count of the rest, and no word about what kind of risk it is."""
    transcript = parse("Client: I gave the cat away. The boots too. Then the radio. It was time.")
    findings = [_classified(transcript, text) for text in ("I gave the cat away.", "The boots too.", "Then the radio.")]
    (only,) = risk.section(findings)
    assert only.text == "To review: “I gave the cat away”; “The boots too” (and 1 more)."
    assert [span.quote for span in only.evidence] == ["I gave the cat away.", "The boots too.", "Then the radio."]


def test_what_the_rules_found_comes_before_what_is_to_be_reviewed():
    """The claim first, then the quotes, then what was denied."""
    transcript = parse(
        "Therapist: Do you want to hurt anybody?\nClient: No. Some nights I think about suicide. I gave the cat away."
    )
    texts = [s.text for s in risk.section([*risk.find(transcript), _classified(transcript, "I gave the cat away.")])]
    assert [text.split(":")[0].split(" denies")[0] for text in texts] == ["Present, active", "To review", "Client"]


def test_what_is_present_is_not_denied_beside_it():
    """A denial and a disclosure of one kind in a session: the disclosure is told, the denial is left to the list."""
    transcript = parse(
        "Therapist: Any thoughts of suicide?\nClient: No.\nTherapist: And at night?\nClient: At night I want to kill myself."
    )
    findings = risk.find(transcript)
    assert {finding.status for finding in findings} >= {RiskStatus.DENIED, RiskStatus.PRESENT_ACTIVE}
    assert not any("denies" in sentence.text for sentence in risk.section(findings))
