"""What a model file is: ``model.json``, the manifest that lies beside every GGUF.

Training writes it, the sidecar reads it and refuses to serve a file that is not what its manifest says. Reading is
strict: a missing, unknown or ill-typed field is an error that names it, so that nothing is guessed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Kind = Literal["language", "encoder"]
FILE_NAME = "model.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ManifestError(ValueError):
    """A manifest that cannot be used; the message says which field and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are drawn unless a request says otherwise. ``max_tokens`` bounds one completion; ``seed`` is not negative."""

    temperature: float = 0.2
    top_p: float = 0.9
    top_k: int = 40
    repeat_penalty: float = 1.1
    max_tokens: int = 400
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers outside their meaning."""
        _require(self.temperature >= 0, "sampling.temperature must not be negative")
        _require(0 < self.top_p <= 1, "sampling.top_p must be above 0 and at most 1")
        _require(self.top_k >= 0, "sampling.top_k must not be negative")
        _require(self.repeat_penalty > 0, "sampling.repeat_penalty must be positive")
        _require(self.max_tokens > 0, "sampling.max_tokens must be positive")
        _require(self.seed >= 0, "sampling.seed must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One model file and all that must be known to serve it and to trace a note back to it."""

    name: str
    file: str  # a plain file name, in the same folder
    sha256: str  # of the file
    size_bytes: int
    kind: Kind
    architecture: str  # as the GGUF says it: llama, phi3, bert ...
    quantization: str  # Q4_K_M ...
    context: int  # tokens the model was trained to see at once
    chat_template_sha256: str | None  # of the template inside the GGUF; None for an encoder
    prompt_version: str | None  # of the prompt contract it is served with; None for an encoder
    base_model: str
    licence: str
    adapter_sha256: str | None = None  # of the LoRA weights merged into it
    data: str = ""  # what it was trained on, in words or a fingerprint
    metrics: Mapping[str, float] = field(default_factory=dict)
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        """Refuse what could not be served or not be traced."""
        _require(self.name.strip() != "", "name is empty")
        _require(_plain(self.file), "file must be a plain file name, without a folder")
        _require(_SHA256.fullmatch(self.sha256) is not None, "sha256 must be 64 lower-case hexadecimal digits")
        _require(self.size_bytes > 0, "size_bytes must be positive")
        _require(self.context > 0, "context must be positive")
        _require(self.kind in get_args(Kind), f"kind must be one of {', '.join(get_args(Kind))}")
        for name in ("chat_template_sha256", "adapter_sha256"):
            value = getattr(self, name)
            _require(value is None or _SHA256.fullmatch(value) is not None, f"{name} must be a SHA-256 or null")
        served = self.chat_template_sha256 is not None and self.prompt_version is not None
        _require(self.kind == "encoder" or served, "a language model needs chat_template_sha256 and prompt_version")

    @property
    def key(self) -> str:
        """The name of the model's folder: the first 16 digits of the file's SHA-256."""
        return self.sha256[:16]

    def to_json(self) -> str:
        """The text of ``model.json``; ``parse`` gives the same manifest back."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, sort_keys=True) + "\n"

    def fingerprint(self) -> str:
        """SHA-256 over all fields: equal for equal manifests, whatever the layout of the file."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def parse(text: str) -> Manifest:
    """The manifest in ``text``. Raises ManifestError naming what is wrong."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise ManifestError(f"not JSON: {error}") from None
    values = _checked(Manifest, raw, "")
    for name, value in values.get("metrics", {}).items():
        _require(isinstance(value, int | float) and not isinstance(value, bool), f"metrics.{name} must be a number")
    values["sampling"] = Sampling(**_checked(Sampling, values.get("sampling", {}), "sampling."))
    return Manifest(**values)


def read(folder: Path) -> Manifest:
    """The manifest in ``folder``. Raises ManifestError when there is none or it cannot be used."""
    path = folder / FILE_NAME
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} cannot be read: {type(error).__name__}") from None
    except ManifestError as error:
        raise ManifestError(f"{path}: {error}") from None


_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "Kind": (str,),
    "int": (int,),
    "float": (int, float),
    "str | None": (str, type(None)),
    "Mapping[str, float]": (dict,),
    "Sampling": (dict,),
}


def _checked(shape: type[Manifest | Sampling], raw: object, prefix: str) -> dict[str, Any]:
    """``raw`` as the arguments of ``shape``: known names only, all required ones there, each of its type."""
    if not isinstance(raw, dict):
        raise ManifestError(f"{prefix.rstrip('.') or 'a manifest'} must be a JSON object")
    known = {f.name: str(f.type) for f in fields(shape)}
    if unknown := sorted(raw.keys() - known.keys()):
        raise ManifestError(f"unknown field {prefix}{unknown[0]}")
    required = {f.name for f in fields(shape) if f.default is f.default_factory}  # both MISSING
    if missing := sorted(required - raw.keys()):
        raise ManifestError(f"missing field {prefix}{missing[0]}")
    for name, value in raw.items():
        if not isinstance(value, _TYPES[known[name]]) or isinstance(value, bool):
            raise ManifestError(f"{prefix}{name} must be {known[name]}, not {type(value).__name__}")
    return dict(raw)


def _plain(name: str) -> bool:
    return bool(name) and "/" not in name and "\\" not in name and "\0" not in name and name not in {".", ".."}


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 - reads as a sentence where it is used
    if not condition:
        raise ManifestError(message)
