"""The guard of the whole suite, guarded."""

from __future__ import annotations

import contextlib
import socket

import pytest

from tests import network_guard


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "::1%lo", "localhost", "", None, b"127.0.0.2"])
def test_this_machine_is_local(host):
    """Loopback in all its spellings may be spoken to."""
    assert network_guard.is_local(host)


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "2001:db8::1", "10.0.0.1", "0.0.0.1", "example.org", "localhost.example.org"]
)
def test_every_other_machine_is_not(host):
    """Private networks are other machines too, and a name is judged by its end."""
    assert not network_guard.is_local(host)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_connection_to_another_machine_is_refused_and_remembered(kind):
    """Even code that swallows the refusal is caught."""
    with socket.socket(socket.AF_INET, kind) as sock, contextlib.suppress(Exception):
        sock.connect(("192.0.2.1", 9))
    with pytest.raises(network_guard.LeftTheMachine, match=r"192\.0\.2\.1"):
        network_guard.check()


def test_a_name_is_not_even_looked_up():
    """A look-up tells a name server what one is about to do."""
    with pytest.raises(network_guard.LeftTheMachine):
        socket.getaddrinfo("example.org", 443)
    network_guard.attempts.clear()
