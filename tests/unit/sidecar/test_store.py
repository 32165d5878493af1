"""The models folder."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar import store
from sidecar.errors import ModelCorrupt, ModelMismatch, ModelMissing, WrongUse
from sidecar.manifest import PROMPT_VERSION
from sidecar.store import ModelStore, StoredModel
from tests.fakes import model_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def models(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def added(models: ModelStore, name: str = "tiny", *, weights: int = 64) -> StoredModel:
    models.root.mkdir(exist_ok=True)
    source = model_file.write(models.root.parent / f"{name}.gguf", weights=weights)
    return models.add(source, replace(store.describe(source), name=name))


def test_an_added_model_is_found_by_name_and_by_digits(models: ModelStore):
    """Content-addressed: the folder is the beginning of the SHA-256."""
    model = added(models)
    assert model.folder.name == model.manifest.sha256[:16]
    assert models.find("tiny") == models.find(model.manifest.sha256[:8]) == models.find(model.manifest.sha256) == model
    assert models.models() == [model]


def test_the_manifest_says_what_the_file_says(models: ModelStore):
    """What is served by the prompt contract carries its version and the template's fingerprint."""
    manifest = added(models).manifest
    assert (manifest.kind, manifest.architecture, manifest.quantization, manifest.context) == (
        "language",
        "llama",
        "Q8_0",
        2048,
    )
    assert manifest.prompt_version == PROMPT_VERSION
    assert manifest.licence == "mit"


def test_an_encoder_is_known_by_its_architecture(models: ModelStore, tmp_path: Path):
    """An encoder renders no prompt, so nothing is said about one."""
    manifest = store.describe(model_file.write(tmp_path / "e.gguf", model_file.ENCODER))
    assert (manifest.kind, manifest.chat_template_sha256, manifest.prompt_version) == ("encoder", None, None)


def test_a_base_model_without_chat_template_is_refused(tmp_path: Path):
    """There is no default template: the wrong one would only show in the notes."""
    path = model_file.write(tmp_path / "base.gguf", {"general.architecture": "llama"})
    with pytest.raises(ModelMismatch, match="no chat template"):
        store.describe(path)


def test_adding_again_is_no_copy_and_keeps_the_newest_manifest(models: ModelStore):
    """The file stays the very same one (it may be mapped by a running server)."""
    first = added(models)
    inode = first.path.stat().st_ino
    models.add(first.path, replace(first.manifest, licence="other"))
    assert models.find("tiny").manifest.licence == "other"
    assert first.path.stat().st_ino == inode


def test_a_file_that_is_not_the_manifests_is_not_added(models: ModelStore, tmp_path: Path):
    """Nothing is left behind when the bytes are others than the manifest names."""
    manifest = added(models).manifest
    other = model_file.write(tmp_path / "other.gguf", weights=65)
    with pytest.raises(ModelCorrupt):
        models.add(other, replace(manifest, sha256="0" * 64, size_bytes=other.stat().st_size))
    assert [folder.name for folder in models.root.iterdir()] == [manifest.key]


def test_what_a_killed_add_left_is_no_model(models: ModelStore):
    """An unfinished folder is not listed."""
    (models.root / ".adding-x").mkdir(parents=True)
    (models.root / ".adding-x" / "model.json").write_text("{}")
    assert models.models() == []


def test_activation_has_a_history(models: ModelStore):
    """One can go back as often as one went forward, and not further."""
    first, second = added(models, "one"), added(models, "two", weights=32)
    for name in ("one", "two", "two"):
        models.activate(name)
    assert models.active("language") == second
    assert models.rollback("language") == models.active("language") == first
    with pytest.raises(WrongUse, match="before this one"):
        models.rollback("language")
    assert models.active("encoder") is None


def test_a_rollback_to_a_removed_model_changes_nothing(models: ModelStore):
    """The model in use stays in use when the one before it is gone."""
    first, second = added(models, "one"), added(models, "two", weights=32)
    models.activate("one")
    models.activate("two")
    first.path.unlink()
    (first.folder / "model.json").unlink()
    with pytest.raises(ModelMissing):
        models.rollback("language")
    assert models.active("language") == second


def test_two_models_of_one_name_must_be_told_apart(models: ModelStore):
    """An ambiguous name is an error that lists the digits."""
    first, second = added(models, weights=8), added(models, weights=16)
    with pytest.raises(WrongUse, match=f"(?s)(?=.*{first.manifest.key})(?=.*{second.manifest.key})"):
        models.find("tiny")


def test_verify_reads_to_the_last_byte(models: ModelStore):
    """One changed weight is found, and progress is told up to the whole size."""
    model = added(models)
    told: list[tuple[int, int]] = []
    models.verify(model, progress=lambda done, size: told.append((done, size)))
    assert told[-1] == (model.manifest.size_bytes, model.manifest.size_bytes)
    data = bytearray(model.path.read_bytes())
    data[-1] ^= 1
    model.path.write_bytes(data)
    with pytest.raises(ModelCorrupt, match="damaged"):
        models.verify(model)


def test_a_cut_file_is_told_by_its_size(models: ModelStore):
    """The quick check sees truncation without reading the weights."""
    model = added(models)
    model.path.write_bytes(model.path.read_bytes()[:-1])
    with pytest.raises(ModelCorrupt, match="cut off or replaced"):
        store.check_header(model)


@pytest.mark.parametrize(("field", "value"), [("architecture", "phi3"), ("chat_template_sha256", "0" * 64)])
def test_a_manifest_of_another_model_is_noticed(models: ModelStore, field: str, value: str):
    """Architecture and template are compared with the file itself."""
    model = added(models)
    other = replace(model, manifest=replace(model.manifest, **{field: value}))
    with pytest.raises(ModelMismatch, match="do not belong together"):
        store.check_header(other)


def test_a_missing_file_says_what_to_do(models: ModelStore):
    """The message tells how to get the file again."""
    model = added(models)
    model.path.unlink()
    with pytest.raises(ModelMissing, match="Add or pull"):
        store.check_header(model)


def test_an_unreadable_manifest_is_named(models: ModelStore):
    """Asking for a model with a broken manifest says so; listing goes on without it."""
    model = added(models)
    (model.folder / "model.json").write_text(json.dumps({"name": 1}))
    assert models.models() == []
    with pytest.raises(ModelMismatch, match="manifest cannot be used"):
        models.find(model.manifest.key)


def test_a_broken_record_of_what_is_active_is_no_guess(models: ModelStore):
    """Rather an error than another model."""
    added(models)
    (models.root / "active").write_text("{")
    with pytest.raises(ModelMismatch, match="activate a model again"):
        models.active("language")
