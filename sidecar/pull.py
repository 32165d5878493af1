"""``model pull``: a model of the catalogue over HTTP, with progress, resumed where it broke off, and held to its SHA-256."""

from __future__ import annotations

import http.client
import tomllib
import urllib.request
from dataclasses import dataclass, replace
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING, BinaryIO

from sidecar import store
from sidecar.errors import ModelMismatch, PullFailed, WrongUse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPResponse
    from pathlib import Path

    from sidecar.store import ModelStore, Progress, StoredModel

_CHUNK = 2**20
_SECONDS = 60.0  # without a byte


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model that can be had. Either ``package`` brings it, or ``url`` with ``sha256`` and ``size_bytes``."""

    name: str
    kind: str
    architecture: str
    quantization: str
    context: int
    template: str
    base_model: str
    licence: str
    stated_by: str
    repository: str = ""
    file: str = ""
    url: str = ""
    sha256: str = ""
    size_bytes: int = 0
    package: str = ""


def catalogue() -> dict[str, Entry]:
    """The models we know by name."""
    text = resources.files("sidecar").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: Entry(name=name, **fields) for name, fields in tomllib.loads(text).items()}


def find(known: Mapping[str, Entry], name: str) -> Entry:
    """The entry of that name. Raises WrongUse that lists the names there are."""
    try:
        return known[name]
    except KeyError:
        raise WrongUse(f"The catalogue has no {name}. It has: {', '.join(known)}.") from None


def pull(models: ModelStore, entry: Entry, *, url: str | None = None, progress: Progress | None = None) -> StoredModel:
    """Download, check and store a model. Raises PullFailed; what arrived stays for the next attempt.

    A file whose SHA-256 is wrong is removed: going on from it could never end well.
    """
    models.root.mkdir(parents=True, exist_ok=True)
    partial = models.root / f".pulling-{entry.sha256[:16]}"
    _fetch(url or entry.url, partial, entry.size_bytes, progress)
    if (digest := store.sha256_of(partial)) != entry.sha256:
        partial.unlink()
        raise PullFailed(
            f"What arrived is not {entry.name}: its SHA-256 is {digest}, the catalogue says {entry.sha256} (as stated by "
            f"{entry.stated_by}). Nothing was kept. Try another source with --url."
        )
    manifest = replace(
        store.describe(partial), name=entry.name, file=entry.file, base_model=entry.base_model, licence=entry.licence
    )
    if manifest.architecture != entry.architecture:
        raise ModelMismatch(f"{entry.name} should be {entry.architecture}, the file says {manifest.architecture}.")
    model = models.add(partial, manifest)
    partial.unlink()
    return model


def _fetch(url: str, partial: Path, size: int, progress: Progress | None) -> None:
    """Fill ``partial`` up to ``size`` bytes, going on after breaks for as long as bytes arrive."""
    if _length(partial) > size:
        partial.unlink()
    while (before := _length(partial)) != size:
        reason = "the connection broke"
        try:
            _fetch_once(url, partial, size, progress)
        except (OSError, http.client.HTTPException) as error:
            reason = _told(error)
        if _length(partial) <= before:
            have = f"{_length(partial):,} of {size:,} bytes are kept; the same command goes on from there."
            raise PullFailed(f"{url} could not be read to its end ({reason}). {have}")


def _fetch_once(url: str, partial: Path, size: int, progress: Progress | None) -> None:
    done = _length(partial)
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})  # noqa: S310 - said by the user
    with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310
        done = done if response.status == HTTPStatus.PARTIAL_CONTENT else 0  # no resuming there: from the beginning
        with partial.open("ab" if done else "wb") as file:
            _save(response, file, done, size, progress)


def _save(response: HTTPResponse, file: BinaryIO, done: int, size: int, progress: Progress | None) -> None:
    while chunk := response.read(_CHUNK):
        file.write(chunk)
        done += len(chunk)
        if progress is not None:
            progress(done, size)
        if done > size:
            raise PullFailed(f"More than the {size:,} bytes that were expected arrived: this is another file.")


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _told(error: Exception) -> str:
    return str(getattr(error, "reason", "")) or str(error) or type(error).__name__
