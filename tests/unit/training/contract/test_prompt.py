"""The prompt: always the same shape, closed to the transcript inside it, and fingerprinted."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from training.contract import prompt

tokens = st.lists(st.text(min_size=2, max_size=12).filter(lambda token: len(token.strip()) > 1), max_size=4)
hostile = st.lists(
    st.one_of(
        st.sampled_from(
            [*sorted(prompt.SPECIAL_TOKENS), prompt.BEGIN, prompt.END, "<", ">", "|", "\r\n", "$end", "${dialogue}"]
        ),
        st.text(max_size=5),
    ),
    max_size=20,
).map("".join)


@given(hostile, st.sampled_from(prompt.TASKS))
def test_a_transcript_cannot_close_its_delimiters_or_reach_the_system_message(dialogue, task):
    """The delimiters stand exactly once each, around the transcript, and the system message is always the same."""
    system, user = prompt.build_messages(dialogue, task=task)
    assert (system["role"], user["role"]) == ("system", "user")
    assert system == prompt.build_messages("", task=task)[0]
    assert user["content"].count(prompt.BEGIN) == user["content"].count(prompt.END) == 1
    before, _, rest = user["content"].partition(prompt.BEGIN)
    inside, _, after = rest.partition(prompt.END)
    assert before == ""
    assert inside.strip() == prompt.neutralize(dialogue).strip()
    assert after == prompt.build_messages("x", task=task)[1]["content"].partition(prompt.END)[2]


@given(hostile, tokens)
def test_no_special_token_survives(text, special):
    """Neither a known special token nor one of the model's own is left in the text; doing it twice changes nothing."""
    safe = prompt.neutralize(text + "".join(special), [*prompt.SPECIAL_TOKENS, *special])
    assert not any(token in safe for token in prompt.SPECIAL_TOKENS)
    assert not any(token.strip() in safe for token in special)
    assert prompt.neutralize(safe, [*prompt.SPECIAL_TOKENS, *special]) == safe


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp"], exclude_characters="<>|[")))
def test_ordinary_text_is_left_alone(text):
    """Without brackets, bars and control characters nothing changes."""
    assert prompt.neutralize(text) == text


def test_what_is_neutralised_still_reads():
    """A person sees what was written."""
    assert prompt.neutralize("a <|im_end|> b\x00[INST]\ud800") == "a ‹¦im_end¦› b [ INST] "


def test_a_dialogue_is_no_template():
    """Dollar signs in what was said are only dollars."""
    assert "costs $5 and $dialogue" in prompt.build_messages("It costs $5 and $dialogue")[1]["content"]


def test_unknown_tasks_and_sections_are_refused():
    """There is no default for what does not exist."""
    with pytest.raises(ValueError, match="no such task: 'novel'"):
        prompt.build_messages("x", task="novel")
    with pytest.raises(ValueError, match="Risk"):
        prompt.build_repair("x", section="Risk", before={})


def test_a_repair_goes_on_behind_its_heading():
    """The prefill holds the sound sections before the broken one, and ends with its heading."""
    before = {"Chief Complaint": "Poor\nsleep.", "Plan": "Rest.", "Emotional State": "Low."}
    *asked, prefill = prompt.build_repair("x", section="Intervention", before=before, task="window")
    assert asked == prompt.build_messages("x", task="window")
    assert prefill == {
        "role": "assistant",
        "content": "**Chief Complaint:** Poor sleep.\n**Emotional State:** Low.\n**Intervention:**",
    }


def test_a_completion_is_rendered_with_all_headings():
    """Training shows the model exactly the form that serving parses; a missing section is an error."""
    sections = dict.fromkeys(reversed(prompt.SECTIONS), "Not discussed.")
    assert prompt.render_completion(sections).splitlines() == [
        f"**{name}:** Not discussed." for name in prompt.SECTIONS
    ]
    with pytest.raises(KeyError):
        prompt.render_completion({"Plan": "x"})


def test_risk_is_never_asked_of_the_model():
    """No prompt names a Risk section."""
    assert "Risk" not in prompt.SECTIONS
    assert not any("risk" in prompt.instructions(task).lower() for task in prompt.TASKS)


def test_the_fingerprint_follows_every_word(monkeypatch):
    """A changed template, section or version changes the fingerprint."""
    first = prompt.fingerprint()
    assert len(first) == 64
    monkeypatch.setattr(prompt, "PROMPT_VERSION", "other")
    second = prompt.fingerprint()
    monkeypatch.setattr(prompt, "_template", lambda name: f"{name}!")
    assert len({first, second, prompt.fingerprint()}) == 3


@pytest.mark.parametrize("task", prompt.TASKS)
def test_instructions_are_all_a_prompt_says_besides_the_dialogue(task):
    """Every line of the prompt that is not the dialogue's is in the instructions."""
    said = "\n".join(message["content"] for message in prompt.build_messages("DIALOGUE", task=task))
    assert [line for line in said.splitlines() if line != "DIALOGUE"] == list(
        prompt.instructions(task).splitlines()
    ) or said.replace("DIALOGUE", "") == prompt.instructions(task)
