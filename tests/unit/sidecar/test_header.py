"""The head of a GGUF file."""

from __future__ import annotations

import hashlib
import struct
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, strategies as st

from sidecar import header
from sidecar.errors import ModelCorrupt
from tests.fakes import model_file
from tests.fakes.llama_server import CHAT_TEMPLATE

WHOLE = model_file.gguf()


def read(data: bytes) -> header.Header:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        path.write_bytes(data)
        return header.read(path)


def test_says_what_the_file_says():
    """Architecture, format, context, template and special tokens come from the metadata."""
    head = read(WHOLE)
    assert (head.architecture, head.name, head.quantization) == ("llama", "Tiny", "Q8_0")
    assert head.number("context_length") == 2048
    assert head.chat_template == CHAT_TEMPLATE
    assert head.chat_template_sha256 == hashlib.sha256(CHAT_TEMPLATE.encode()).hexdigest()
    assert head.special_tokens == {"<|endoftext|>", "<|im_end|>"}
    assert head.vocabulary == ("<|endoftext|>", "<|im_end|>", "hello")
    assert head.size_bytes == len(WHOLE)


def test_a_version_before_the_last_is_read():
    """GGUF 2 has the same layout as GGUF 3."""
    assert read(model_file.gguf(version=2)).version == 2


def test_what_the_file_does_not_say_is_said_to_be_missing():
    """No template, no name, an unknown format: none of them is guessed."""
    head = read(model_file.gguf({"general.architecture": "llama"}))
    assert (head.chat_template, head.chat_template_sha256, head.name, head.quantization) == (None, None, "", "unknown")
    assert head.number("context_length", 7) == 7


@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_off_anywhere_is_noticed(length: int):
    """However little is missing, a truncated file is corrupt."""
    with pytest.raises(ModelCorrupt, match="not a whole GGUF"):
        read(WHOLE[:length])


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=12))
def test_damage_never_ends_in_anything_but_a_clear_error(at: int, junk: bytes):
    """Any bytes anywhere: the file is read, or it is corrupt; nothing else is raised and no memory is taken on trust."""
    with suppress(ModelCorrupt):
        read(WHOLE[:at] + junk + WHOLE[at + len(junk) :])


@given(st.binary(max_size=200))
def test_a_file_of_anything_is_refused(data: bytes):
    """What does not begin as a GGUF is none, and what only begins so is not whole."""
    with pytest.raises(ModelCorrupt):
        read(b"GGUF" + data if len(data) % 2 else data)


@pytest.mark.parametrize("count", [2**63, 2**40])
def test_huge_counts_are_refused_before_anything_is_allocated(count: int):
    """A count that the file cannot hold is no reason to reserve memory for it."""
    for data in (
        b"GGUF" + struct.pack("<IQQ", 3, count, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, count),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 4, count),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", count),
    ):
        with pytest.raises(ModelCorrupt):
            read(data)


def test_arrays_inside_arrays_have_a_bottom():
    """Nesting without end is refused instead of filling the stack."""
    nested = struct.pack("<IQ", 9, 1) * 2000
    with pytest.raises(ModelCorrupt, match="unknown type"):
        read(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<I", 9) + nested)


def test_the_number_of_missing_bytes_is_told():
    """The message says how large the file is and should be."""
    with pytest.raises(ModelCorrupt, match=rf"{len(WHOLE) - 4:,} bytes where {len(WHOLE):,}"):
        read(WHOLE[:-4])


def test_a_missing_file_is_no_traceback(tmp_path: Path):
    """A file that cannot be opened is told like any other that cannot be read."""
    with pytest.raises(ModelCorrupt, match="cannot be read"):
        header.read(tmp_path / "none.gguf")
