"""``sessionscribe demo``: the whole way once, in a temporary folder, with a sample session from the package."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from contextlib import AsyncExitStack
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from orchestrator.commands import house
from orchestrator.commands.programs import ProgramFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

SAMPLES = ("after_the_funeral", "night_shift", "two_households")
ACCOUNT = {"username": "demo", "password": "a-password-for-the-demo"}
_PIECE = re.compile(r"\{\{RED:(?P<risk>[^}]*)\}\}|\*\*(?P<heading>[^*\n]+:)\*\*")

GO_ON = """
Go on:
  sessionscribe serve                                  # keeps it running at http://127.0.0.1:8002, data in {data}
  sessionscribe note {sample}                          # one note, no server
and, while it serves, in another terminal:
  curl -s http://127.0.0.1:8002/auth/register -H 'Content-Type: application/json' \\
    -d '{{"email":"me@example.org","username":"me","password":"a long password","full_name":"Me","license_number":"1"}}'
  TOKEN=$(curl -s http://127.0.0.1:8002/auth/login -d username=me --data-urlencode 'password=a long password' \\
    | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
  curl -s http://127.0.0.1:8002/auth/me -H "Authorization: Bearer $TOKEN"
The whole interface is described at http://127.0.0.1:8002/docs.
"""


def sample(name: str) -> str:
    """The text of a sample session."""
    return resources.files("orchestrator").joinpath("samples", f"{name}.txt").read_text(encoding="utf-8")


async def demo(samples: Sequence[str], *, keep: bool) -> int:
    """Run it; 0 when every sample became a note, 1 otherwise."""
    out = Console(highlight=False, soft_wrap=True)
    told = Console(stderr=True, highlight=False)
    try:
        with tempfile.TemporaryDirectory(prefix="sessionscribe-demo-") as folder:
            return await _demo(Path(folder), samples, out=out, told=told, keep=keep)
    except ProgramFailed as failure:
        print(f"sessionscribe: {failure}", file=sys.stderr)
    except httpx.HTTPError as error:
        print(f"sessionscribe: the orchestrator did not answer ({type(error).__name__})", file=sys.stderr)
    return 1


async def _demo(folder: Path, samples: Sequence[str], *, out: Console, told: Console, keep: bool) -> int:
    async with AsyncExitStack() as stack:
        models = house.models_folder(house.DEFAULT_DATA_DIR)
        with told.status("Starting the model server ..."):
            sidecar = await stack.enter_async_context(
                house.sidecar(models, folder / "keys", log=folder / "sidecar.log")
            )
        told.print("The model server is ready.")
        with told.status("Starting the orchestrator ..."):
            program = await stack.enter_async_context(
                house.orchestrator(folder, sidecar, log=folder / "orchestrator.log")
            )
        told.print(f"The orchestrator is ready at {program.url}.")
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=program.url, trust_env=False, timeout=httpx.Timeout(30, read=600))
        )
        await _sign_in(client)
        for number, name in enumerate(samples, 1):
            session = await _session(client, name, number)
            done = await _generate(client, session, told)
            _show(done, name, out)
        out.print(GO_ON.format(data=house.DEFAULT_DATA_DIR, sample=f"tests/data/{samples[0]}.txt"), style="dim")
        if keep:
            told.print(f"Still running at {program.url} as user {ACCOUNT['username']!r}; Ctrl-C ends it.")
            await asyncio.Event().wait()
    return 0


async def _sign_in(client: httpx.AsyncClient) -> None:
    person = {"email": "demo@example.org", "full_name": "Dr. Demo", "license_number": "DEMO-1", **ACCOUNT}
    _checked(await client.post("/auth/register", json=person))
    token = _checked(await client.post("/auth/login", data=ACCOUNT))["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


async def _session(client: httpx.AsyncClient, name: str, number: int) -> int:
    patient = _checked(await client.post("/patients/", json={"full_name": f"Sample Patient {number}"}))["patient"]
    body = {"patient_id": patient["id"], "language": "english", "original_transcription": sample(name)}
    session: int = _checked(await client.post("/sessions/", json=body))["session"]["id"]
    return session


async def _generate(client: httpx.AsyncClient, session: int, told: Console) -> dict[str, Any]:
    """The ``done`` event of a streamed note, with a bar on the way."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=told, transient=True) as bar:
        task = bar.add_task("Reading the session", total=None)
        request = client.stream(
            "POST",
            f"/sessions/{session}/generate-notes",
            json={"regenerate": False},
            headers={"Accept": "text/event-stream"},
        )
        async with request as response:
            if response.is_error:
                await response.aread()
                _checked(response)
            async for event, data in _events(response):
                if event == "done":
                    return dict(data)
                if event == "error":
                    raise ProgramFailed(str(data.get("detail")))
                if event == "progress":
                    bar.update(task, completed=data["done"], total=data["total"])
                if event == "token":
                    bar.update(task, description="Writing the note", completed=None, total=None)
    raise ProgramFailed("the stream ended before the note was written")


async def _events(response: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def _checked(response: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    if response.is_error:
        raise ProgramFailed(f"{response.request.url.path}: {body.get('detail')}")
    return body


def _show(done: dict[str, Any], name: str, out: Console) -> None:
    out.rule(f"sample session: {name.replace('_', ' ')}", align="left")
    out.print(coloured(done["generated_notes"]))
    note = done["note"]
    told = note["provenance"]
    tokens, seconds = told["completion_tokens"], told["seconds"]
    rows = {
        "origin": note["origin"] if note["origin"] == "ai" else f"{note['origin']} ({told.get('fallback_reason')})",
        "model": f"{told['model']} {told['quantization']}",
        "GGUF SHA-256": told["gguf_sha256"],
        "time": f"{seconds:.1f} s, {tokens} tokens, {tokens / seconds if seconds else 0:.0f} tokens/s overall",
        "risk looked for by": told["risk_engine"],
        "doubtful": f"{_doubtful(note)} of {_sentences(note)} sentences, each marked [?]",
    }
    for label, value in rows.items():
        out.print(Text(f"  {label:<18} {value}", style="dim"))


def coloured(note: str) -> Text:
    """A rendered note for a terminal: headings bold, risk terms red."""
    text, at = Text(), 0
    for piece in _PIECE.finditer(note):
        text.append(note[at : piece.start()])
        risk, heading = piece["risk"], piece["heading"]
        text.append(risk or heading or "", style="bold red" if risk else "bold")
        at = piece.end()
    text.append(note[at:])
    return text


def _sentences(note: dict[str, Any]) -> int:
    return sum(len(section["sentences"]) for section in note["sections"])


def _doubtful(note: dict[str, Any]) -> int:
    return sum(
        sentence["support"] == "unsupported" or bool(sentence["marks"])
        for section in note["sections"]
        for sentence in section["sentences"]
    )
