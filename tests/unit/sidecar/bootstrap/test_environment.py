"""The second set-up is instant, and anything that changes what is installed makes it a first one again."""

from __future__ import annotations

import json
import shutil

import pytest

from sidecar.bootstrap import environment, needs


@pytest.fixture
def checkout(tmp_path):
    """A checkout with the real lock and an environment that was set up for the tests."""
    shutil.copytree(environment.CHECKOUT / "requirements", tmp_path / "requirements")
    shutil.copy(environment.CHECKOUT / "pyproject.toml", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    stamps = {"test": environment.stamp("test", tmp_path)}
    (tmp_path / ".venv" / "sessionscribe.json").write_text(json.dumps(stamps))
    return tmp_path


@pytest.fixture
def _no_compiler(monkeypatch):
    """A set-up that begins ends at once, at the first thing it needs."""
    monkeypatch.setenv("CXX", "/nowhere/c++")


@pytest.mark.usefixtures("_no_compiler")
@pytest.mark.parametrize("kind", ["demo", "test"])
def test_what_is_there_is_not_installed_again(checkout, kind):
    """An environment for the tests does for the demo too."""
    environment.ensure(kind, checkout)


@pytest.mark.usefixtures("_no_compiler")
@pytest.mark.parametrize(
    "name", ["pyproject.toml", "requirements/dev.txt", "requirements/llama.txt", "requirements/models.txt"]
)
def test_a_changed_lock_sets_up_again(checkout, name):
    """Each file that decides what is installed counts."""
    with (checkout / name).open("a") as file:
        file.write("# changed\n")
    with pytest.raises(needs.Missing, match="compiler is missing"):
        environment.ensure("test", checkout)


@pytest.mark.usefixtures("_no_compiler")
def test_a_broken_stamp_sets_up_again(checkout):
    """Half a stamp, as a power cut leaves it, is no stamp."""
    (checkout / ".venv" / "sessionscribe.json").write_text('{"test": "')
    with pytest.raises(needs.Missing, match="compiler is missing"):
        environment.ensure("test", checkout)


@pytest.mark.usefixtures("_no_compiler")
def test_the_demo_alone_does_not_do_for_the_tests(checkout):
    """Development needs more than running."""
    stamps = {"demo": environment.stamp("demo", checkout)}
    (checkout / ".venv" / "sessionscribe.json").write_text(json.dumps(stamps))
    environment.ensure("demo", checkout)
    with pytest.raises(needs.Missing, match="compiler is missing"):
        environment.ensure("test", checkout)
