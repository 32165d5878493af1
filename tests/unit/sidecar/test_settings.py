"""What can be set from outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sidecar.errors import WrongUse
from sidecar.settings import PREFIX, Settings, data_folder, load, models_folder


def test_every_field_is_a_variable():
    """Values are read by name and type."""
    chosen = load({f"{PREFIX}PORT": "9000", f"{PREFIX}TEMPERATURE": "0.5", f"{PREFIX}MODELS_DIR": "/m", "OTHER": "x"})
    assert (chosen.port, chosen.temperature, chosen.models_dir) == (9000, 0.5, Path("/m"))


@pytest.mark.parametrize(("name", "hint"), [("SLOT", "SLOTS"), ("TEMPRATURE", "TEMPERATURE"), ("QQQQ", None)])
def test_a_misspelt_variable_refuses_to_start(name: str, hint: str | None):
    """The message names it, and what was probably meant."""
    with pytest.raises(WrongUse, match=f"{PREFIX}{name} is not a setting" + (rf".*{PREFIX}{hint}\?" if hint else "")):
        load({f"{PREFIX}{name}": "1"})


def test_what_the_orchestrator_reads_is_no_mistake():
    """Address and key of the sidecar carry the same prefix."""
    assert load({f"{PREFIX}URL": "http://x", f"{PREFIX}KEY_FILE": "/k"}) == Settings()


@pytest.mark.parametrize(("name", "value"), [("PORT", "eighty"), ("SLOTS", "0"), ("ENGINE", "other"), ("TOP_P", "2")])
def test_an_invalid_value_gives_way_to_the_default_and_is_logged(name: str, value: str):
    """The other settings stay, and the value itself is not logged."""
    with capture_logs() as logs:
        chosen = load({f"{PREFIX}{name}": value, f"{PREFIX}SEED": "7"})
    assert chosen == Settings(seed=7)
    (entry,) = logs
    assert (entry["event"], entry["setting"], entry["log_level"]) == ("settings.invalid", f"{PREFIX}{name}", "warning")
    assert value not in {entry["using"], entry["reason"]}


def test_an_empty_variable_is_none():
    """``NAME=`` is how shells and manifests leave something out."""
    assert load({f"{PREFIX}MODEL": "", f"{PREFIX}PORT": ""}) == Settings()


def test_settings_do_not_change():
    """They are read once."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


def test_the_models_lie_in_the_data_folder():
    """Named, or by the desktop standard, or in the home folder."""
    assert models_folder(Settings(), {"SESSIONSCRIBE_DATA_DIR": "/d"}) == Path("/d/models")
    assert models_folder(Settings(models_dir=Path("/m")), {}) == Path("/m")
    assert data_folder({"XDG_DATA_HOME": "/x"}) == Path("/x/sessionscribe")
    assert data_folder({}) == Path.home() / ".local/share/sessionscribe"
