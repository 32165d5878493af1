"""1: no call leaves the machine while a note is written.

Seen from inside the interpreter for any transcript and any vice of the model server, and from the kernel for the whole
process tree with the real server.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, strategies as st

from tests import houses
from tests.fakes.llama_server import Reply, start
from tests.running import until
from tests.writing import desk, transcripts, written

ROOT = Path(__file__).parents[2]
POISON = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
vices = st.sampled_from([{}, {}, {"cut_after": 5}, {"malformed_after": 5}, {"error_after": 3}, {"status": 500}])


class Calls:
    """The addresses that this process connected or sent to, while it looks."""

    def __init__(self):
        self.seen = set()
        self.looking = False
        sys.addaudithook(self._hook)

    def _hook(self, event, arguments):
        if self.looking and event in {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"}:
            self.seen.add(arguments[:2] if event == "socket.getaddrinfo" else arguments[1][:2])


@pytest.fixture(scope="module")
def calls():
    """One hook for all examples: it cannot be taken off again."""
    return Calls()


@pytest.fixture(scope="module", autouse=True)
def _proxies():
    """Proxy variables that would catch whoever minds them: nobody listens there, but it would be seen."""
    with pytest.MonkeyPatch.context() as patch:
        for name in POISON:
            patch.setenv(name, "http://127.0.0.1:9")
        yield


@pytest.mark.timeout(300)
@given(transcript=transcripts(most=4), vice=vices)
def test_only_the_model_server_is_spoken_to(calls, transcript, vice):
    """Whatever was said and however the model fails: the one address spoken to is the sidecar's, and no proxy's."""

    async def note():
        async with start([Reply(**vice)]) as fake, desk(fake, encoder=True, retry_seconds=0.001) as at:
            calls.seen.clear()
            calls.looking = True
            try:
                await written(transcript, at)
            finally:
                calls.looking = False
            await until(_resting(fake))
            return urlsplit(fake.url)

    address = asyncio.run(note())
    assert calls.seen == {(address.hostname, address.port)}


def _resting(fake):
    async def rests():
        return not fake.busy()

    return rests


@pytest.mark.gguf
@pytest.mark.timeout(600)
def test_the_whole_house_works_without_a_network(models, tmp_path):
    """In a network namespace with loopback alone `serve` writes five notes, and the kernel counts no try to leave it."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare -n is not permitted here: run the tests as root to see the house in a network of its own.")
    alone = [unshare, "-n", sys.executable, "-m", "tests.acceptance.alone", tmp_path, models]
    environment = {k: v for k, v in houses.environment().items() if k not in POISON}
    ran = subprocess.run(alone, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told == {"origins": ["ai"] * 5, "tried": 0, "noticed": 1, "interfaces": ["lo"], "exit": 0}
