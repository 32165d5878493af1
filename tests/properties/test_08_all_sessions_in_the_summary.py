"""8: several sessions are all in the summary's input, oldest first, most of it the latest."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given, strategies as st

from orchestrator.domain import history
from orchestrator.domain.history import LEAST_CHARS, Entry
from orchestrator.domain.note import SectionName

START = date(2025, 1, 6)
_text = st.text(alphabet="abcdefgh .", min_size=5, max_size=400).map(
    lambda text: f"Note of {text.strip() or 'nothing'}."
)


@st.composite
def histories(draw):
    """Up to sixty sessions, each with a word of its own at the beginning of its note."""
    count = draw(st.integers(1, 60))
    return [
        Entry(
            number=number,
            day=START + timedelta(days=7 * number),
            sections={SectionName.CHIEF_COMPLAINT: f"mark{number:03d} {draw(_text)}", SectionName.PLAN: draw(_text)},
        )
        for number in range(1, count + 1)
    ]


@given(entries=histories(), room=st.integers(0, 8000))
def test_no_session_is_left_out(entries, room):
    """Each session's own word is in the digest, in order, whatever the room."""
    digest = history.digest(entries, room)
    places = [digest.find(f"mark{entry.number:03d}") for entry in entries]
    assert -1 not in places
    assert places == sorted(places)


@given(entries=histories(), room=st.integers(0, 8000))
def test_the_size_follows_the_room(entries, room):
    """The digest never grows beyond its room by more than what every session is promised."""
    digest = history.digest(entries, room)
    promised = len(entries) * (LEAST_CHARS + len("Session 60 (2026-01-01):  ...\n"))
    assert len(digest) <= max(room, 0) + promised


@given(entries=histories(), room=st.integers(3000, 8000))
def test_the_latest_has_the_most_room(entries, room):
    """A session never gets less room than the one before it."""
    long = [Entry(number=e.number, day=e.day, sections={SectionName.PLAN: "word " * 2000}) for e in entries]
    lengths = [len(line) for line in history.digest(long, room).split("\n")]
    assert all(a <= b + 6 for a, b in pairwise(lengths))
