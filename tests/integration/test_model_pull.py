"""``model pull`` from a server on this machine."""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from sidecar import defaults, pull, store
from sidecar.errors import ModelMismatch, PullFailed, WrongUse
from sidecar.pull import Entry
from sidecar.store import ModelStore
from tests.fakes import model_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = model_file.gguf(weights=500_000)


@dataclass
class Host:
    """Serves one file; cuts the connection after ``cuts`` bytes, once for each."""

    file: bytes = FILE
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int = 200
    asked: list[str | None] = field(default_factory=list)
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator[Host]:
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                host.answer(self)

            def log_message(self, *_: Any):
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            self.url = f"http://127.0.0.1:{server.server_address[1]}/model.gguf"
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers["Range"]
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        body = self.file[start:]
        request.send_response(self.status if self.status != 200 or not start else 206)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.cuts.pop(0)] if self.cuts else body)


def entry(**changes: Any) -> Entry:
    """A catalogue entry for FILE."""
    told: dict[str, Any] = {
        "name": "tiny",
        "kind": "language",
        "architecture": "llama",
        "quantization": "Q8_0",
        "context": 2048,
        "template": "ChatML",
        "base_model": "base",
        "licence": "MIT",
        "stated_by": "us",
        "file": "tiny.gguf",
        "sha256": hashlib.sha256(FILE).hexdigest(),
        "size_bytes": len(FILE),
    }
    return Entry(**told | changes)


@pytest.fixture
def models(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def leftovers(models: ModelStore) -> list[str]:
    return [path.name for path in models.root.glob(".pulling-*")]


def test_a_download_becomes_a_model(models: ModelStore):
    """Checked, stored under its SHA-256, with progress to the last byte and nothing left over."""
    told: list[int] = []
    with Host().serving() as host:
        model = pull.pull(models, entry(), url=host.url, progress=lambda done, _: told.append(done))
    assert model.path.read_bytes() == FILE
    assert (model.manifest.name, model.manifest.licence) == ("tiny", "MIT")
    assert told[-1] == len(FILE)
    assert leftovers(models) == []


def test_it_goes_on_where_it_broke_off(models: ModelStore):
    """Two broken connections: each next one asks only for what is missing."""
    with Host(cuts=[1_000_000, 400_000]).serving() as host:
        assert pull.pull(models, entry(), url=host.url).path.read_bytes() == FILE
    assert host.asked == [None, "bytes=1000000-", "bytes=1400000-"]


def test_what_arrived_is_kept_for_the_next_time(models: ModelStore):
    """When nothing more comes it gives up, and the same command goes on later."""
    with Host(cuts=[1_000_000, 0, 0]).serving() as host, pytest.raises(PullFailed, match="goes on from there"):
        pull.pull(models, entry(), url=host.url)
    with Host().serving() as host:
        pull.pull(models, entry(), url=host.url)
    assert host.asked == ["bytes=1000000-"]


def test_a_host_without_ranges_is_asked_from_the_beginning(models: ModelStore):
    """What it sends then replaces what was there."""
    with Host(cuts=[1_000_000], ranges=False).serving() as host:
        assert pull.pull(models, entry(), url=host.url).path.read_bytes() == FILE


def test_another_file_is_not_kept(models: ModelStore):
    """A wrong SHA-256 says so, who stated the right one, and removes what arrived."""
    with Host(file=FILE[:-1] + b"x").serving() as host, pytest.raises(PullFailed, match="as stated by us"):
        pull.pull(models, entry(), url=host.url)
    assert (leftovers(models), models.models()) == ([], [])


def test_a_longer_file_is_another_file(models: ModelStore):
    """More bytes than the catalogue says are not taken."""
    with Host(file=FILE + b"more").serving() as host, pytest.raises(PullFailed, match="another file"):
        pull.pull(models, entry(), url=host.url)


@pytest.mark.parametrize("status", [404, 500])
def test_a_refusal_is_told(models: ModelStore, status: int):
    """The address and what the host said stand in the message."""
    with Host(status=status).serving() as host, pytest.raises(PullFailed, match=host.url):
        pull.pull(models, entry(), url=host.url)


def test_a_model_of_another_kind_is_refused(models: ModelStore):
    """The file must be of the architecture that the catalogue says."""
    with Host().serving() as host, pytest.raises(ModelMismatch, match="should be phi3"):
        pull.pull(models, entry(architecture="phi3"), url=host.url)


def test_the_catalogue_says_what_was_not_checked(small_model: Path):
    """The production model's numbers are repeated from public repositories, and said to be; the default's are ours."""
    known = pull.catalogue()
    phi = pull.find(known, "phi-3-mini-4k-instruct")
    assert phi.sha256 == "8a83c7fb9049a9b2e92266fa7ad04933bb53aa1e85136b7b30f1b8000ff2edef"
    assert (phi.size_bytes, phi.file) == (2_393_231_072, "Phi-3-mini-4k-instruct-q4.gguf")
    assert phi.stated_by == "the repository"
    packaged = pull.find(known, defaults.LANGUAGE_NAME)
    assert packaged.sha256 == store.sha256_of(small_model)
    assert packaged.size_bytes == small_model.stat().st_size
    with pytest.raises(WrongUse, match="phi-3-mini-4k-instruct"):
        pull.find(known, "gpt")
