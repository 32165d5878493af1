"""``sessionscribe model ...``: what is printed and the exit codes."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from sidecar import defaults, model_commands
from sidecar.__main__ import main
from tests.fakes import model_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _logging_restored():
    """The program sets up logging for itself; the next test finds it as it was."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Run a command; its exit code, standard output and standard error."""
    monkeypatch.setenv("SESSIONSCRIBE_DATA_DIR", str(tmp_path / "data"))

    def command(*argv: str) -> tuple[int, str, str]:
        try:
            code = main(["model", *argv])
        except SystemExit as ended:
            code = int(str(ended.code))
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_from_adding_to_rolling_back(run, tmp_path: Path):
    """Add two models, list them, activate, verify, go back."""
    one, two = (model_file.write(tmp_path / f"{n}.gguf", weights=64 + n) for n in (1, 2))
    assert run("add", str(one), "--name", "one", "--licence", "MIT", "--activate")[0] == 0
    assert run("add", str(two), "--name", "two")[0] == 0
    assert run("activate", "two")[0] == 0
    rows = {row["name"]: row for row in json.loads(run("list", "--json")[1])}
    assert (rows["one"]["active"], rows["two"]["active"], rows["one"]["licence"]) == (False, True, "MIT")
    assert run("list")[1].startswith(" ")
    code, out, err = run("verify")
    assert (code, out.count("ok"), "100 %" in err) == (0, 2, False)
    code, out, _ = run("rollback")
    assert (code, "one" in out) == (0, True)
    code, _, err = run("rollback")
    assert (code, "before this one" in err) == (2, True)


def test_a_manifest_of_ones_own_is_taken(run, tmp_path: Path):
    """What training wrote is kept; a broken one is wrong use."""
    source = model_file.write(tmp_path / "one.gguf")
    run("add", str(source))
    row = json.loads(run("list", "--json")[1])[0]
    del row["active"]
    (tmp_path / "model.json").write_text(json.dumps(row | {"metrics": {"loss": 1.5}}))
    assert run("add", str(source), "--manifest", str(tmp_path / "model.json"))[0] == 0
    assert json.loads(run("list", "--json")[1])[0]["metrics"] == {"loss": 1.5}
    (tmp_path / "model.json").write_text("{}")
    code, _, err = run("add", str(source), "--manifest", str(tmp_path / "model.json"))
    assert (code, "missing field" in err) == (2, True)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["add"], 2),
        (["add", "/nowhere.gguf"], 2),
        (["activate", "nobody"], 1),
        (["verify", "nobody"], 1),
        (["pull", "nobody"], 2),
        (["fly"], 2),
        ([], 2),
    ],
)
def test_what_does_not_work_says_why(run, argv: list[str], code: int):
    """1: it failed; 2: wrong use. Standard output stays empty."""
    told, out, err = run(*argv)
    assert (told, out) == (code, "")
    assert err


def test_a_damaged_model_fails_to_verify(run, tmp_path: Path):
    """Exit code 1 and the reason."""
    run("add", str(model_file.write(tmp_path / "one.gguf")), "--name", "one")
    path = next((tmp_path / "data").rglob("one.gguf"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    code, _, err = run("verify", "one")
    assert (code, "damaged" in err) == (1, True)


@pytest.mark.parametrize("command", ["add", "list", "verify", "activate", "rollback", "pull"])
def test_help_teaches_by_example(run, command: str):
    """Every subcommand shows how it is used."""
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"examples:\n  sessionscribe model {command}" in out


def test_the_catalogue_is_shown(run):
    """Without a name: what could be pulled."""
    code, out, _ = run("pull")
    assert code == 0
    assert "phi-3-mini-4k-instruct" in out
    assert "2,393 MB" in out


def test_an_empty_folder_says_how_to_fill_it(run):
    """The next command is told."""
    code, out, err = run("list")
    assert (code, out) == (0, "")
    assert "model add --default" in err


def test_the_packaged_models_are_added_once(run):
    """Language model and encoder, in use, and the second time nothing is done again."""
    code, first, _ = run("add", "--default")
    assert code == 0
    assert defaults.LANGUAGE_NAME in first
    assert defaults.ENCODER_NAME in first
    assert run("add", "--default")[1] == first
    code, pulled, _ = run("pull", defaults.ENCODER_NAME, "--activate")
    assert (code, defaults.ENCODER_NAME in pulled) == (0, True)


def test_without_packages_it_is_said_what_is_missing(run, monkeypatch: pytest.MonkeyPatch):
    """The package's name and how to install it."""
    monkeypatch.setattr(defaults, "LANGUAGE_PACKAGE", "no-such-package")
    code, _, err = run("add", "--default")
    assert (code, "pip install --no-deps no-such-package" in err) == (1, True)


def test_usage_of_the_program_itself(capsys: pytest.CaptureFixture[str]):
    """--help goes to standard output, wrong use to standard error."""
    assert main(["--help"]) == 0
    assert "Exit codes" in capsys.readouterr().out
    assert main(["fly"]) == 2
    assert "usage" in capsys.readouterr().err


def test_progress_counts_up_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """One line that is written over, ended when all is done."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    show = model_commands._progress("copying")
    show(5_000_000, 10_000_000)
    show(10_000_000, 10_000_000)
    assert capsys.readouterr().err.endswith("\rcopying: 10 of 10 MB (100 %)\n")
