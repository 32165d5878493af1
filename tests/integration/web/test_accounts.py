"""Accounts over HTTP."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from tests.running import PASSWORD, Client, serving

ACCOUNT = {
    "email": "Eve@Example.org",
    "username": "eve",
    "password": PASSWORD,
    "full_name": "Eve Example",
    "license_number": "L-1",
    "specialization": "CBT",
    "hashed_password": "ignored",
}


async def test_register_log_in_and_out(server):
    """The way of a token from log-in to log-out, with every member the frontend reads."""
    registered = await server.anyone.post("/auth/register", ACCOUNT)
    assert registered.body["success"] is True
    assert registered.body["message"]
    members = {"id", "email", "username", "full_name", "license_number", "specialization", "phone", "is_active"}
    assert members | {"is_verified", "created_at", "patient_count"} <= set(registered.body["therapist"])
    opened = await server.anyone.post("/auth/login", data={"username": "eve@example.org", "password": PASSWORD})
    assert opened.body["token_type"] == "bearer"
    eve = Client(server.anyone.url, server.anyone.http, opened.body["access_token"])
    await eve.patient()
    me = await eve.get("/auth/me")
    assert (me.body["success"], me.body["therapist"]["patient_count"]) == (True, 1)
    assert (await eve.post("/auth/logout")).body["success"] is True
    assert (await eve.get("/auth/me")).status == 401
    assert (await server.anyone.post("/auth/logout")).status == 200


async def test_what_is_taken(server):
    """E-mail (in any case), username and licence are unique; the answer says which one it is."""
    await server.anyone.post("/auth/register", ACCOUNT)
    other = {**ACCOUNT, "email": "o@example.org", "username": "other", "license_number": "L-2"}
    for member, word in (("email", "e-mail"), ("username", "username"), ("license_number", "licence")):
        answer = await server.anyone.post("/auth/register", {**other, member: ACCOUNT[member]})
        assert answer.status == 400
        assert word in answer.body["detail"]


async def test_wrong_passwords(server):
    """A wrong password and an unknown name get the same answer."""
    await server.anyone.post("/auth/register", ACCOUNT)
    wrong = await server.anyone.post("/auth/login", data={"username": "eve", "password": "wrong"})
    nobody = await server.anyone.post("/auth/login", data={"username": "nobody", "password": "wrong"})
    assert (wrong.status, nobody.status) == (401, 401)
    assert wrong.headers["WWW-Authenticate"] == "Bearer"
    assert wrong.body["detail"] == nobody.body["detail"]


async def test_inactive_accounts_and_old_tokens(server, tmp_path):
    """A switched-off account is 403 at log-in and its tokens are dead; so is an expired token."""
    eve = await server.anyone.sign_in()
    name = (await eve.get("/auth/me")).body["therapist"]["username"]
    ann = await server.anyone.sign_in()
    _change(tmp_path, "UPDATE therapist SET is_active = 0 WHERE username = ?", name)
    refused = await server.anyone.post("/auth/login", data={"username": name, "password": PASSWORD})
    assert refused.status == 403
    assert (await eve.get("/auth/me")).status == 401
    past = (datetime.now(UTC) - timedelta(seconds=1)).replace(tzinfo=None)
    _change(tmp_path, "UPDATE token SET expires_at = ?", past.isoformat(" "))
    assert (await ann.get("/auth/me")).status == 401


async def test_no_secret_is_kept(server, tmp_path):
    """The database has neither the password nor the token, and the file is for its owner only."""
    ann = await server.anyone.sign_in()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert ann.token.encode() not in kept
    assert PASSWORD.encode() not in kept
    assert b"$argon2id$" in kept
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


async def test_registration_is_for_loopback(tmp_path):
    """Closed by setting, or by listening beyond loopback, it says so; opened by setting it works there."""
    for options, status in (
        ({"registration": "closed"}, 403),
        ({"host": "0.0.0.0"}, 403),
        ({"host": "0.0.0.0", "registration": "open"}, 200),
    ):
        async with serving(tmp_path, **options) as server:
            answer = await server.anyone.post("/auth/register", ACCOUNT)
            assert answer.status == status
            assert answer.body["success"] is (status == 200)


def _change(folder, statement, value):
    with sqlite3.connect(folder / "sessionscribe.sqlite3") as database:
        database.execute(statement, (value,))
    database.close()
