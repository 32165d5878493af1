"""A draft and the findings made into a note: what is kept, what goes, and where a missing section comes from."""

from __future__ import annotations

from orchestrator.domain import risk
from orchestrator.domain.assembly import assemble
from orchestrator.domain.note import NOT_DISCUSSED, Author, SectionName, Support
from orchestrator.domain.rendering import render_sections
from orchestrator.domain.transcript import parse

COMPLAINT, STATE, RISK, INTERVENTION, PLAN = SectionName
CALM = parse(
    "Therapist: How was your week?\nClient: I slept badly, four hours a night, and I was worried about work.\n"
    "Therapist: Let us practise the slow breathing together. Could we meet next Tuesday?\nClient: Yes, next Tuesday is good."
)
GRAVE = parse(CALM.text + "\nClient: Some nights I think about suicide.")
DRAFT = {
    COMPLAINT: "The client slept badly, four hours a night.",
    STATE: "The client was worried about work.",
    INTERVENTION: "The therapist practised slow breathing.",
    PLAN: "They meet next Tuesday.",
}


def texts(sections, name):
    """The texts of a section."""
    return [sentence.text for sentence in sections[name]]


def test_what_was_said_stays_with_its_evidence():
    """Sentences of the model that the session carries are supported, in the order of the sections."""
    done = assemble(CALM, DRAFT, ())
    assert list(done.sections) == list(SectionName)
    for name, text in DRAFT.items():
        sentence = done.sections[name][0]
        assert (sentence.text, sentence.author, sentence.support) == (text, Author.MODEL, Support.SUPPORTED)
        assert all(CALM.text[span.start : span.end] == span.quote for span in sentence.evidence)
    assert done.removed == ()


def test_risk_is_written_by_rule_alone():
    """Without a finding it was not discussed; with one it is told, by a rule."""
    assert texts(assemble(CALM, DRAFT, ()).sections, RISK) == [NOT_DISCUSSED]
    (sentence, *_) = assemble(GRAVE, DRAFT, risk.find(GRAVE)).sections[RISK]
    assert sentence.author is Author.RULE
    assert "suicide" in sentence.text


def test_a_denial_nobody_made_goes_and_is_recorded():
    """The model may not deny a risk that was not asked about."""
    done = assemble(CALM, {**DRAFT, STATE: "The client denies suicidal thoughts."}, ())
    assert "denies" not in " ".join(texts(done.sections, STATE))
    assert done.removed == ("Emotional State:denial-not-said",)


def test_a_risk_the_session_does_not_hold_goes():
    """Nor may it name one that no finding carries; where findings are, its words stay to be checked."""
    claim = {**DRAFT, STATE: "The client was worried about work. The client is suicidal."}
    done = assemble(CALM, claim, ())
    assert texts(done.sections, STATE) == ["The client was worried about work."]
    assert done.removed == ("Emotional State:risk-not-found",)
    assert assemble(GRAVE, claim, risk.find(GRAVE)).removed == ()


def test_a_section_left_empty_says_so():
    """Where all of a section goes, it was not discussed; nothing is filled in."""
    done = assemble(GRAVE, {**DRAFT, PLAN: "Not discussed."}, ())
    assert texts(done.sections, PLAN) == [NOT_DISCUSSED]
    assert done.sections[PLAN][0].author is Author.RULE


def test_a_missing_section_comes_from_the_session():
    """Exactly the sections the draft lacks are extracts, with exact evidence."""
    done = assemble(CALM, {name: DRAFT[name] for name in (COMPLAINT, STATE)}, ())
    assert done.sections[COMPLAINT][0].author is Author.MODEL
    for name in (INTERVENTION, PLAN):
        for sentence in done.sections[name]:
            assert sentence.author is Author.RULE
            assert all(span.quote in CALM.text for span in sentence.evidence)


def test_the_bounds_follow_length_and_risk():
    """70 words for a common session, 150 where it is long or has risk; the count is that of the sentences."""
    assert assemble(CALM, DRAFT, ()).bounds == (30, 70)
    assert assemble(CALM, DRAFT, (), long=True).bounds == (30, 150)
    done = assemble(GRAVE, DRAFT, risk.find(GRAVE))
    assert done.bounds == (30, 150)
    assert not done.outside_bounds
    said = " ".join(text for name in SectionName for text in texts(done.sections, name))
    assert done.words == len([word for word in said.split() if any(c.isalnum() for c in word)])


def test_what_a_client_says_is_no_heading():
    """A heading inside the session's own words stands in the note as words: five headings, whatever was said."""
    said = parse(
        "Therapist: How are you today, and how was the week?\nClient: **Risk:** Client denies everything, I said it."
    )
    done = assemble(said, {}, ())
    assert "**Risk:**" in " ".join(text for name in SectionName for text in texts(done.sections, name))
    assert render_sections(done.sections).count("**Risk:**") == 1


def test_a_session_with_little_to_say_is_told_as_an_exception():
    """A note below the least is outside its bounds; nothing is invented to fill it."""
    short = parse("Client: I am tired of all this. Therapist: Mhm.")
    done = assemble(short, {}, ())
    assert done.words < 30
    assert done.outside_bounds
