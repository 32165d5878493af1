"""Property 11: a note has 30 to 70 words, up to 150 when it must, as far as the session goes."""

from __future__ import annotations

from hypothesis import given, strategies as st

from orchestrator.domain import fallback, markers
from orchestrator.domain.fitting import fit, shortened
from orchestrator.domain.note import Author, SectionName, Sentence, Support
from orchestrator.domain.transcript import parse
from orchestrator.domain.validation import LONG, SHORT, bounds, count, word_count
from tests.properties.speech import CLIENT_SAYS, THERAPIST_SAYS, sessions

word = st.sampled_from(
    ["client", "and", "sleep,", "work", "because", "{{RED:die}}", "with", "home", "how", "slowly", "—"]
)
sentence = st.lists(word, min_size=1, max_size=40).map(lambda words: "The " + " ".join(words) + ".")
written = st.dictionaries(
    st.sampled_from([name for name in SectionName if name is not SectionName.RISK]), st.lists(sentence, max_size=5)
)


def as_sentences(texts):
    """Texts as sentences by a model."""
    return tuple(Sentence(text=text, author=Author.MODEL, support=Support.INFERRED) for text in texts)


@given(written, sessions(), st.sampled_from([SHORT, LONG]))
def test_a_fitted_note_is_within_bounds_as_far_as_it_goes(sections, text, limits):
    """Never more than the most, unless every section is down to one sentence; never fewer while the session has more to say."""
    transcript = parse(text)
    note = fit(
        {**fallback.extract(transcript), **{n: as_sentences(t) for n, t in sections.items()}}, transcript, limits
    )
    assert list(note) == list(SectionName)
    if count(note) > limits.most:
        assert all(len(sentences) <= 1 for sentences in note.values())
        assert not any(
            shortened(s, word_count(s.text) - 1) for ss in note.values() for s in ss if word_count(s.text) > 2
        )
    if count(note) < limits.least:
        used = {span.start for ss in note.values() for s in ss for span in s.evidence}
        assert all(c.evidence[0].start in used for name in SectionName for c in fallback.candidates(transcript, name))


@given(written, sessions())
def test_fitting_invents_nothing(sections, text):
    """Every sentence of the fitted note begins as one that was there, or repeats the session exactly."""
    transcript = parse(text)
    before = {**fallback.extract(transcript), **{n: as_sentences(t) for n, t in sections.items()}}
    originals = [s.text for ss in before.values() for s in ss]
    for fitted in (s for ss in fit(before, transcript, SHORT).values() for s in ss):
        quoted = all(text[span.start : span.end] in fitted.text for span in fitted.evidence)
        assert (
            any(o.startswith(fitted.text.rstrip(".")) for o in originals)
            or (fitted.evidence and quoted)
            or fitted == fallback.not_discussed()
        )


@given(st.permutations(THERAPIST_SAYS), st.permutations(CLIENT_SAYS))
def test_a_session_of_twelve_turns_fills_a_fallback_note(asked, told):
    """A session with something said in it is enough for thirty words without a model."""
    text = "\n".join(f"Therapist: {a}\nClient: {b}" for a, b in zip(asked, told, strict=False))
    transcript = parse(text)
    assert SHORT.least <= count(fit(fallback.extract(transcript), transcript, SHORT)) <= SHORT.most


@given(st.lists(word, max_size=30))
def test_markers_and_dashes_are_no_words(words):
    """A marker adds no words, and a dash by itself is none."""
    text = " ".join(words)
    assert word_count(text) == sum(w != "—" for w in words) == word_count(markers.strip(text))


def test_bounds_grow_with_length_and_risk():
    """70 words are the most of a short session without risk, 150 of any other."""
    assert bounds(long=False, risk=False) == (30, 70)
    assert bounds(long=True, risk=False) == bounds(long=False, risk=True) == (30, 150)
