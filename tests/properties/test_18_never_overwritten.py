"""Property 18: an existing note is never overwritten without ``regenerate``, and even then kept as a version."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.fakes.llama_server import NOTE, Reply
from tests.running import TRANSCRIPT, Client, Server, serving

WORDS = st.text(st.sampled_from("ab {}:\n"), max_size=6)
FAILS = Reply(cut_after=2)


class Notes(RuleBasedStateMachine):
    """Everything that can happen to a session's note over HTTP, in any order, against the real store."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    server: ClassVar[Server]
    ann: ClassVar[Client]

    def __init__(self):
        """Nothing has been seen yet."""
        super().__init__()
        self.kept = []  # every version ever seen, oldest first, as (number, origin, text)

    def do(self, work):
        """Run to its end."""
        return self.loop.run_until_complete(work)

    @initialize()
    def open(self):
        """A session without a note."""
        self.session = self.do(self.ann.session())
        self.look()

    def look(self):
        """The session as it is, and its versions, oldest first."""
        self.session_now = self.do(self.ann.shown(self.session))
        return self.do(self.ann.versions(self.session))[::-1]

    @property
    def note(self):
        """The note and its metadata after the last step."""
        return self.session_now["notes"], self.session_now["notes_metadata"]

    @rule(text=WORDS, claimed=st.booleans())
    def edit(self, text, claimed):
        """Save a note by hand, with claims about it; the same text again changes nothing."""
        before = self.note
        body = {"notes": text, "is_ai_generated": claimed, "edited_from_ai": claimed}
        assert self.do(self.ann.put(f"/sessions/{self.session}/notes", body)).status == 200
        if text.strip() == (before[0] or "").strip():
            self.look()
            assert self.note == before

    @rule(text=WORDS)
    def save_session(self, text):
        """Save the whole session, as the app does."""
        body = {"notes": text, "original_transcription": TRANSCRIPT, "is_completed": True}
        assert self.do(self.ann.put(f"/sessions/{self.session}", body)).status == 200

    @rule(variant=st.integers(0, 3))
    def write_again(self, variant):
        """Have the model write, asked to replace what is there: then that is the note."""
        self.next_is(Reply(text=NOTE.replace("tired", f"tired {'very ' * variant}")))
        answer = self.do(self.ann.generate(self.session))
        assert answer.body["origin"] == "ai"
        self.look()
        assert self.note[0] == answer.body["generated_notes"]
        assert self.note[1]["is_ai_generated"]

    @rule()
    def write_unasked(self):
        """Have the model write without ``regenerate``: refused where there is a note, with nothing changed."""
        self.next_is(Reply())
        before = self.session_now
        answer = self.do(self.ann.generate(self.session, regenerate=False))
        assert answer.status == (400 if before["notes"] else 200)
        if before["notes"]:
            self.look()
            assert self.session_now == before

    @rule()
    def model_breaks_off(self):
        """The model fails: an extract never displaces a note, and is never called the model's."""
        self.next_is(FAILS)
        before = self.note
        assert self.do(self.ann.generate(self.session)).body["origin"] == "fallback"
        self.look()
        if (before[0] or "").strip():
            assert self.note[0] == before[0]
            assert self.note[1]["origin"] == before[1]["origin"]
        else:
            assert self.note[1]["is_ai_generated"] is False

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def put_back(self, data):
        """Put back a text that stood before."""
        text = data.draw(st.sampled_from(self.kept))[2]
        self.do(self.ann.put(f"/sessions/{self.session}/notes", {"notes": text}))
        self.look()
        assert self.note[0].strip() == text.strip()

    def next_is(self, reply):
        """What the model does next, and the same again where it is asked again."""
        self.server.fake.script.replies = [reply]

    @invariant()
    def nothing_is_lost(self):
        """Every version ever seen is still there, unchanged; numbers have no gap; exactly one is current and shown."""
        if not hasattr(self, "session"):
            return
        versions = self.look()
        now = [(version["number"], version["origin"], version["notes"]) for version in versions]
        assert now[: len(self.kept)] == self.kept
        assert [number for number, _, _ in now] == list(range(1, len(now) + 1))
        current = [version for version in versions if version["is_current"]]
        assert len(current) == (1 if now else 0)
        assert self.note[0] == (current[0]["notes"] if current else None)
        self.kept = now


@pytest.mark.timeout(300)
def test_no_version_is_ever_lost(tmp_path):
    """Whatever is done to a note, in any order, no version is lost and exactly one is current."""
    loop = asyncio.new_event_loop()
    running = serving(tmp_path)
    Notes.loop, Notes.server = loop, loop.run_until_complete(running.__aenter__())
    Notes.server.fake.kinds = frozenset({"language"})  # no encoder: not what is asked here
    Notes.ann = loop.run_until_complete(Notes.server.anyone.sign_in())
    try:
        run_state_machine_as_test(Notes, settings=settings(max_examples=100, stateful_step_count=6))
    finally:
        loop.run_until_complete(running.__aexit__(None, None, None))
        loop.close()
