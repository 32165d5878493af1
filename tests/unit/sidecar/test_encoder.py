"""The encoder as GGUF."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from sidecar import defaults, header
from sidecar.encoder import convert
from sidecar.errors import ModelCorrupt

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source() -> Path:
    folder = defaults._folder(defaults.ENCODER_PACKAGE)
    assert folder is not None
    return folder / "model"


def test_the_file_says_what_the_published_model_is(source: Path, tmp_path: Path):
    """Shape, pooling, vocabulary and special tokens, at 16 bits; made twice it is the same file."""
    for name in ("one.gguf", "two.gguf"):
        convert(source, tmp_path / name, name="encoder", licence="Apache-2.0")
    head = header.read(tmp_path / "one.gguf")
    assert (head.architecture, head.quantization, head.tensors) == ("bert", "F16", 101)
    assert (head.number("block_count"), head.number("embedding_length"), head.number("pooling_type")) == (6, 384, 1)
    assert len(head.vocabulary) == 30522
    assert {"[CLS]", "[SEP]"} <= head.special_tokens
    assert head.vocabulary[2652] == "\u2581playing"
    assert (tmp_path / "one.gguf").read_bytes() == (tmp_path / "two.gguf").read_bytes()


@pytest.mark.parametrize("damage", ["vocab.txt", "model.safetensors", "config.json"])
def test_a_package_that_is_not_whole_is_told(source: Path, tmp_path: Path, damage: str):
    """A file cut in half or gone is corrupt, not a traceback."""
    broken = tmp_path / "model"
    broken.mkdir()
    for path in source.iterdir():
        if path.is_file() and path.name != damage:
            (broken / path.name).symlink_to(path)
    if damage != "config.json":
        shutil.copy(source / damage, broken)
        with (broken / damage).open("r+b") as file:
            file.truncate((source / damage).stat().st_size // 2)
    with pytest.raises(ModelCorrupt, match="not whole"):
        convert(broken, tmp_path / "out.gguf", name="encoder", licence="Apache-2.0")
