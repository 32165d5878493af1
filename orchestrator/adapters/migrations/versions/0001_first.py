"""The first tables, and triggers that refuse to change what only ever grows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

APPEND_ONLY = ("transcript_revision", "note_version", "audit_event")


def upgrade() -> None:
    """One step forward."""
    _accounts()
    _patients_and_sessions()
    _records()
    for table in APPEND_ONLY:
        _refuse_changes(table)


def _text(name: str, *, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=optional)


def _long(name: str, *, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=optional)


def _time(name: str, *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=optional)


def _number(name: str, *, optional: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=optional)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _key(table: str, column: str = "id") -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(column, name=f"pk_{table}")


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{table}_{column}_{to}")


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def _accounts() -> None:
    op.create_table(
        "therapist",
        _number("id"),
        *map(_text, ("email", "username", "password_hash", "full_name", "license_number")),
        _text("specialization", optional=True),
        _text("phone", optional=True),
        _text("role"),
        *map(_flag, ("is_active", "is_verified")),
        _time("created_at"),
        _key("therapist"),
        *(_unique("therapist", column) for column in ("email", "username", "license_number")),
    )
    op.create_table(
        "token",
        _text("digest"),
        _number("therapist_id"),
        *map(_time, ("created_at", "expires_at")),
        _time("closed_at", optional=True),
        _key("token", "digest"),
        _points("token", "therapist_id", "therapist"),
    )
    op.create_index("ix_token_therapist_id", "token", ["therapist_id"])
    op.create_table("setting", _text("name"), _text("value"), _key("setting", "name"))


def _patients_and_sessions() -> None:
    op.create_table(
        "patient",
        *map(_number, ("id", "therapist_id")),
        *map(_text, ("patient_id", "full_name")),
        sa.Column("details", sa.JSON(), nullable=False),
        _flag("is_active"),
        *map(_time, ("created_at", "updated_at")),
        _key("patient"),
        _points("patient", "therapist_id", "therapist"),
        _unique("patient", "therapist_id", "patient_id"),
    )
    op.create_index("ix_patient_therapist_id", "patient", ["therapist_id"])
    op.create_table(
        "session",
        *map(_number, ("id", "patient_id", "number")),
        _time("session_date"),
        _number("duration", optional=True),
        _text("language"),
        *(_number(name, optional=True) for name in ("revision_number", "note_number")),
        _long("translated_transcription", optional=True),
        _text("translation_language", optional=True),
        *(_long(name, optional=True) for name in ("diagnosis", "treatment_plan")),
        _flag("is_completed"),
        *map(_time, ("created_at", "updated_at")),
        _time("deleted_at", optional=True),
        _key("session"),
        _points("session", "patient_id", "patient"),
        _unique("session", "patient_id", "number"),
    )
    op.create_index("ix_session_patient_id", "session", ["patient_id"])


def _records() -> None:
    op.create_table(
        "transcript_revision",
        *map(_number, ("id", "session_id", "number")),
        _long("text"),
        _time("created_at"),
        _key("transcript_revision"),
        _points("transcript_revision", "session_id", "session"),
        _unique("transcript_revision", "session_id", "number"),
    )
    op.create_table(
        "note_version",
        *map(_number, ("id", "session_id", "number")),
        _text("origin"),
        _long("rendered"),
        _long("note_json", optional=True),
        _number("revision_id", optional=True),
        _number("author_id"),
        _number("based_on", optional=True),
        _time("created_at"),
        _key("note_version"),
        _points("note_version", "session_id", "session"),
        _points("note_version", "revision_id", "transcript_revision"),
        _points("note_version", "author_id", "therapist"),
        _unique("note_version", "session_id", "number"),
    )
    op.create_table(
        "audit_event",
        _number("id"),
        _time("at"),
        _number("therapist_id", optional=True),
        *map(_text, ("action", "subject")),
        _key("audit_event"),
        _points("audit_event", "therapist_id", "therapist"),
    )


def _refuse_changes(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} only ever grows'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} only ever grows'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_refuses_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_only_grows()"
    )
