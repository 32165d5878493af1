"""Guards: what a note may not claim unless it was said."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from orchestrator.domain import guards, risk, vocabulary
from orchestrator.domain.note import (
    NOT_DISCUSSED,
    Author,
    RiskCategory,
    RiskFinding,
    RiskStatus,
    SectionName,
    Sentence,
    Support,
)
from orchestrator.domain.transcript import Speaker, parse
from tests.properties.speech import CLIENT_SAYS, sessions

CHIEF, EMOTION, RISK, INTERVENTION, PLAN = SectionName
ROOT = Path(__file__).parents[4]

SESSION = parse("""Therapist: How long has it been, Rosa?
Client: About two weeks, “on and off”. I can’t sleep, and the Zoloft does nothing.
Therapist: Do you drink alcohol? Have you thought of hurting yourself?
Client: No, neither. I am 34 and a nurse in Leeds; I saw enough of that.
Therapist: Let's try the worry diary, ten minutes every evening, with automatic thoughts in one column.
Client: Fine. My brother Tom has depression, I know   diaries.""")
DENIED = RiskFinding(
    category=RiskCategory.SELF_HARM, status=RiskStatus.DENIED, span=SESSION.span(SESSION.turns[3], 0, 1)
)
PRESENT = RiskFinding(category=RiskCategory.SUICIDAL_IDEATION, status=RiskStatus.PRESENT_PASSIVE, span=DENIED.span)


def judged(text, section=CHIEF, findings=(), author=Author.MODEL):
    """A sentence after review."""
    sentence = Sentence(text=text, author=author, support=Support.UNSUPPORTED)
    return guards.review({section: [sentence]}, SESSION, findings)[section][0]


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("Sleepless for three weeks.", "number-not-said"),
        ("Client is 43 years old.", "number-not-said"),
        ("Client works with Miriam.", "name-not-said"),
        ("Sofia cannot sleep.", "name-not-said"),
        ("Client lives in Dover.", "name-not-said"),
        ("Client was seen by the GMC.", "name-not-said"),
        ("Client takes lithium.", "medication-not-said"),
        ("Client takes fluvotriptyline.", "medication-not-said"),
        ("Client has panic disorder.", "diagnosis-not-said"),
        ("Client denies cannabis use.", "denial-not-said"),
    ],
)
def test_what_was_not_said_is_marked(text, mark):
    """Numbers, names, medicines, diagnoses and denials that nobody said make a sentence unsupported."""
    assert mark in judged(text).marks
    assert judged(text).support is Support.UNSUPPORTED


@pytest.mark.parametrize(
    "text",
    [
        "Sleepless for a fortnight.",
        "Sleepless for 14 days.",
        "A 34-year-old nurse.",
        "Rosa cannot sleep.",
        "Rosa's brother Tom has depression.",
        "Client takes sertraline.",
        "Client takes an antidepressant.",
        "Client suffers from insomnia.",
        "Client denies drinking alcohol.",
        "Some CBT on Monday was mentioned.",
        "I've heard: the client works in Leeds.",
        NOT_DISCUSSED,
    ],
)
def test_what_was_said_in_any_words_is_not_marked(text):
    """The same quantity, medicine or diagnosis in other words passes."""
    assert judged(text).marks == ()


@pytest.mark.parametrize(
    ("text", "shown", "marks"),
    [
        ('Client said "I can\'t sleep".', 'Client said "I can’t sleep".', ()),
        ("Client said “i CAN'T sleep,”", 'Client said "I can’t sleep",', ()),
        ('Client said "the zoloft, does nothing."', 'Client said "the Zoloft does nothing".', ()),
        ('Client said "the zoloft did nothing".', "Client said the zoloft did nothing.", ("quote-not-said",)),
        ('Client said "I am lost" to us.', "Client said I am lost to us.", ("quote-not-said",)),
        ('Client said "Let\'s try the worry diary".', "Client said Let's try the worry diary.", ("quote-not-said",)),
        ("Client said «on and off».", 'Client said "on and off".', ()),
        ("The client's sister's 'worry diary'.", "The client's sister's worry diary.", ("quote-not-said",)),
        ('Client said "...".', "Client said ....", ("quote-not-said",)),
    ],
)
def test_a_quotation_is_the_clients_or_none(text, shown, marks):
    """Quoted words stand as the client said them; any other lose their quotation marks and the sentence is marked."""
    sentence = judged(text)
    assert (sentence.text, sentence.marks) == (shown, marks)


def test_rules_are_only_checked_for_quotes():
    """What a rule wrote is not doubted for its numbers or names, but its quotations are checked like any."""
    assert judged("Found on 12 May.", author=Author.RULE).marks == ()
    assert judged('Client said "never".', author=Author.RULE).marks == ("quote-not-said",)


@pytest.mark.parametrize(
    ("text", "findings", "marked"),
    [
        ("Client denies thoughts of hurting herself.", (), True),
        ("Client denies thoughts of hurting herself.", (DENIED,), False),
        ("Client denies suicidal ideation.", (DENIED,), False),
        ("Client denies suicidal ideation.", (DENIED, PRESENT), True),
        ("No suicidal ideation was reported.", (), True),
        ("No evidence of risk.", (), True),
        ("Without any suicidal intent.", (DENIED,), False),
        ("Client denies wanting to harm others.", (DENIED,), True),
        ("Client denies any abuse.", (DENIED,), True),
        ("Client denied an overdose.", (DENIED,), True),
        ("Nobody denies that sleep is bad.", (), False),
    ],
)
def test_a_denial_of_risk_needs_a_finding_that_says_so(text, findings, marked):
    """Nobody denies what nobody asked, nor what is present."""
    assert ("denial-not-said" in judged(text, findings=findings).marks) is marked


@pytest.mark.parametrize(
    ("section", "text", "marks"),
    [
        (PLAN, "Client will keep the worry diary every evening.", ()),
        (PLAN, "Client will join a choir in spring.", ("plan-not-said",)),
        (INTERVENTION, "Therapist suggested the worry diary.", ()),
        (INTERVENTION, "Therapist rehearsed assertive refusal.", ("intervention-not-said",)),
        (EMOTION, "Client is wistful throughout.", ()),
    ],
)
def test_plans_and_interventions_must_have_been_talked_about(section, text, marks):
    """Where models invent most, wording that nobody used is marked."""
    assert judged(text, section).marks == marks


@given(
    sessions(),
    st.lists(st.sampled_from([*CLIENT_SAYS, "I never said this", "nobody came: nobody", "a"]), min_size=1, max_size=3),
)
def test_every_quotation_left_is_in_a_clients_turn(text, quoted):
    """After review whatever stands in quotation marks occurs, letter for letter, in a client's turn."""
    transcript = parse(text)
    sentence = Sentence(
        text=" and ".join(f'"{words}"' for words in quoted), author=Author.MODEL, support=Support.INFERRED
    )
    (reviewed,) = guards.review({EMOTION: [sentence]}, transcript)[EMOTION]
    spoken = [transcript.said(turn) for turn in transcript.turns if turn.speaker is Speaker.CLIENT]
    left = reviewed.text.split('"')[1::2]
    assert all(any(words in turn for turn in spoken) for words in left)
    assert len(left) == len(quoted) or "quote-not-said" in reviewed.marks


