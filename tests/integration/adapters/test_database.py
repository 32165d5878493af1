"""The database: what it refuses, what it carries through, and that its migrations make the tables."""

from __future__ import annotations

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from orchestrator.adapters.accounts import SqlAccountStore
from orchestrator.adapters.database import Database
from orchestrator.adapters.migrations import upgrade
from orchestrator.adapters.notes import SqlNoteStore
from orchestrator.adapters.patients import SqlPatientStore
from orchestrator.adapters.sessions import SqlSessionStore
from orchestrator.adapters.tables import METADATA
from orchestrator.domain.records import NewSession, NewTherapist, NewVersion

GROWING = ("transcript_revision", "note_version", "audit_event")


@pytest.fixture
async def url(tmp_path):
    """A database at the newest schema."""
    address = f"sqlite+aiosqlite:///{tmp_path / 'test.sqlite3'}"
    await upgrade(address)
    return address


@pytest.fixture
async def database(url):
    """It, open."""
    opened = Database(url)
    yield opened
    await opened.dispose()


@pytest.fixture
async def session(database):
    """A therapist's session with a transcript and a note; (therapist, session)."""
    new = NewTherapist(email="a@b.c", username="a", password_hash="x", full_name="A", license_number="1")
    therapist = (await SqlAccountStore(database).add(new)).id
    patient = (await SqlPatientStore(database).add({"full_name": "P"}, therapist_id=therapist)).id
    opened = await SqlSessionStore(database).add(
        NewSession(patient_id=patient, language="english", transcript="Hello."), therapist_id=therapist
    )
    await SqlNoteStore(database).add_version(opened.id, NewVersion(rendered="One."), therapist_id=therapist)
    return therapist, opened.id


async def test_migrations_make_the_tables(database):
    """What the migrations build is what the tables declare, and running them again does nothing."""
    await upgrade(str(database.engine.url))

    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), METADATA)

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_two_processes_may_migrate_at_once(tmp_path):
    """The second waits and finds it done."""
    address = f"sqlite+aiosqlite:///{tmp_path / 'new.sqlite3'}"
    await asyncio.gather(upgrade(address), upgrade(address))


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("table", GROWING)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id + 100", "DELETE FROM {}"])
async def test_what_only_grows_cannot_be_changed(database, table, statement):
    """The database itself refuses, whoever asks."""

    async def work(db):
        assert (await db.execute(text(f"SELECT count(*) FROM {table}"))).scalar()
        await db.execute(text(statement.format(table)))

    with pytest.raises(DBAPIError, match="only ever grows"):
        await database.write(work)


async def test_errors_hide_their_parameters(database, session):
    """The text of a failed statement has none of its values."""

    async def work(db):
        await db.execute(
            text("INSERT INTO transcript_revision (session_id, number, text, created_at) VALUES (:s, 1, :t, 0)"),
            {"s": session[1], "t": "canary"},
        )

    with pytest.raises(IntegrityError) as caught:
        await database.write(work)
    assert "canary" not in str(caught.value)


async def test_foreign_keys_hold(database):
    """A session of nobody's patient is refused."""

    async def work(db):
        await db.execute(text("INSERT INTO token VALUES ('d', 99, 0, 0, NULL)"))

    with pytest.raises(IntegrityError):
        await database.write(work)


async def test_a_write_survives_its_caller(database, session):
    """A caller that is cancelled in the middle leaves a whole transaction, and dispose waits for it."""
    therapist, number = session
    begun, go = asyncio.Event(), asyncio.Event()

    async def work(db):
        begun.set()
        await go.wait()
        await db.execute(text("UPDATE session SET diagnosis = 'kept'"))

    caller = asyncio.create_task(database.write(work))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    closing = asyncio.create_task(database.dispose())
    go.set()
    await closing
    again = Database(str(database.engine.url))
    assert (await SqlSessionStore(again).get(number, therapist_id=therapist)).diagnosis == "kept"
    await again.dispose()


async def test_readers_do_not_wait_for_a_writer(database, session):
    """While a transaction is open a reader sees what stood before."""
    therapist, number = session
    begun, go = asyncio.Event(), asyncio.Event()

    async def work(db):
        await db.execute(text("UPDATE session SET diagnosis = 'new'"))
        begun.set()
        await go.wait()

    writer = asyncio.create_task(database.write(work))
    await begun.wait()
    assert (await SqlSessionStore(database).get(number, therapist_id=therapist)).diagnosis is None
    go.set()
    await writer


async def test_many_writers_at_once(database, session):
    """Fifty versions at once: every number once, no gap, one current."""
    therapist, number = session
    store = SqlNoteStore(database)
    texts = [f"Version {n}." for n in range(50)]
    await asyncio.gather(
        *(store.add_version(number, NewVersion(rendered=said), therapist_id=therapist) for said in texts)
    )
    versions = await store.versions(number, therapist_id=therapist)
    assert [version.number for version in versions] == list(range(51, 0, -1))
    assert {version.rendered for version in versions} == {"One.", *texts}
    assert [version.is_current for version in versions].count(True) == 1
    assert versions[0].is_current
