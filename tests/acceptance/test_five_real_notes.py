"""The properties that need a model, on the real one: five notes of five kinds of sessions.

A hundred and more examples of each run on the fake server in ``tests/properties``.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.domain import markers
from orchestrator.domain.note import SectionName
from tests import houses
from tests.acceptance.alone import SESSIONS
from tests.writing import NEUTRAL, RISKY

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = [pytest.mark.gguf, pytest.mark.timeout(600)]

KEYWORD = re.compile(r"suicid|self[ -]?harm|\bkill|hurt myself|violence|abuse|overdose", re.IGNORECASE)
SPOKEN = (
    *SESSIONS[:3],
    f"Client: {RISKY[2]} {NEUTRAL[0]}\nTherapist: {NEUTRAL[4]}\nClient: {RISKY[4]}",
    f"T: {NEUTRAL[4]} C: {NEUTRAL[8]} T: {NEUTRAL[5]} C: {NEUTRAL[9]} {NEUTRAL[3]}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Five sessions of one patient, their notes, their summary, and what was logged of the model meanwhile."""

    answers: Sequence[dict[str, Any]]
    summary: dict[str, Any]
    status: dict[str, Any]
    inferences: Sequence[dict[str, Any]]


@pytest.fixture(scope="module")
def day(house: houses.House) -> Day:
    """All five at once, over HTTP."""
    before = len(house.log())
    answers, summary, status = asyncio.run(_worked(house))
    logged = [line for line in house.log()[before:] if line["event"] == "inference.finished"]
    return Day(answers=answers, summary=summary, status=status, inferences=logged)


async def _worked(house: houses.House) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    async with house.visited() as visit:
        await visit.rested()
        ann = await visit.anyone.sign_in()
        patient = await ann.patient()
        sessions = [await ann.session(text, patient_id=patient) for text in SPOKEN]
        answers = await asyncio.gather(*map(ann.generate, sessions))
        assert [answer.status for answer in answers] == [200] * len(SPOKEN)
        summary = await ann.post("/summarize-sessions", {"patient_id": patient})
        return [answer.body for answer in answers], summary.body, await visit.looked_up("/status")


def test_five_sections_written_in_time(day):
    """9, 16: every session has a note of the model with five sections in order."""
    for answer in day.answers:
        assert answer["origin"] == "ai"
        assert [line.split(":**")[0] for line in answer["generated_notes"].splitlines()] == [
            f"**{n}" for n in SectionName
        ]
        assert answer["inference_time"] < float(houses.NOTE_SECONDS)


def test_every_risk_word_is_marked(day):
    """10, 15: no risk keyword stands outside a marker, and marking again changes nothing."""
    texts = [answer["generated_notes"] for answer in day.answers] + [day.summary["summary"]]
    assert any("{{RED:" in text for text in texts)
    for text in texts:
        assert markers.mark(text) == text
        assert not KEYWORD.search(re.sub(r"\{\{RED:[^}]*\}\}", "", text))


def test_the_length_is_kept_or_told(day):
    """11: within the bounds, or the provenance says that it is not; never over 150 words."""
    for answer in day.answers:
        told = answer["note"]["provenance"]["validation"]
        least, most = told["bounds"]
        assert least <= told["words"] <= most or told["outside_bounds"]
        assert told["words"] <= 150


def test_the_configured_model_wrote_it(day):
    """7: model file and sampling of every note are those that the sidecar was told to serve."""
    for answer in day.answers:
        told = answer["note"]["provenance"]
        assert told["gguf_sha256"] == day.status["model"]["sha256"]
        assert told["sampling"] == day.status["sampling"]


def test_every_inference_is_in_the_log(day):
    """12: each with the lengths of what went in and came out, and its time; as many as the notes say."""
    counted = sum(answer["note"]["provenance"]["completions"] for answer in day.answers)
    assert len(day.inferences) >= counted + 1  # and the summary's
    for line in day.inferences:
        assert min(line["input_chars"], line["prompt_tokens"], line["completion_tokens"]) > 0
        assert line["output_chars"] > 0
        assert line["seconds"] > 0


def test_the_summary_knows_all_sessions(day):
    """8, 13: it counts them all and has the members that the app reads."""
    assert day.summary["success"] is True
    assert day.summary["session_count"] == len(SPOKEN)
    assert all(isinstance(point, str) for point in day.summary["key_points"])
    assert all(f"**{name}:**" in day.summary["summary"] for name in (*SectionName, "Latest Session", "Progress"))
