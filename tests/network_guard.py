"""Watches this process from inside the interpreter: whoever tries to reach another machine is stopped and remembered.

An audit hook sees every connect, send and look-up of the ``socket`` module, whichever library makes it, and cannot be
taken off again. Child processes are watched by the network namespace of the acceptance tests instead.
"""

from __future__ import annotations

import ipaddress
import sys

_ADDRESSED = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_LOCAL_NAMES = frozenset({"", "localhost"})

attempts: list[str] = []


class LeftTheMachine(RuntimeError):
    """Something tried to reach another machine."""


def install() -> None:
    """Start watching; there is no way back."""
    sys.addaudithook(_hook)


def check() -> None:
    """Raise LeftTheMachine if something tried since the last check, even when it swallowed the error."""
    if attempts:
        seen = ", ".join(attempts)
        attempts.clear()
        raise LeftTheMachine(f"tried to reach {seen}")


def is_local(host: object) -> bool:
    """Whether ``host`` is this machine: loopback, no host at all, or the path of a Unix socket."""
    if host is None:
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event in _ADDRESSED:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a Unix socket's address is no tuple
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not is_local(host):
        attempts.append(f"{host} ({event})")
        raise LeftTheMachine(f"{event}: {host}")
