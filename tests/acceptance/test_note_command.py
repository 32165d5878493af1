"""``sessionscribe note`` with the real server and the real small model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.domain.note import SectionName
from tests import houses

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.gguf, pytest.mark.timeout(600)]

SAMPLES = sorted((Path(__file__).parents[1] / "data").glob("*.txt"))
SHORT = "Client: Hello."


@pytest.fixture(scope="module")
def folder(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder."""
    return houses.data_folder(tmp_path_factory.mktemp("note") / "data", models)


@pytest.fixture(scope="module")
def notes(folder: Path) -> Mapping[str, dict]:
    """The notes of all samples by name, of one run."""
    ran = houses.run("note", *SAMPLES, "--data-dir", folder)
    assert ran.returncode == 0, ran.stderr
    told = [json.loads(line) for line in ran.stdout.splitlines()]  # JSON alone, one line each
    assert [note["id"] for note in told] == [str(path) for path in SAMPLES]
    assert not (folder / "sessionscribe.sqlite3").exists()  # nothing is stored
    return {Path(note["id"]).stem: note for note in told}


@pytest.fixture(params=SAMPLES, ids=lambda path: path.stem)
def sample(request: pytest.FixtureRequest) -> Path:
    """One of the samples."""
    return request.param


def test_a_sample_becomes_a_note_of_the_model(notes, sample):
    """Five sections in order, written by the model and not by the fallback, over the whole session."""
    note = notes[sample.stem]
    assert note["origin"] == "ai", note["provenance"]
    assert note["coverage"] == 1.0
    assert [section["name"] for section in note["sections"]] == list(SectionName)
    assert [line.split(":**")[0] for line in note["text"].splitlines()] == [f"**{name}" for name in SectionName]
    assert all(sentence["text"] for section in note["sections"] for sentence in section["sentences"])


def test_a_note_names_the_file_that_wrote_it(notes, models, sample):
    """The provenance's SHA-256 is that of the model file as it lies there now."""
    (manifest,) = [m for m in map(_manifest, models.glob("*/model.json")) if m["kind"] == "language"]
    file = models / manifest["sha256"][:16] / manifest["file"]
    told = notes[sample.stem]["provenance"]
    assert told["gguf_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (told["model"], told["quantization"]) == (manifest["name"], manifest["quantization"])
    assert told["sampling"] == manifest["sampling"]
    assert told["completion_tokens"] > 0


def _manifest(path: Path) -> dict:
    return json.loads(path.read_text())


def test_evidence_is_what_was_said(notes, sample):
    """Every span of a sentence, finding or term is cut out of the transcript to the letter."""
    transcript, note = sample.read_text(), notes[sample.stem]
    sentences = [sentence for section in note["sections"] for sentence in section["sentences"]]
    spans = [span for sentence in sentences for span in sentence["evidence"]]
    spans += [span for finding in note["risk"] for span in (finding, *finding["terms"])]
    assert spans
    assert [span["quote"] for span in spans] == [transcript[span["start"] : span["end"]] for span in spans]
    assert all(s["evidence"] for s in sentences if s["support"] == "supported" and s["text"] != "Not discussed.")


def test_the_risk_of_a_sample_is_found_and_marked(notes):
    """The thoughts of not waking up and the overdose long ago are found, told apart and red in the note."""
    note = notes["after_the_funeral"]
    found = [(finding["status"], finding["quote"]) for finding in note["risk"]]
    assert any(status == "present_passive" and "didn't wake up" in quote for status, quote in found)
    assert any(status == "historical" and "overdose" in quote for status, quote in found)
    risk = note["text"].split("**Risk:** ")[1].split("\n")[0]
    assert "{{RED:overdose}}" in risk
    assert "Not discussed" not in risk


def test_one_note_is_one_json_document(folder, tmp_path):
    """With --json standard output holds the note and nothing else; a byte order mark is no word."""
    file = tmp_path / "session.txt"
    file.write_text(houses.TRANSCRIPT, encoding="utf-8-sig")
    ran = houses.run("note", file, "--json", "--data-dir", folder)
    assert ran.returncode == 0, ran.stderr
    assert set(json.loads(ran.stdout)) == {"text", "sections", "risk", "origin", "coverage", "provenance"}
    assert houses.leaks(ran.stderr) == []
    assert houses.leaks((folder / "note.log").read_text()) == []


def test_what_is_too_short_fails(folder, tmp_path):
    """1 and a reason, and nothing on standard output."""
    file = tmp_path / "short.txt"
    file.write_text(SHORT)
    ran = houses.run("note", file, "--json", "--data-dir", folder)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "50 characters" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["no such file.txt"], 1, "no such file.txt: No such file or directory"),
        (["--jsonl", "no such file.jsonl"], 1, "No such file or directory"),
        ([], 2, "name one or more files"),
        (["one.txt", "--jsonl", "two.jsonl"], 2, "name one or more files"),
        (["--unheard-of"], 2, "unrecognized arguments"),
    ],
)
def test_what_cannot_be_read_is_said_at_once(folder, arguments, code, reason):
    """1 for a file that cannot be read, 2 for wrong use; standard output stays empty."""
    ran = houses.run("note", *arguments, "--data-dir", folder)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert reason in ran.stderr


def test_a_misspelt_setting_is_wrong_use(folder):
    """A variable that does not exist is never passed over in silence."""
    ran = houses.run("note", SAMPLES[0], "--data-dir", folder, SESSIONSCRIBE_NOTE_SECOND="9")
    assert ran.returncode == 2
    assert "Did you mean SESSIONSCRIBE_NOTE_SECONDS?" in ran.stderr
