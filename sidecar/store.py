"""The models folder: ``<sha256[:16]>/{model.json, FILE.gguf}`` for each model, and ``active``, which names those in use.

A model's folder is written beside and renamed, so it is whole or not there; it is never written into again (the file is
memory-mapped while it serves). ``active`` holds what was activated, newest last, so that one can go back.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sidecar import header
from sidecar.errors import ModelCorrupt, ModelMismatch, ModelMissing, WrongUse
from sidecar.manifest import FILE_NAME, PROMPT_VERSION, Kind, Manifest, ManifestError, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Progress = Callable[[int, int], None]  # bytes done, bytes in all

ENCODERS = {"bert", "nomic-bert", "jina-bert-v2", "modern-bert"}
_CHUNK = 4 * 2**20
_STALE_SECONDS = 3600  # after which an unfinished folder belongs to nobody
_HISTORY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """A model in the folder."""

    folder: Path
    manifest: Manifest

    @property
    def path(self) -> Path:
        """The GGUF file."""
        return self.folder / self.manifest.file


class ModelStore:
    """The models folder at ``root``; made when something is first put into it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # -- what is there

    def models(self) -> list[StoredModel]:
        """All models with a readable manifest, by name."""
        folders = (path.parent for path in self.root.glob(f"*/{FILE_NAME}") if not path.parent.name.startswith("."))
        found = []
        for folder in folders:
            try:
                found.append(StoredModel(folder=folder, manifest=read(folder)))
            except ManifestError:
                continue  # ``find`` says what is wrong when somebody asks for it
        return sorted(found, key=lambda model: (model.manifest.name, model.manifest.sha256))

    def find(self, wanted: str) -> StoredModel:
        """The model of that name or SHA-256 (eight digits suffice). Raises ModelMissing, ModelMismatch, WrongUse."""
        folder = self.root / wanted[:16]
        if (folder / FILE_NAME).exists():
            try:
                return StoredModel(folder=folder, manifest=read(folder))
            except ManifestError as error:
                raise ModelMismatch(f"The manifest cannot be used: {error}") from None
        hits = [m for m in self.models() if wanted == m.manifest.name or _digits(wanted, m.manifest.sha256)]
        if len(hits) > 1:
            keys = ", ".join(model.manifest.key for model in hits)
            raise WrongUse(f"Several models are called {wanted}: {keys}. Say which by its digits.")
        if not hits:
            raise ModelMissing(f"There is no model {wanted} in {self.root}. See `sessionscribe model list`.")
        return hits[0]

    def active(self, kind: Kind) -> StoredModel | None:
        """The model in use, None where none was activated. Raises ModelMissing when its folder is gone."""
        history = self._history(kind)
        return self.find(history[-1]["model"]) if history else None

    # -- what changes it

    def add(self, source: Path, manifest: Manifest, *, progress: Progress | None = None) -> StoredModel:
        """Copy ``source`` into the folder under ``manifest``; the file must be the one the manifest names.

        Adding the same file again changes nothing but the manifest. Raises ModelCorrupt when the bytes differ.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        self._sweep()
        target = self.root / manifest.key
        with tempfile.TemporaryDirectory(prefix=".adding-", dir=self.root) as beside_name:
            beside = self.root / beside_name
            if not target.exists():
                digest = _copy(source, beside / manifest.file, progress)
                if digest != manifest.sha256:
                    raise ModelCorrupt(f"{source} changed while it was copied, or is not the file the manifest names.")
            _write_durably(beside / FILE_NAME, manifest.to_json())
            self._put(beside, target)
        return StoredModel(folder=target, manifest=manifest)

    def activate(self, wanted: str) -> StoredModel:
        """Make a model the one in use; what is in use already stays so."""
        model = self.find(wanted)
        with self._locked() as state:
            history = state.setdefault(model.manifest.kind, [])
            if not history or history[-1]["model"] != model.manifest.key:
                history.append({"model": model.manifest.key, "at": time.time()})
                del history[:-_HISTORY]
        return model

    def rollback(self, kind: Kind) -> StoredModel:
        """Go back to the model that was in use before. Raises WrongUse when there was none."""
        with self._locked() as state:
            history = state.get(kind, [])
            if len(history) < 2:
                raise WrongUse(f"No {kind} model was in use before this one.")
            model = self.find(history[-2]["model"])
            history.pop()
        return model

    def verify(self, model: StoredModel, *, progress: Progress | None = None) -> None:
        """Read the whole file and compare it with its manifest. Raises ModelMissing, ModelCorrupt, ModelMismatch."""
        check_header(model)
        if (digest := sha256_of(model.path, progress)) != model.manifest.sha256:
            raise ModelCorrupt(
                f"{model.path} is damaged: its SHA-256 is {digest}, the manifest says {model.manifest.sha256}. "
                f"Remove {model.folder} and add or pull the model again."
            )

    def _put(self, beside: Path, target: Path) -> None:
        """Rename ``beside`` to ``target``; where that is taken the same file is there already, and only the manifest moves."""
        try:
            beside.rename(target)
            beside.mkdir()  # for TemporaryDirectory to remove
        except OSError:
            (beside / FILE_NAME).replace(target / FILE_NAME)
        _sync_folder(self.root)

    def _sweep(self) -> None:
        for folder in self.root.glob(".adding-*"):
            if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def _history(self, kind: Kind) -> list[dict[str, Any]]:
        history: list[dict[str, Any]] = self._state().get(kind, [])
        return history

    def _state(self) -> dict[str, Any]:
        path = self.root / "active"
        try:
            state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise ModelMismatch(f"{path} cannot be read. Remove it and activate a model again.") from None
        return state

    @contextmanager
    def _locked(self) -> Iterator[dict[str, Any]]:
        """The state of ``active``, written back when the block ends well; two programs never write at once."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self._state()
            yield state
            beside = self.root / ".active.new"
            _write_durably(beside, json.dumps(state, indent=2) + "\n")
            beside.replace(self.root / "active")


