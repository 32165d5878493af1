"""The one door to what training and serving share: the manifest and the version of the prompt."""

from __future__ import annotations

from training.contract.manifest import FILE_NAME, Kind, Manifest, ManifestError, Sampling, parse, read
from training.contract.prompt import PROMPT_VERSION

__all__ = ["FILE_NAME", "PROMPT_VERSION", "Kind", "Manifest", "ManifestError", "Sampling", "parse", "read"]
