"""A stream comes through nginx as it is written: not held back, not compressed, not cut off."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.fakes.llama_server import Reply
from tests.running import serving, until

CONFIGURATION = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ }}
http {{
  access_log off; gzip on; gzip_types *; gzip_min_length 1;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {upstream}; proxy_http_version 1.1; }} }}
}}
"""


@asynccontextmanager
async def nginx(folder, upstream, port):
    """Run nginx with its buffering and compression on, in front of ``upstream``."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.fail("nginx is not installed here: run `apt-get install nginx-light`.")
    folder.mkdir()
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, upstream=upstream, port=port))
    process = await asyncio.create_subprocess_exec(program, "-c", configuration, "-e", folder / "error.log")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def answers(url, http):
    """Whether somebody answers at ``url``."""
    try:
        async with http.get(f"{url}/health") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def test_tokens_pass_before_the_note_is_done(tmp_path, unused_tcp_port):
    """The model stops in mid-note; what it wrote until then has reached the caller, as plain event-stream."""
    async with serving(tmp_path / "data", [Reply(hang_after=6)]) as server:
        ann = await server.anyone.sign_in()
        session = await ann.session()
        async with nginx(tmp_path / "nginx", server.anyone.url, unused_tcp_port) as url:
            await until(lambda: answers(url, ann.http))
            request = ann.http.post(
                f"{url}/sessions/{session}/generate-notes",
                json={"regenerate": True},
                headers=ann.headers(Accept="text/event-stream", **{"Accept-Encoding": "gzip"}),
            )
            async with request as response:
                assert response.status == 200
                assert response.headers["Content-Encoding"] == "identity"
                tokens = 0
                async for line in response.content:
                    tokens += line.startswith(b"event: token")
                    if tokens == 6:
                        break
            # The caller has left in mid-stream; nginx hands that on and the slot comes back.
            await server.fake.idle()
        assert (await ann.shown(session))["notes"] is None
