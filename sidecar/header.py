"""The head of a GGUF file: what the model is, read in a fraction of a second and without trust.

Layout (little endian): magic, version, tensor count, pair count; the pairs (key, type, value); for each tensor its name,
shape, type and offset; then, aligned, the weights. Every length is checked against what is left of the file, so a
truncated or hostile one ends as ModelCorrupt and never as a crash or a huge allocation.
Source: the GGUF specification in the ggml repository.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Any

from sidecar.errors import ModelCorrupt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEAD_LIMIT = 96 * 2**20  # bytes; the largest vocabularies in use take about 20 MB
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_CONTROL_TOKEN = 3
_DEEPEST = 3  # arrays inside arrays

# type number -> values in a block, bytes of a block; other types are checked by their offset only
_BLOCKS: dict[int, tuple[int, int]] = {}
_BLOCKS |= {
    0: (1, 4),
    1: (1, 2),
    30: (1, 2),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
}  # plain numbers
_BLOCKS |= {2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34)}  # Q4_0 Q4_1 Q5_0 Q5_1 Q8_0
_BLOCKS |= {
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
}  # Q2_K to Q8_K

# general.file_type -> how the quantization is called
_QUANTIZATIONS = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 32: "BF16"}
_QUANTIZATIONS |= {10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M"}
_QUANTIZATIONS |= {16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a GGUF file says about itself."""

    version: int
    metadata: Mapping[str, Any]
    tensors: int
    size_bytes: int

    @property
    def architecture(self) -> str:
        """Such as ``llama`` or ``phi3``; "" when the file does not say."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def name(self) -> str:
        """The model's own name, "" when the file does not say."""
        return str(self.metadata.get("general.name", ""))

    @property
    def quantization(self) -> str:
        """The usual name of the format of most weights."""
        return _QUANTIZATIONS.get(self.metadata.get("general.file_type", -1), "unknown")

    @property
    def chat_template(self) -> str | None:
        """The Jinja text that turns messages into a prompt."""
        return self.metadata.get("tokenizer.chat_template")

    @property
    def chat_template_sha256(self) -> str | None:
        """SHA-256 of the chat template, None without one."""
        template = self.chat_template
        return None if template is None else sha256(template.encode()).hexdigest()

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """All tokens, by number."""
        return tuple(self.metadata.get("tokenizer.ggml.tokens", ()))

    @property
    def special_tokens(self) -> frozenset[str]:
        """The tokens that steer the model, such as ``<|im_end|>``."""
        kinds = self.metadata.get("tokenizer.ggml.token_type", ())
        return frozenset(t for t, kind in zip(self.vocabulary, kinds, strict=False) if kind == _CONTROL_TOKEN)

    def number(self, key: str, default: int = 0) -> int:
        """A number of the architecture's own, such as ``context_length`` or ``block_count``."""
        value = self.metadata.get(f"{self.architecture}.{key}", default)
        return value if isinstance(value, int) else default


def read(path: Path) -> Header:
    """The header of the file at ``path``. Raises ModelCorrupt when it is no whole GGUF."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(HEAD_LIMIT)
    except OSError as error:
        raise ModelCorrupt(f"{path} cannot be read: {error.strerror}") from None
    try:
        return _Reader(head).header(size)
    except (struct.error, UnicodeDecodeError, _Broken) as error:
        reason = str(error) if isinstance(error, _Broken) else "it ends, or turns to nonsense, inside its header"
        raise ModelCorrupt(f"{path} is not a whole GGUF file: {reason}. Get the file again.") from None


class _Broken(Exception):
    """A reason not to believe the file."""


class _Reader:
    """A cursor over the head of a file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def header(self, size: int) -> Header:
        """The whole head; ``size`` is that of the file."""
        if self.data[:4] != b"GGUF":
            raise _Broken("it does not begin with GGUF")
        self.at = 4
        version = self.scalar("I")
        if version not in (2, 3):
            raise _Broken(f"its version is {version}, known are 2 and 3")
        tensors, pairs = self.scalar("Q"), self.scalar("Q")
        self.room(pairs * 12 + tensors * 24)
        metadata = {self.string(): self.value(self.scalar("I")) for _ in range(pairs)}
        end = max((self.tensor_end() for _ in range(tensors)), default=0)
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1:
            raise _Broken("its alignment makes no sense")
        expected = -(-self.at // alignment) * alignment + end
        if size < expected:
            raise _Broken(f"it has {size:,} bytes where {expected:,} are needed, so it was cut off")
        return Header(version=version, metadata=metadata, tensors=tensors, size_bytes=size)

    def tensor_end(self) -> int:
        """Read one tensor's entry; where its weights end, counted from the first weight."""
        self.string()
        dimensions = self.scalar("I")
        self.room(dimensions * 8)
        shape = [self.number("Q") for _ in range(dimensions)]
        values, width = _BLOCKS.get(self.scalar("I"), (1, 0))
        return self.number("Q") + prod(shape) // values * width

    def value(self, kind: int, depth: int = 0) -> Any:
        """One value of the type ``kind``."""
        if kind in _SCALARS:
            return self.scalar(_SCALARS[kind])
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY or depth == _DEEPEST:
            raise _Broken(f"it holds a value of the unknown type {kind}")
        inner, count = self.scalar("I"), self.scalar("Q")
        if inner in _SCALARS:
            return self.many(_SCALARS[inner], count)
        self.room(count * 8)
        return [self.value(inner, depth + 1) for _ in range(count)]

    def many(self, code: str, count: int) -> tuple[Any, ...]:
        """``count`` numbers at once."""
        self.room(count * struct.calcsize(f"<{code}"))
        values = struct.unpack_from(f"<{count}{code}", self.data, self.at)
        self.at += struct.calcsize(f"<{count}{code}")
        return values

    def scalar(self, code: str) -> Any:
        """One number."""
        (value,) = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(f"<{code}")
        return value

    def number(self, code: str) -> int:
        """One whole number."""
        return int(self.scalar(code))

    def string(self) -> str:
        """A text with its length before it. Tokens may be broken UTF-8, so that is no error."""
        length = self.scalar("Q")
        self.room(length)
        start, self.at = self.at, self.at + length
        return self.data[start : self.at].decode("utf-8", errors="replace")

    def room(self, length: int) -> None:
        """Refuse a length that the file cannot hold."""
        if length > len(self.data) - self.at:
            raise _Broken("it ends inside its header")
