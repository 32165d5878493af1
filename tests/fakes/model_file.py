"""Small GGUF files, written from the format's description rather than by the code under test."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from tests.fakes.llama_server import CHAT_TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LANGUAGE: Mapping[str, Any] = {
    "general.architecture": "llama",
    "general.name": "Tiny",
    "general.license": "mit",
    "general.file_type": 7,
    "llama.context_length": 2048,
    "llama.block_count": 2,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "tokenizer.ggml.tokens": ["<|endoftext|>", "<|im_end|>", "hello"],
    "tokenizer.ggml.token_type": [3, 3, 1],
    "tokenizer.chat_template": CHAT_TEMPLATE,
}
ENCODER: Mapping[str, Any] = {
    "general.architecture": "bert",
    "general.name": "Tiny encoder",
    "bert.context_length": 512,
}


def gguf(metadata: Mapping[str, Any] = LANGUAGE, *, weights: int = 64, version: int = 3) -> bytes:
    """A GGUF with ``metadata`` and one tensor of ``weights`` 32-bit floats."""
    head = b"GGUF" + struct.pack("<IQQ", version, 1, len(metadata))
    head += b"".join(_text(key) + _value(value) for key, value in metadata.items())
    head += _text("blk.0.weight") + struct.pack("<IQIQ", 1, weights, 0, 0)
    return head + b"\0" * (-len(head) % 32) + struct.pack(f"<{weights}f", *range(weights))


def write(path: Path, metadata: Mapping[str, Any] = LANGUAGE, **options: int) -> Path:
    """Put such a file at ``path``."""
    path.write_bytes(gguf(metadata, **options))
    return path


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: str | float | Sequence[str] | Sequence[int]) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if value and isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_text(str(each)) for each in value)
    return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
