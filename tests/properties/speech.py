"""Strategies for sessions as people leave them behind: labels, time stamps, line ends, quotes, several scripts, noise."""

from __future__ import annotations

from hypothesis import strategies as st

LABELS = (
    ("Therapist", "Client"),
    ("T", "C"),
    ("Counselor", "Patient"),
    ("Dr. Amari", "Joel"),
    ("[00:12] Therapist", "[00:15] Client"),
    ("**Therapist**", "**Client**"),
    ("थेरेपिस्ट", "मरीज़"),
)
THERAPIST_SAYS = (
    "How have you been since we last met?",
    "It sounds like that was hard for you. What happened then?",
    "Let's try a breathing exercise together, in for four and out for six.",
    "Could you write it down every evening until next session?",
    "Have you had any thoughts of hurting yourself?",
    "For homework, keep a diary of the worries.",
)
CLIENT_SAYS = (
    "I can’t sleep, and my boss keeps calling.",
    "I feel tired and ashamed… like nothing I do counts.",
    "My sister says I am “too much”, and I cried for 2 days.",
    "No, never. I would not do that to my kids.",
    "मैं बहुत थक गया हूँ। I don't know why.",
    "Me siento triste desde hace tres semanas.",
    "I used to drink at night, but I stopped in March.",
    "It was 10:30 and nobody came: nobody.",
)

noise = st.text(st.characters(codec="utf-8"), max_size=12)
breaks = st.sampled_from(["\n", "\r\n", "\n\n", " ", "\r"])


@st.composite
def sessions(draw: st.DrawFn, *, least: int = 2, most: int = 12) -> str:
    """A labelled session of ``least`` to ``most`` turns that take turns."""
    pair = draw(st.sampled_from(LABELS))
    separator = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
    turns = draw(st.integers(least, most))
    said = [draw(st.sampled_from((THERAPIST_SAYS, CLIENT_SAYS)[i % 2])) for i in range(turns)]
    return separator.join(f"{pair[i % 2]}: {words}" for i, words in enumerate(said))


anything = st.one_of(
    sessions(),
    st.text(max_size=300),
    st.lists(
        st.one_of(
            noise,
            breaks,
            st.sampled_from(["Therapist:", "C: ", "[00:01]", "Ana:", "[patient]", "{{RED:x}}", *CLIENT_SAYS]),
        ),
        max_size=25,
    ).map("".join),
)
"""Sessions, noise, and noise made of the pieces of sessions."""
