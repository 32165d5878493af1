"""``sessionscribe demo``: from a home folder without anything in it to a note on the screen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from orchestrator.domain.note import SectionName
from tests import houses

pytestmark = [pytest.mark.gguf, pytest.mark.timeout(600)]


def test_the_demo_shows_a_note(tmp_path):
    """Five headings, written by the model that it names with its SHA-256; then what to type next. It leaves no process."""
    ran = houses.run("demo", HOME=str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert [name for name in SectionName if sum(line.startswith(f"{name}: ") for line in lines) == 1] == list(
        SectionName
    )
    told = dict(re.findall(r"^  (origin|model|GGUF SHA-256|time) +(.+)$", ran.stdout, re.MULTILINE))
    (active,) = [
        m
        for path in (tmp_path / ".local/share/sessionscribe/models").glob("*/model.json")
        if (m := json.loads(path.read_text()))["kind"] == "language"
    ]
    assert told["origin"] == "ai"
    assert told["model"] == f"{active['name']} {active['quantization']}"
    assert told["GGUF SHA-256"] == active["sha256"]
    assert re.fullmatch(r"[\d.]+ s, \d+ tokens, \d+ tokens/s overall", told["time"])
    assert "sessionscribe serve" in ran.stdout
    assert "curl" in ran.stdout
    assert "\x1b[" not in ran.stdout  # colours are for terminals
    assert houses.mentioning(tmp_path) == set()


def test_the_demo_tells_the_sample_files():
    """The samples in the package are those in the repository, so that what the demo names can be typed."""
    data = Path(__file__).parents[1] / "data"
    samples = Path(__file__).parents[2] / "orchestrator" / "samples"
    assert {p.name: p.read_text() for p in data.glob("*.txt")} == {p.name: p.read_text() for p in samples.glob("*.txt")}
