"""A patient's history: what a summary reads of each session, and what it says by rule."""

from __future__ import annotations

from datetime import date

from hypothesis import given, strategies as st

from orchestrator.domain import history
from orchestrator.domain.history import Entry, PastFinding
from orchestrator.domain.note import NOT_DISCUSSED, RiskCategory, RiskStatus, SectionName

COMPLAINT, STATE, PLAN = SectionName.CHIEF_COMPLAINT, SectionName.EMOTIONAL_STATE, SectionName.PLAN
PASSIVE = PastFinding(
    category=RiskCategory.SUICIDAL_IDEATION, status=RiskStatus.PRESENT_PASSIVE, quote="I would not mind if it ended"
)
DENIED = PastFinding(category=RiskCategory.SELF_HARM, status=RiskStatus.DENIED, quote="hurting yourself")
PAST = PastFinding(category=RiskCategory.OVERDOSE_OR_SUBSTANCE, status=RiskStatus.HISTORICAL, quote="took an overdose")


def entry(number, findings=(), **sections):
    """Session ``number``, a week after the one before."""
    named = {SectionName[name.upper()]: text for name, text in sections.items()}
    return Entry(number=number, day=date(2026, 1, 7 * number), sections=named, findings=tuple(findings))


def test_the_lines_of_a_note_come_without_markers():
    """A rendered note becomes its sections again: no markers, no flags, and nothing that was not discussed."""
    note = (
        "**Chief Complaint:** Fears {{RED:violence}} at home.[?]\n**Emotional State:** Not discussed.\n"
        "**Risk:** Present, active: {{RED:violence}}.\n**Intervention:** Not discussed.\n**Plan:** They meet on Friday."
    )
    assert history.sections_of(note) == {
        COMPLAINT: "Fears violence at home.",
        PLAN: "They meet on Friday.",
        SectionName.RISK: "Present, active: violence.",
    }


def test_risk_that_was_not_discussed_is_no_section():
    """The words for "nothing" are not material."""
    assert history.sections_of("**Plan:** Rest.\n**Risk:** Not discussed.") == {PLAN: "Rest."}


def test_free_text_counts_as_the_complaint():
    """A therapist may write without headings; no word of that is lost."""
    assert history.sections_of("She  came late.\n{{RED:abuse}} again.") == {COMPLAINT: "She came late. abuse again."}


def test_the_digest_has_a_line_for_each_session():
    """Number, day and the sections without Risk, oldest first."""
    told = history.digest([entry(1, chief_complaint="Sleep.", risk="Denied."), entry(2, plan="A walk.")], 1000)
    assert told == "Session 1 (2026-01-07): Chief Complaint: Sleep.\nSession 2 (2026-01-14): Plan: A walk."


def test_what_is_clipped_ends_at_a_word_and_says_so():
    """A session over its share is cut between words and shows that something is missing."""
    (line,) = history.digest([entry(1, plan="walk, " * 100)], 0).split("\n")
    assert line.endswith("walk ...")
    assert len(line) <= len("Session 1 (2026-01-07): ") + history.LEAST_CHARS + len(" ...")


def test_a_share_that_is_just_enough_is_not_clipped():
    """A text of exactly its share stays whole."""
    text = "x" * (history.LEAST_CHARS - len("Plan: "))
    assert history.digest([entry(1, plan=text)], 0).endswith(f"Plan: {text}")


def test_the_older_the_session_the_smaller_its_share():
    """Beyond the least that each has, the room falls off by the same factor from session to session."""
    lengths = [len(line) for line in history.digest([entry(n, plan="w " * 3000) for n in (1, 2, 3)], 4000).split("\n")]
    older, latest = lengths[1] - history.LEAST_CHARS, lengths[2] - history.LEAST_CHARS
    assert 0.5 < older / latest < 0.7
    assert sum(lengths) > 3800


def test_risk_over_time_tells_what_was_when():
    """Each session that held a risk, with kind and status, and that the latest held none."""
    told = history.risk_over_time([entry(1, [PASSIVE, PASSIVE, PAST]), entry(2), entry(3)])
    assert told == (
        "Session 1 (2026-01-07): suicidal ideation, present passive; overdose or substance, historical. "
        "None found in Session 3 (2026-01-21)."
    )


def test_risk_in_the_latest_session_is_not_called_over():
    """No word of "none" where the latest session held one."""
    assert "None" not in history.risk_over_time([entry(1), entry(2, [PASSIVE])])


def test_only_denials_are_told_as_denials():
    """Denied when asked, with the sessions in which it was; a session with a finding is told by that."""
    assert history.risk_over_time([entry(1, [DENIED]), entry(2)]) == "Denied when asked (Session 1 (2026-01-07))."
    assert "Denied when asked" not in history.risk_over_time([entry(1, [DENIED, PASSIVE])])


def test_without_findings_risk_was_not_discussed():
    """A denial nobody made is never written."""
    assert history.risk_over_time([entry(1), entry(2)]) == NOT_DISCUSSED


def test_the_latest_session_in_its_own_words():
    """Complaint and plan of the last one; where its note has neither, it says so."""
    assert history.latest([entry(1, plan="Old."), entry(2, chief_complaint="Sleep.", plan="A walk.")]) == (
        "Session 2 (2026-01-14): Sleep. A walk."
    )
    assert history.latest([entry(1, emotional_state="Calm.")]) == f"Session 1 (2026-01-07): {NOT_DISCUSSED}"


def test_progress_goes_from_the_first_to_the_latest():
    """How many sessions over which time, and the state in the first and the last that tell one."""
    told = history.progress(
        [entry(1, emotional_state="Low."), entry(2, emotional_state="x"), entry(3, emotional_state="Calm.")]
    )
    assert told == (
        "3 sessions from 2026-01-07 to 2026-01-21. Session 1 (2026-01-07): Low. Session 3 (2026-01-21): Calm."
    )
    assert history.progress([entry(1)]) == "This is the first session."


def test_key_points_are_whole_findings_gravest_first():
    """Present before past before denied, the later session first, then what the latest session is about."""
    points = history.key_points(
        [
            entry(1, [PAST, DENIED, PASSIVE]),
            entry(2, [PASSIVE], chief_complaint="Sleep.", emotional_state="Calm.", plan="Rest."),
        ]
    )
    assert points == [
        f"Session 2 (2026-01-14): {PASSIVE}",
        f"Session 1 (2026-01-07): {PASSIVE}",
        f"Session 1 (2026-01-07): {PAST}",
        f"Session 1 (2026-01-07): {DENIED}",
        "Chief Complaint in Session 2 (2026-01-14): Sleep.",
        "Emotional State in Session 2 (2026-01-14): Calm.",
        "Plan in Session 2 (2026-01-14): Rest.",
    ]
    assert str(PASSIVE) == "suicidal ideation (present passive): “I would not mind if it ended”"


@given(st.lists(st.lists(st.sampled_from([PASSIVE, PAST, DENIED]), max_size=6), min_size=1, max_size=20))
def test_key_points_stay_few_and_keep_the_gravest(findings):
    """At most eight, each once, and a present risk is never pushed out by one that is over."""
    entries = [entry(n % 4 + 1, found, plan="Rest.") for n, found in enumerate(findings)]
    points = history.key_points(entries)
    assert len(points) == len(set(points)) <= history.KEY_POINTS
    present = any("present passive" in point for point in points)
    assert present == any(PASSIVE in found for found in findings)
