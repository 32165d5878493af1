"""``python -m orchestrator serve | db upgrade | user add``: the server, its schema and its accounts.

Exit codes: 0 done, 1 it failed for the reason printed, 2 wrong use.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from orchestrator import app, log, settings
from orchestrator.adapters.database import Database
from orchestrator.adapters.migrations import upgrade
from orchestrator.adapters.passwords import Argon2Hasher
from orchestrator.domain.records import NewTherapist, Role
from orchestrator.errors import AppError
from orchestrator.service import accounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.settings import Settings

LEAST_PASSWORD = 8

EXAMPLES = """examples:
  python -m orchestrator serve
  python -m orchestrator db upgrade
  printf '%s' "$PASSWORD" | python -m orchestrator user add --username anna --password-stdin

Settings come from SESSIONSCRIBE_* variables, e.g. SESSIONSCRIBE_PORT=8002 SESSIONSCRIBE_DATA_DIR=~/notes.
"""

UPGRADE_EXAMPLES = """examples:
  sessionscribe db upgrade
  sessionscribe db upgrade --data-dir ./data
"""
ADD_EXAMPLES = """examples:
  printf '%s' "$PASSWORD" | sessionscribe user add --username anna --password-stdin
  sessionscribe user add --username it --role admin --password-stdin --data-dir ./data < password.txt
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        read, invalid = settings.read()
    except settings.SettingsError as error:
        return _fail(str(error), code=2)
    if folder := getattr(asked, "data_dir", None):
        read = read.model_copy(update={"data_dir": folder})
    log.configure(read.log_level)
    for name in invalid:
        structlog.get_logger().warning("setting.invalid", name=name, used=str(getattr(read, name)))
    try:
        asyncio.run(asked.run(read, asked))
    except (AppError, OSError, ValueError) as error:
        return _fail(_reason(error))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator",
        description="The Sessionscribe server.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve the API until SIGTERM (the default)")
    parser.set_defaults(run=_serve)
    serve.set_defaults(run=_serve)
    db = commands.add_parser("db", prog="sessionscribe db", help="the database").add_subparsers(
        required=True, metavar="VERB"
    )
    upgrading = _verb(db, "upgrade", "bring the schema to the newest version", UPGRADE_EXAMPLES)
    upgrading.set_defaults(run=_upgrade)
    add = commands.add_parser("user", prog="sessionscribe user", help="accounts").add_subparsers(
        required=True, metavar="VERB"
    )
    _user_options(_verb(add, "add", "open an account; its password comes on standard input", ADD_EXAMPLES))
    return parser


def _verb(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, examples: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data-dir", type=Path, help="the folder that `serve --data-dir` has (default: the settings')")
    return parser


def _user_options(add: argparse.ArgumentParser) -> None:
    add.add_argument("--username", required=True)
    add.add_argument("--password-stdin", required=True, action="store_true", help="read the password from stdin")
    add.add_argument("--role", choices=list(Role), type=Role, default=Role.THERAPIST)
    add.add_argument("--email", help="default: USERNAME@localhost")
    add.add_argument("--full-name", help="default: USERNAME")
    add.add_argument("--license-number", help="default: none-USERNAME")
    add.set_defaults(run=_add_user)


async def _serve(read: Settings, _asked: argparse.Namespace) -> None:
    await app.serve(read)


async def _upgrade(read: Settings, _asked: argparse.Namespace) -> None:
    read.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    await upgrade(read.database)


async def _add_user(read: Settings, asked: argparse.Namespace) -> None:
    password = sys.stdin.read().rstrip("\r\n")
    if len(password) < LEAST_PASSWORD:
        raise ValueError(f"The password needs at least {LEAST_PASSWORD} characters.")
    await _upgrade(read, asked)
    database = Database(read.database)
    new = NewTherapist(
        email=asked.email or f"{asked.username}@localhost",
        username=asked.username,
        password_hash="",
        full_name=asked.full_name or asked.username,
        license_number=asked.license_number or f"none-{asked.username}",
        role=asked.role,
    )
    try:
        await accounts.register(new, password, accounts=app.stores(database).accounts, hasher=Argon2Hasher())
    finally:
        await database.dispose()
    sys.stderr.write(f"Added {asked.username} as {asked.role}.\n")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or 'system error'}{f': {error.filename}' if error.filename else ''}"
    return str(error)


def _fail(reason: str, *, code: int = 1) -> int:
    sys.stderr.write(f"sessionscribe: {reason}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
