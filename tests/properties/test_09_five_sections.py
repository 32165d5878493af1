"""Property 9: whatever the session was and whatever a model wrote, a note has its five sections in order."""

from __future__ import annotations

import re

from hypothesis import given, strategies as st

from orchestrator.domain import completion, fallback, validation
from orchestrator.domain.grammar import MODEL_SECTIONS
from orchestrator.domain.note import Author, Note, Origin, SectionName, Sentence, Support
from orchestrator.domain.rendering import render
from orchestrator.domain.transcript import parse
from tests.properties.speech import anything

HEADING = re.compile(r"^\*\*(.+?):\*\* \S", re.MULTILINE)
FIVE = ["Chief Complaint", "Emotional State", "Risk", "Intervention", "Plan"]

line = st.one_of(
    st.sampled_from(
        [f"**{name}:** " for name in FIVE] + ["## Plan:", "\n", "\n\n", "Sure! Here is the note.", "<|im_end|>"]
    ),
    st.sampled_from(["The client feels low. ", "I am tired. ", "Therapist: hello. ", "Not discussed."]),
    st.text(max_size=30),
)
completions = st.lists(line, max_size=16).map("".join)


def headings(sections):
    """The headings of a rendered note that have text behind them, in order."""
    return HEADING.findall(render(Note(sections=sections, risk=(), origin=Origin.AI)))


@given(anything)
def test_a_fallback_note_has_five_sections(text):
    """Out of anything comes a note with five sections, each with text, its evidence exact."""
    note = fallback.extract(parse(text))
    assert list(note) == list(SectionName)
    assert headings(note) == FIVE
    assert all(note.values())
    spans = [span for sentences in note.values() for sentence in sentences for span in sentence.evidence]
    assert all(text[span.start : span.end] == span.quote for span in spans)


@given(completions, st.sampled_from(["stop", "length"]))
def test_every_section_is_there_or_named_broken(text, reason):
    """Each section a model should write has text, or is among those to write again."""
    draft = validation.check(completion.parse(text, reason))
    for name in MODEL_SECTIONS:
        assert draft.sections.get(name, "").strip() or name in draft.broken
    assert list(draft.sections) == [name for name in MODEL_SECTIONS if name in draft.sections]
    assert {problem.slug for problem in draft.problems} <= set(completion.SLUGS)


@given(completions, anything)
def test_model_and_fallback_together_make_five(text, session):
    """Sound sections of a model and the fallback for the others are a whole note."""
    draft = completion.parse(text)
    written = {
        name: (Sentence(text=words, author=Author.MODEL, support=Support.INFERRED),)
        for name, words in draft.sections.items()
        if words.strip()
    }
    assert headings({**fallback.extract(parse(session)), **written}) == FIVE


@given(st.sets(st.sampled_from(list(SectionName))), anything)
def test_only_the_sections_asked_for_are_extracted(names, text):
    """The fallback serves a single broken section as well."""
    assert set(fallback.extract(parse(text), names)) == names
