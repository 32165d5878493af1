"""Completions: broken, missing, doubled, cut, looping, leaking; each problem has its name and its section."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from orchestrator.domain import completion, validation
from orchestrator.domain.completion import Problem
from orchestrator.domain.grammar import MODEL_SECTIONS
from orchestrator.domain.note import SectionName

CHIEF, EMOTION, RISK, INTERVENTION, PLAN = SectionName
GOOD = {
    CHIEF: "The client reports poor sleep since the move.",
    EMOTION: "The client feels worn out and alone.",
    INTERVENTION: "The therapist suggested a worry diary.",
    PLAN: "The client will write in it every evening.",
}
INSTRUCTIONS = "Write the note now. **Plan:** what was agreed for the time until the next session"


def written(**changes):
    """A completion with some of its sections changed; None leaves one out."""
    sections = {name: changes.get(name.name.lower(), text) for name, text in GOOD.items()}
    return "\n".join(f"**{name}:** {text}" for name, text in sections.items() if text is not None)


def problems(text, reason="stop"):
    """The problems of a completion, as (section, slug)."""
    draft = validation.check(completion.parse(text, reason), INSTRUCTIONS)
    return {(problem.section, problem.slug) for problem in draft.problems}


def test_a_good_completion_has_no_problem():
    """Four sections in order are taken as they are."""
    draft = validation.check(completion.parse(written()), INSTRUCTIONS)
    assert draft.sections == GOOD
    assert draft.problems == () == draft.broken


@pytest.mark.parametrize(
    "style",
    ["**{}:** {}", "{}: {}", "## {}: {}", "**{}**: {}", "- **{}:** {}", "  __{}:__   {}"],
)
def test_headings_of_every_style_are_read(style):
    """Models vary the heading; the sections are found all the same."""
    text = "\r\n".join(style.format(name.upper(), words) for name, words in GOOD.items())
    assert completion.parse(text).sections == GOOD


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {(None, "empty"), *((name, "missing") for name in MODEL_SECTIONS)}),
        ("I cannot help.", {(None, "preamble"), *((name, "missing") for name in MODEL_SECTIONS)}),
        (written(plan=None), {(PLAN, "missing")}),
        (written(plan=" "), {(PLAN, "blank")}),
        ("Sure:\n" + written(), {(None, "preamble")}),
        (written() + "\n\nAnything else?", {(PLAN, "trailing")}),
        (written() + "\n**Plan:** The client will rest.", {(PLAN, "duplicate")}),
        (written() + "\n**Risk:** none", {(RISK, "risk-written")}),
        (written() + "<|im_end|>\n<|im_start|>user", {(None, "special-token")}),
        ("<s>" + written(), {(None, "special-token")}),
        (written(plan="The client will go go go go go home."), {(PLAN, "loop")}),
        (written(plan="The client will try it and try it and try it and try it."), {(PLAN, "loop")}),
        (written(plan=GOOD[CHIEF]), {(PLAN, "repeated")}),
        (written(plan="The client knows what was agreed for the time until then."), {(PLAN, "leaked-prompt")}),
        (written(plan="Client: I will go home."), {(PLAN, "dialogue"), (PLAN, "first-person")}),
        (written(plan="I will go home and the cat too."), {(PLAN, "first-person")}),
        (written(plan='The client said "I will go home".'), set()),
        (written(plan="क्लाइंट घर जाएगा।"), {(PLAN, "foreign")}),
        (written(plan="La paciente va caminar cada día después del trabajo."), {(PLAN, "foreign")}),
        (written(plan="The client will " + " ".join(f"word{i}" for i in range(70)) + "."), {(PLAN, "too-long")}),
        ("\n".join(reversed(written().split("\n"))), {(None, "order")}),
    ],
)
def test_what_is_wrong_is_named(text, expected):
    """Each fault is reported once, with the section it is in."""
    assert problems(text) == expected


def test_a_cut_completion_names_the_section_it_was_cut_in():
    """``length`` makes the last section broken, and those that never came missing."""
    cut = written().split("\n**Intervention")[0]
    assert problems(cut, "length") == {(EMOTION, "cut"), (INTERVENTION, "missing"), (PLAN, "missing")}
    assert completion.parse(cut, "length").broken == (EMOTION, INTERVENTION, PLAN)


def test_what_parsing_mends_is_not_broken():
    """A preamble, a second plan and a Risk of the model's own cost no repair; the Risk text is kept for the record."""
    draft = completion.parse("Sure!\n" + written() + "\n**Risk:** low\n**Plan:** again")
    assert draft.broken == ()
    assert draft.sections == GOOD
    assert draft.risk == "low"


def test_a_sentence_said_twice_in_a_section_stands_once():
    """A repetition inside a section is dropped without a repair."""
    draft = validation.check(completion.parse(written(plan=f"{GOOD[PLAN]} {GOOD[PLAN]}")))
    assert draft.sections == GOOD
    assert draft.problems == ()


@pytest.mark.parametrize(
    ("text", "reason", "sections", "slugs"),
    [
        (" The client will rest.", "stop", {PLAN: "The client will rest."}, []),
        (" The client will rest.\n**Risk:** x", "length", {PLAN: "The client will rest."}, []),
        (" The client will", "length", {PLAN: "The client will"}, ["cut"]),
        ("\n", "stop", {}, ["blank"]),
        (" Rest.\n\nBye.", "stop", {PLAN: "Rest."}, ["trailing"]),
        ("<|im_end|>", "stop", {}, ["special-token", "blank"]),
    ],
)
def test_a_repaired_section_is_read_behind_its_heading(text, reason, sections, slugs):
    """The reply to a prefilled heading is one section."""
    draft = completion.parse_section(text, PLAN, reason)
    assert draft.sections == sections
    assert draft.problems == tuple(Problem(PLAN, slug) for slug in slugs)


@given(st.text(), st.sampled_from(["stop", "length"]))
def test_nothing_a_model_writes_raises(text, reason):
    """Every text is read, and every section that came out is one line."""
    for draft in (completion.parse(text, reason), completion.parse_section(text, PLAN, reason)):
        checked = validation.check(draft, text)
        assert all("\n" not in words for words in checked.sections.values())