def test_marks_have_meanings():
    """Every mark a sentence can get is explained."""
    everything = judged('Sofia denies cannabis and lithium for PTSD on 12 May, "truly".', PLAN)
    assert {*everything.marks, "intervention-not-said"} == set(guards.MARKS)


def test_planted_fabrications_are_marked_and_true_sentences_are_not():
    """Of the written controls at least 90 in 100 fabrications are marked, and at most 10 in 100 true sentences."""
    cases = [json.loads(line) for line in (ROOT / "bench/guards.jsonl").read_text(encoding="utf-8").splitlines()]
    marked: dict[bool, list[bool]] = {True: [], False: []}
    for session in {case["session"] for case in cases}:
        transcript = parse((ROOT / f"tests/data/{session}.txt").read_text(encoding="utf-8"))
        for truth, section in itertools.product(marked, SectionName):
            texts = [
                c["text"]
                for c in cases
                if (c["session"], c["section"], c["kind"] == "true") == (session, section, truth)
            ]
            sentences = [Sentence(text=text, author=Author.MODEL, support=Support.UNSUPPORTED) for text in texts]
            reviewed = guards.review({section: sentences}, transcript, risk.find(transcript))[section]
            marked[truth] += [bool(after.marks) or after.support is Support.UNSUPPORTED for after in reviewed]
    assert len(marked[False]) >= 100
    assert sum(marked[False]) / len(marked[False]) >= 0.90
    assert sum(marked[True]) / len(marked[True]) <= 0.10


@pytest.mark.parametrize(
    "name", ["medications", "diagnoses", "therapies", "names", "emotions", "interventions", "plans"]
)
def test_word_lists_are_clean(name):
    """Entries are folded, not empty, and no name stands twice in a group."""
    for group in vocabulary.entries(name):
        assert all(entry and entry == entry.strip().lower() for entry in (*group.names, *group.heard))
        assert len({*group.names, *group.heard}) == len(group.names) + len(group.heard)


def test_a_list_that_is_not_there_is_an_error():
    """No list is silently empty."""
    with pytest.raises(FileNotFoundError):
        vocabulary.entries("planets")
