"""The note without a model: exact words, each speaker's, each once."""

from __future__ import annotations

from hypothesis import given

from orchestrator.domain import fallback
from orchestrator.domain.note import NOT_DISCUSSED, Author, SectionName, Sentence, Support
from orchestrator.domain.transcript import Speaker, parse
from tests.properties.speech import anything

CHIEF, EMOTION, RISK, INTERVENTION, PLAN = SectionName

SESSION = """Therapist: Hello again. How was the week?
Client: I can't sleep since the flood, and the house still smells of it.
Therapist: What is that like for you?
Client: I feel ashamed that I cannot protect my children.
Therapist: Let's try a grounding exercise with five things that you see.
Client: Fine.
Therapist: For homework, write down every evening what went well, and bring it next week.
Client: I have a question. When will we stop?"""


def texts(note):
    """The words of each section."""
    return {name: " ".join(sentence.text for sentence in sentences) for name, sentences in note.items()}


def test_each_section_repeats_the_sentence_that_fits_it():
    """The complaint and the feeling are the client's quoted words, the intervention and the plan the therapist's."""
    assert texts(fallback.extract(parse(SESSION))) == {
        CHIEF: 'Client said: "I can\'t sleep since the flood, and the house still smells of it".',
        EMOTION: 'Client said: "I feel ashamed that I cannot protect my children".',
        RISK: NOT_DISCUSSED,
        INTERVENTION: "Therapist said: Let's try a grounding exercise with five things that you see.",
        PLAN: "Therapist said: For homework, write down every evening what went well, and bring it next week.",
    }


@given(anything)
def test_a_quotation_is_a_clients_exact_words(text):
    """Only a client is quoted, and exactly; all evidence is exact, no span stands in two sections."""
    note = fallback.extract(parse(text))
    spans = [(sentence, span) for sentences in note.values() for sentence in sentences for span in sentence.evidence]
    for sentence, span in spans:
        assert text[span.start : span.end] == span.quote
        assert ('"' in sentence.text) is (span.speaker is Speaker.CLIENT)
        assert span.quote in sentence.text
        assert sentence.author is Author.RULE
        assert sentence.support is Support.SUPPORTED
    assert len({span.start for _, span in spans}) == len(spans)


def test_the_risk_section_is_the_one_that_is_given():
    """Risk is written from findings, elsewhere."""
    risk = (Sentence(text="Denied.", author=Author.RULE, support=Support.INFERRED),)
    assert fallback.extract(parse(SESSION), risk=risk)[RISK] == risk
    assert fallback.candidates(parse(SESSION), RISK) == []


def test_without_speakers_nobody_is_quoted():
    """Where nobody is named, words are repeated without quotation marks and without saying whose they are."""
    note = fallback.extract(parse("My son moved out and I cannot sleep. I feel so lost and tired."))
    assert texts(note)[EMOTION] == "Said in the session: I feel so lost and tired."


def test_what_was_not_said_is_not_discussed():
    """A session about nothing yields a note that says so."""
    note = fallback.extract(parse("Therapist: Right.\nClient: Right."))
    assert set(texts(note).values()) == {NOT_DISCUSSED}


def test_long_sentences_are_quoted_to_the_end_of_a_clause():
    """A quotation stops where a clause does, never with a loose little word, and is still exact."""
    text = "Client: I keep waking up at four in the night, thinking of what I said to him, and of everything that I did not say at all."
    (sentence,) = fallback.extract(parse(text), [CHIEF])[CHIEF]
    assert sentence.text == 'Client said: "I keep waking up at four in the night".'
    (sentence,) = fallback.extract(
        parse("Client: I can't stop the worry about money and school and rent and food and the car and my"), [CHIEF]
    )[CHIEF]
    assert sentence.text == 'Client said: "I can\'t stop the worry about money and school and rent and food".'


def test_words_that_would_break_the_note_are_left_out():
    """Of a sentence with quotation marks or braces inside, the longest stretch without them is quoted."""
    note = fallback.extract(parse('Client: He called me "mad", and I feel tired of it {{RED:all}} day.'), [EMOTION])
    assert texts(note) == {EMOTION: 'Client said: "and I feel tired of it".'}
    assert texts(fallback.extract(parse('Client: I "feel" "bad" now.'), [EMOTION])) == {EMOTION: NOT_DISCUSSED}


def test_the_same_words_are_repeated_once():
    """A sentence that the client says again and again stands once among the candidates."""
    session = parse("Client: I feel lost here.\n" * 3 + "Client: I feel sad and lost here.")
    assert [s.text for s in fallback.candidates(session, EMOTION)] == [
        'Client said: "I feel sad and lost here".',
        'Client said: "I feel lost here".',
    ]


def test_statements_come_before_questions():
    """A question is the last thing to repeat as a plan."""
    session = "Therapist: Shall we plan to start the diary next week?\nTherapist: We will start the diary tomorrow."
    assert "We will start" in texts(fallback.extract(parse(session), [PLAN]))[PLAN]
