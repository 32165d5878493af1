"""Property 10: every risk keyword of a note is marked, in any case, inflected, and in a denial too."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from orchestrator.domain import markers
from orchestrator.domain.note import Author, Note, Origin, SectionName, Sentence, Support
from orchestrator.domain.rendering import render

KEYWORDS = ["suicide", "suicidal", "self-harm", "self harm", "kill", "hurt myself", "violence", "abuse", "overdose"]
ANY_KEYWORD = re.compile(r"\b(?:suicide|suicidal|self[- ]harm|kill|hurt myself|violence|abuse|overdose)", re.IGNORECASE)


def any_case(word):
    """``word`` with each letter in either case."""
    return st.tuples(*(st.sampled_from((c.lower(), c.upper())) for c in word)).map("".join)


keyword = st.sampled_from(KEYWORDS).flatmap(any_case)
filler = st.sampled_from(
    ["denies", "any", "thoughts of", "and", "coping skills", "{{RED:die}}", "the client", "no", "said “", "”", "."]
)
texts = st.lists(st.one_of(keyword, filler), min_size=1, max_size=12).map(" ".join)


def unmarked(text):
    """The text outside of markers."""
    return re.sub(r"\{\{RED:[^{}\n]*\}\}", "·", text)


@given(texts)
def test_no_keyword_stands_outside_a_marker(text):
    """After marking, no keyword is left bare, no word is lost and a second marking changes nothing."""
    marked = markers.mark(text)
    assert not ANY_KEYWORD.search(unmarked(marked))
    assert markers.strip(marked) == markers.strip(text)
    assert markers.mark(marked) == marked


@given(st.dictionaries(st.sampled_from(list(SectionName)), st.lists(texts, max_size=3)))
def test_rendered_notes_have_every_keyword_marked(sections):
    """Rendering marks the keywords of every section, whoever wrote it."""
    written = {
        name: tuple(Sentence(text=text, author=Author.MODEL, support=Support.INFERRED) for text in texts)
        for name, texts in sections.items()
    }
    rendered = render(Note(sections=written, risk=(), origin=Origin.AI))
    assert not ANY_KEYWORD.search(unmarked(rendered))


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("killed, killing, KILLS", "{{RED:killed}}, {{RED:killing}}, {{RED:KILLS}}"),
        ("abused and abusive", "{{RED:abused}} and {{RED:abusive}}"),
        ("violent", "{{RED:violent}}"),
        ("overdosed twice", "{{RED:overdosed}} twice"),
        ("hurting herself", "{{RED:hurting herself}}"),
        ("self‑harming", "{{RED:self‑harming}}"),
        ("denies suicidal thoughts", "denies {{RED:suicidal}} thoughts"),
        ("self-{{RED:harm}}", "{{RED:self-harm}}"),
        ("{{RED:wants to kill}} time", "{{RED:wants to kill}} time"),
        ("coping skills, skilled", "coping skills, skilled"),
    ],
)
def test_whole_words_are_marked(text, marked):
    """Inflections are marked whole, half-marked keywords wholly, and words that only contain one not at all."""
    assert markers.mark(text) == marked


def test_terms_of_findings_are_marked():
    """Words that carry a finding are marked wherever they stand, across white space, as whole words."""
    assert (
        markers.mark("She would go  to sleep; asleep.", ["go to sleep", "sleep", " "])
        == "She would {{RED:go  to sleep}}; asleep."
    )
