"""7: the model and the sampling parameters that are configured are the ones that are used, and the note tells them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, strategies as st

from tests.fakes.llama_server import start
from tests.writing import TRANSCRIPT, desk, written

pytestmark = pytest.mark.timeout(180)

sampling = st.fixed_dictionaries(
    {
        "temperature": st.floats(0, 2, allow_nan=False).map(lambda x: round(x, 3)),
        "top_p": st.floats(0.01, 1).map(lambda x: round(x, 3)),
        "top_k": st.integers(0, 200),
        "repeat_penalty": st.floats(0.5, 2).map(lambda x: round(x, 3)),
        "seed": st.integers(0, 2**31 - 1),
        "max_tokens": st.integers(60, 2000),
    }
)


@given(sampling)
def test_what_the_sidecar_is_set_to_is_what_the_model_is_asked_with(configured):
    """The sampling of the sidecar's status is in the request, name by name, and in the provenance of the note."""

    async def run():
        async with start() as fake, desk(fake) as at:
            fake.sampling = configured  # how the sidecar is configured
            note = (await written(TRANSCRIPT, at)).note
            return fake.requests[0], note.provenance

    asked, provenance = asyncio.run(run())
    assert {name: asked[name] for name in configured} == configured
    assert provenance["sampling"] == configured
    assert provenance["model"] == "fake"
    assert provenance["gguf_sha256"] == "f" * 64
