"""Does it really serve, and is it what the manifest says? Asked of every server before it is called ready."""

from __future__ import annotations

import asyncio
import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp

from sidecar.errors import EngineFailed, ModelMismatch
from sidecar.manifest import PROMPT_VERSION, Manifest

if TYPE_CHECKING:
    from sidecar.command import Engine

POLL_SECONDS = 0.05
_ONE_TOKEN = {
    "messages": [{"role": "system", "content": "Say yes."}, {"role": "user", "content": "Ready?"}],
    "max_tokens": 1,
}


async def probe(engine: Engine, manifest: Manifest, url: str, key: str) -> bool:
    """Whether the server at ``url`` has done real work as the manifest's model; False when it broke off meanwhile.

    Waits for as long as it loads (the caller sets the limit). Raises ModelMismatch when it renders prompts by another
    template, EngineFailed when it answers but does not do the work.
    """
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with aiohttp.ClientSession(url, headers=headers, trust_env=False) as session:
            await _loaded(session, engine.health)
            if manifest.kind == "encoder":
                await _work(session, "/v1/embeddings", {"input": "ready"})
                return True
            if "/props" not in engine.unsupported:
                await _same_template(session, manifest)
            await _work(session, "/v1/chat/completions", _ONE_TOKEN)
    except (aiohttp.ClientError, ValueError):
        return False
    return True


def check_prompt_version(manifest: Manifest) -> None:
    """Raise ModelMismatch when the model was made for another prompt than this program writes."""
    if manifest.kind == "language" and manifest.prompt_version != PROMPT_VERSION:
        raise ModelMismatch(
            f"{manifest.name} was made for prompt version {manifest.prompt_version}, this program writes version "
            f"{PROMPT_VERSION}. Activate a model of that version, or install the matching release."
        )


async def _loaded(session: aiohttp.ClientSession, path: str) -> None:
    while True:
        try:
            async with session.get(path) as response:
                if response.status == HTTPStatus.OK:
                    return
        except aiohttp.ClientConnectionError:
            pass  # not listening yet; if it has died, its owner knows
        await asyncio.sleep(POLL_SECONDS)


async def _same_template(session: aiohttp.ClientSession, manifest: Manifest) -> None:
    async with session.get("/props") as response:
        template = str((await response.json()).get("chat_template", ""))
    found = hashlib.sha256(template.encode()).hexdigest()
    if found != manifest.chat_template_sha256:
        raise ModelMismatch(
            f"{manifest.name} renders prompts by the chat template {found[:12]}, its manifest says "
            f"{str(manifest.chat_template_sha256)[:12]}. Add the model again from its source."
        )


async def _work(session: aiohttp.ClientSession, path: str, body: object) -> None:
    async with session.post(path, json=body) as response:
        answer = await response.json()
        if response.status != HTTPStatus.OK or not ("choices" in answer or "data" in answer):
            raise EngineFailed(f"The model server answered a first request with status {response.status}.")
