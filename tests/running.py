"""The real application on a real port with a real database, and a client that talks to it as the frontend does."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import argon2
from aiohttp import web

from orchestrator.adapters.passwords import Argon2Hasher
from orchestrator.app import create_app
from orchestrator.settings import Settings
from tests.fakes import llama_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

TRANSCRIPT = (
    "Therapist: How was your week?\n"
    "Client: I slept badly, maybe four hours a night, and work has been too much.\n"
    "Therapist: What did you try when you could not sleep?\n"
    "Client: I walked around the block and wrote things down, which helped a little."
)
PASSWORD = "correct horse battery"
QUICK = Argon2Hasher(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
_numbers = itertools.count(1)


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 10.0) -> None:
    """Look again and again until ``condition`` holds: for what only another process or connection can bring about."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    headers: Any
    text: str
    body: Any


@dataclass(slots=True)
class Client:
    """One user of the API; ``token`` goes with every call once it is set."""

    url: str
    http: aiohttp.ClientSession
    token: str | None = None

    def headers(self, **more: str) -> dict[str, str]:
        """The headers of a call."""
        return {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **more}

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Send a request (``body`` as JSON) and read the whole answer."""
        headers = self.headers(**options.pop("headers", {}))
        if body is not None:
            options["json"] = body
        async with self.http.request(method, self.url + path, headers=headers, **options) as response:
            text = await response.text()
            parsed = await response.json(content_type=None) if "json" in response.content_type else None
            return Answer(response.status, response.headers, text, parsed)

    async def get(self, path: str, **options: Any) -> Answer:
        """GET."""
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        """POST."""
        return await self.call("POST", path, body, **options)

    async def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        """PUT."""
        return await self.call("PUT", path, body, **options)

    async def delete(self, path: str) -> Answer:
        """DELETE."""
        return await self.call("DELETE", path)

    async def sign_in(self) -> Client:
        """Another client of the same server, with a new therapist's account and token."""
        name = f"therapist-{next(_numbers)}"
        account = {"username": name, "password": PASSWORD, "email": f"{name}@example.org", "full_name": "Ann Example"}
        registered = await self.post("/auth/register", {**account, "license_number": f"L-{name}"})
        assert registered.status == 200, registered.text
        opened = await self.post("/auth/login", data={"username": name, "password": PASSWORD})
        return Client(self.url, self.http, opened.body["access_token"])

    async def patient(self, **fields: Any) -> int:
        """Add a patient; the id."""
        added = await self.post("/patients/", {"full_name": "Pat Example", **fields})
        assert added.status == 200, added.text
        return added.body["patient"]["id"]

    async def session(self, transcript: str | None = TRANSCRIPT, **fields: Any) -> int:
        """Open a session, of a new patient unless one is named; the id."""
        patient = fields.pop("patient_id", None) or await self.patient()
        body = {"patient_id": patient, "language": "english", "original_transcription": transcript, **fields}
        opened = await self.post("/sessions/", body)
        assert opened.status == 200, opened.text
        return opened.body["session"]["id"]

    async def shown(self, session: int) -> dict[str, Any]:
        """The session as it is now."""
        return (await self.get(f"/sessions/{session}")).body["session"]

    async def generate(self, session: int, *, regenerate: bool = True) -> Answer:
        """Have the note written."""
        return await self.post(f"/sessions/{session}/generate-notes", {"regenerate": regenerate})

    async def versions(self, session: int) -> list[dict[str, Any]]:
        """The versions of the note, newest first."""
        return (await self.get(f"/sessions/{session}/notes/versions")).body["versions"]


@dataclass(frozen=True, slots=True)
class Server:
    """The running application: somebody who has not signed in, the model behind it, and its parts."""

    anyone: Client
    fake: llama_server.FakeLlamaServer
    app: web.Application
    runner: web.AppRunner

    async def asked(self) -> bool:
        """Whether the model was asked for anything yet."""
        return bool(self.fake.requests)


@asynccontextmanager
async def serving(
    folder: Path, replies: Sequence[llama_server.Reply] = (llama_server.Reply(),), **options: Any
) -> AsyncIterator[Server]:
    """Serve on a free port with data in ``folder``; ``options`` are settings."""
    slots = options.get("slots", 1)
    async with llama_server.start(replies, slots=slots) as fake:
        settings = Settings(data_dir=folder, **{"sidecar_url": fake.url, "shutdown_seconds": 5.0, **options})
        app = create_app(settings, hasher=QUICK)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with aiohttp.ClientSession() as http:
                yield Server(Client(url, http), fake, app, runner)
        finally:
            await runner.cleanup()
