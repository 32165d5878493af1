"""12: every inference logs its input length, its output length and its time, and no text."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, strategies as st
from structlog.testing import capture_logs

from tests.fakes.llama_server import Reply, start
from tests.writing import desk, transcripts, written

pytestmark = pytest.mark.timeout(180)

replies = st.lists(
    st.sampled_from(
        [Reply(), Reply(cut_after=3), Reply(status=500), Reply(text="**Plan:** None."), Reply(error_after=1)]
    ),
    min_size=1,
    max_size=3,
)


@given(transcript=transcripts(), replies=replies)
def test_one_line_an_inference_with_lengths_and_time(transcript, replies):
    """As many lines as requests; the lengths are those of what was sent and what came."""

    async def run():
        async with start(replies) as fake, desk(fake) as at:
            done = await written(transcript, at)
            return fake.requests, done

    with capture_logs() as logs:
        requests, done = asyncio.run(run())
    lines = [line for line in logs if line["event"] == "inference.finished"]
    assert len(lines) == len([request for request in requests if "messages" in request])
    sent = sorted(sum(len(message["content"]) for message in request["messages"]) for request in requests)
    assert sorted(line["input_chars"] for line in lines) == sent
    assert all(line["output_chars"] >= 0 and line["seconds"] >= 0 for line in lines)
    finished = [line for line in lines if line["outcome"] in {"stop", "length"}]
    assert sum(line["completion_tokens"] for line in finished) == done.note.provenance["completion_tokens"]
    assert all(len(str(value)) < 40 for line in lines for value in line.values())
