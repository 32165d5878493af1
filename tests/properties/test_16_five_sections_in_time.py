"""16: a valid transcript yields a note with five sections within the time limit, whatever the model does.

And what must hold for every note the service writes: exact evidence, no invented quote, every risk word marked, the word
bounds or an exception in the provenance, no denial that nobody made.
"""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from hypothesis import example, given, strategies as st

from orchestrator.domain import markers
from orchestrator.domain.note import Origin, RiskStatus, SectionName, Support
from orchestrator.domain.transcript import fold, parse
from orchestrator.domain.turns import Speaker
from tests.fakes.llama_server import NOTE, Reply, start
from tests.writing import NEUTRAL, RISKY, TRANSCRIPT, desk, transcripts, written

SECONDS = 5.0
pytestmark = pytest.mark.timeout(240)  # a hundred notes over a server each
SENTENCES = [
    *NEUTRAL,
    *RISKY,
    'The client said "I adore the opera".',
    'The client said "work has been too much".',
    "The client denies suicidal thoughts.",
    "The client takes 40 mg of fluoxetine for 3 weeks.",
    "Dr. Blomqvist diagnosed bipolar disorder.",
    "They agreed on a homework of ten pages.",
    "Not discussed.",
    "",
]
_section = st.lists(st.sampled_from(SENTENCES), max_size=3).map(" ".join)
_headings = [name for name in SectionName if name is not SectionName.RISK]
completions = st.tuples(*(_section for _ in _headings)).map(
    lambda texts: "\n".join(f"**{name}:** {text}" for name, text in zip(_headings, texts, strict=True))
)
vices = st.sampled_from(
    [
        {},
        {},
        {},
        {"cut_after": 5},
        {"malformed_after": 5},
        {"error_after": 3},
        {"leak": "<|im_end|> more"},
        {"status": 500},
    ]
)
raw = st.one_of(
    completions, st.sampled_from(["", NOTE, NOTE.upper(), "I cannot do that.", NOTE[: len(NOTE) // 2], "la " * 200])
)
QUOTED = re.compile(r'"([^"\n]+)"|“([^”\n]+)”')


async def _write(transcript, reply):
    async with start([reply]) as fake, desk(fake, note_seconds=SECONDS) as at:
        begun = time.monotonic()
        done = await written(transcript, at)
        return done, time.monotonic() - begun


@given(transcript=transcripts(), text=raw, vice=vices)
@example(transcript=TRANSCRIPT, text=NOTE, vice={"hang_after": 3})
def test_every_note_keeps_its_promises(transcript, text, vice):
    """Five sections in order and in time, and everything else that is always true of a stored note."""
    done, seconds = asyncio.run(_write(transcript, Reply(text=text, **vice)))
    note = done.note
    assert seconds < SECONDS + 2
    assert list(note.sections) == list(SectionName)
    assert all(note.sections.values())
    assert re.findall(r"^\*\*([A-Za-z ]+):\*\* \S", done.rendered, re.MULTILINE) == list(SectionName)
    _spans_are_exact(note, transcript)
    _quotes_were_said(note, transcript)
    _risk_words_are_marked(done.rendered)
    _bounds_hold_or_are_told(note)
    _denials_were_made(note, done.rendered)


def _spans_are_exact(note, transcript):
    for sentence in (s for sentences in note.sections.values() for s in sentences):
        for span in sentence.evidence:
            assert transcript[span.start : span.end] == span.quote
        if sentence.support is Support.SUPPORTED and sentence.text != "Not discussed.":
            assert sentence.evidence
    for finding in note.risk:
        assert transcript[finding.span.start : finding.span.end] == finding.span.quote
        for term in finding.terms:
            assert finding.span.start <= term.start < term.end <= finding.span.end


def _quotes_were_said(note, transcript):
    parsed = parse(transcript)
    said = " ".join(
        " ".join(fold(parsed.said(turn)).split()) for turn in parsed.turns if turn.speaker is not Speaker.THERAPIST
    )
    asked = " ".join(" ".join(fold(parsed.said(turn)).split()) for turn in parsed.turns)
    for name, sentences in note.sections.items():
        heard = asked if name is SectionName.RISK else said  # a denial repeats what was asked
        for sentence in sentences:
            for match in QUOTED.finditer(sentence.text):
                quote = " ".join(fold(match[1] or match[2]).split())
                assert quote.strip(" .,;:!?") in heard


def _risk_words_are_marked(rendered):
    assert markers.mark(rendered) == rendered
    bare = re.sub(r"\{\{RED:[^}]*\}\}", "", rendered)
    assert not re.search(r"suicid|self[ -]?harm|\bkill|hurt myself|violence|abuse|overdose", bare, re.IGNORECASE)


def _bounds_hold_or_are_told(note):
    told = note.provenance["validation"]
    least, most = told["bounds"]
    assert least <= told["words"] <= most or told["outside_bounds"]
    assert most <= 150


def _denials_were_made(note, rendered):
    if "denie" in markers.strip(rendered).casefold().split("**risk:**")[1].split("\n")[0]:
        assert any(finding.status is RiskStatus.DENIED for finding in note.risk)


@given(transcript=transcripts(risky=False, hostile=False), text=completions)
def test_without_risk_nothing_is_denied(transcript, text):
    """A transcript that holds no risk never yields a denial of it, whatever the model claims."""
    done, _ = asyncio.run(_write(transcript, Reply(text=text)))
    assert not re.search(r"den(?:y|ies|ied)[^.]*(?:suicid|harm)", markers.strip(done.rendered), re.IGNORECASE)


@pytest.mark.parametrize("vice", [{"cut_after": 0}, {"hang_after": 0}, {"status": 500}])
def test_a_fallback_is_never_called_ai(vice):
    """A model that failed leaves a note whose origin says so."""

    async def run():
        async with start([Reply(**vice)]) as fake, desk(fake, note_seconds=0.5) as at:
            return (await written(TRANSCRIPT, at)).note

    assert asyncio.run(run()).origin is Origin.FALLBACK
