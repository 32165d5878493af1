"""Property 17: a note's metadata tells AI, AI edited and human, whatever chain of edits led to it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from orchestrator.domain.authorship import after_edit, flags
from orchestrator.domain.note import Origin


@given(st.sampled_from([None, *Origin]), st.integers(1, 8))
def test_a_chain_of_edits_remembers_where_it_began(first, edits):
    """However often a human edits, a text of the model's stays edited AI, and any other is human."""
    origin = first
    for _ in range(edits):
        origin = after_edit(origin)
    assert origin is (Origin.AI_EDITED if first in {Origin.AI, Origin.AI_EDITED} else Origin.HUMAN)


@given(st.sampled_from([None, *Origin]), st.booleans())
def test_no_edit_ever_claims_to_be_the_models(current, edited_from_model):
    """An edit is never AI or fallback, and nothing that came from a fallback or from nothing is called AI-edited."""
    after = after_edit(current, edited_from_model=edited_from_model)
    assert after in {Origin.AI_EDITED, Origin.HUMAN}
    assert not (current in {None, Origin.FALLBACK} and after is Origin.AI_EDITED)


@pytest.mark.parametrize(
    ("origin", "is_ai_generated", "edited_from_ai"),
    [
        (Origin.AI, True, False),
        (Origin.AI_EDITED, True, True),
        (Origin.HUMAN, False, False),
        (Origin.FALLBACK, False, False),
        (None, False, False),
    ],
)
def test_what_the_app_sees(origin, is_ai_generated, edited_from_ai):
    """The two flags of the frontend, for each origin."""
    assert flags(origin) == (is_ai_generated, edited_from_ai)


def test_a_human_text_that_goes_back_to_the_model_is_edited_ai():
    """The stored versions can say that a human version was made from the model's."""
    assert after_edit(Origin.HUMAN, edited_from_model=True) is Origin.AI_EDITED
