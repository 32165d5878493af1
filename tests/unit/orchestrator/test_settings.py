"""Settings from the environment."""

from __future__ import annotations

import pytest

from orchestrator.settings import Settings, SettingsError, read


def test_a_misspelt_variable_refuses_to_start():
    """The message names the nearest setting that exists."""
    with pytest.raises(SettingsError, match=r"SESSIONSCRIBE_PRT.*Did you mean SESSIONSCRIBE_PORT"):
        read({"SESSIONSCRIBE_PRT": "1"})


def test_other_programs_variables_pass():
    """The sidecar's variables and those of the set-up are not ours to judge; our two about the sidecar are ours."""
    read(
        {
            "SESSIONSCRIBE_SIDECAR_PORT": "1",
            "SESSIONSCRIBE_CACHE": "x",
            "SESSIONSCRIBE_SIDECAR_URL": "http://x",
            "PATH": "",
        }
    )


def test_an_invalid_value_falls_back(monkeypatch):
    """The default is used, the name is reported, and the valid ones count."""
    monkeypatch.setenv("SESSIONSCRIBE_PORT", "many")
    monkeypatch.setenv("SESSIONSCRIBE_NOTE_SECONDS", "-1")
    monkeypatch.setenv("SESSIONSCRIBE_TOKEN_HOURS", "3")
    settings, invalid = read()
    assert invalid == ("note_seconds", "port")
    assert (settings.port, settings.note_seconds, settings.token_hours) == (8002, 45.0, 3.0)


def test_lists_are_written_with_commas(monkeypatch):
    """Origins and networks; a network that is none falls back to no network."""
    monkeypatch.setenv("SESSIONSCRIBE_CORS_ORIGINS", "https://a.example, https://b.example")
    monkeypatch.setenv("SESSIONSCRIBE_OPEN_NETWORKS", "10.0.0.0/8,::1/128")
    settings, _ = read()
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert [str(network) for network in settings.open_networks] == ["10.0.0.0/8", "::1/128"]
    monkeypatch.setenv("SESSIONSCRIBE_OPEN_NETWORKS", "everybody")
    settings, invalid = read()
    assert (settings.open_networks, invalid) == ((), ("open_networks",))


@pytest.mark.parametrize(
    ("host", "registration", "is_open"),
    [
        ("127.0.0.1", "auto", True),
        ("::1", "auto", True),
        ("localhost", "auto", True),
        ("0.0.0.0", "auto", False),
        ("db.example", "auto", False),
        ("0.0.0.0", "open", True),
        ("127.0.0.1", "closed", False),
    ],
)
def test_who_may_register(host, registration, is_open):
    """Registration is open on loopback only, unless set otherwise."""
    assert Settings(host=host, registration=registration).registration_open is is_open


def test_settings_cannot_be_changed():
    """They are frozen, and nothing in the environment of the tests reaches them."""
    settings = Settings()
    assert settings.port == 8002
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # that is the point