def describe(path: Path, *, progress: Progress | None = None) -> Manifest:
    """A manifest for the GGUF at ``path`` from what the file says about itself; ``replace`` what you know better."""
    head = header.read(path)
    kind: Kind = "encoder" if head.architecture in ENCODERS else "language"
    if kind == "language" and head.chat_template is None:
        raise ModelMismatch(
            f"{path} has no chat template, so it is no instruct model. Take the -instruct or -chat variant."
        )
    language = kind == "language"
    return Manifest(
        name=head.name or path.stem,
        file=path.name,
        sha256=sha256_of(path, progress),
        size_bytes=head.size_bytes,
        kind=kind,
        architecture=head.architecture,
        quantization=head.quantization,
        context=head.number("context_length", 512),
        chat_template_sha256=head.chat_template_sha256 if language else None,
        prompt_version=PROMPT_VERSION if language else None,
        base_model=str(head.metadata.get("general.base_model.0.name", head.name or path.stem)),
        licence=str(head.metadata.get("general.license", "unknown")),
    )


def check_header(model: StoredModel) -> header.Header:
    """Compare the head of the file with the manifest; quick. Raises ModelMissing, ModelCorrupt, ModelMismatch."""
    path, manifest = model.path, model.manifest
    if not path.exists():
        raise ModelMissing(f"{path} is gone. Add or pull the model again, or activate another one.")
    if (size := path.stat().st_size) != manifest.size_bytes:
        raise ModelCorrupt(
            f"{path} has {size:,} bytes, its manifest says {manifest.size_bytes:,}: it was cut off or replaced. "
            f"Remove {model.folder} and add or pull the model again."
        )
    head = header.read(path)
    for what, found, expected in (
        ("architecture", head.architecture, manifest.architecture),
        ("chat template", head.chat_template_sha256, manifest.chat_template_sha256),
    ):
        if found != expected and not (what == "chat template" and manifest.kind == "encoder"):
            raise ModelMismatch(
                f"{path}: the {what} is {found}, the manifest says {expected}. They do not belong together."
            )
    return head


def with_prompt_version(model: StoredModel) -> Manifest:
    """The manifest for this program's prompt: right only for a model that was never trained on another one."""
    return replace(model.manifest, prompt_version=PROMPT_VERSION)


def sha256_of(path: Path, progress: Progress | None = None) -> str:
    """SHA-256 of a file, in hex. ``progress`` is called with bytes done and bytes in all."""
    digest, done = hashlib.sha256(), 0
    size = path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, size)
    return digest.hexdigest()


def _copy(source: Path, target: Path, progress: Progress | None) -> str:
    """Copy and hash in one pass; on the disk when it returns."""
    digest, done, size = hashlib.sha256(), 0, source.stat().st_size
    with source.open("rb") as reading, target.open("xb") as writing:
        while chunk := reading.read(_CHUNK):
            digest.update(chunk)
            writing.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, size)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest()


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digits(wanted: str, sha256: str) -> bool:
    return len(wanted) >= 8 and sha256.startswith(wanted.lower())
