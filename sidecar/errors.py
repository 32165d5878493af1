"""Everything that can go wrong in the sidecar, and the exit code that says which.

SidecarError              1   it failed for the reason printed
├── WrongUse              2   a command or a setting that cannot be used
├── ModelMissing         10   no such model, or its file is gone
├── ModelCorrupt         11   truncated, damaged, or no GGUF at all
├── ModelMismatch        12   a whole file, but not what its manifest or this program needs
├── NotEnoughMemory      13
├── PortTaken            14
├── EngineMissing        15   the model server is not installed or does not run on this machine
├── EngineFailed         16   the model server starts but cannot serve
└── PullFailed            1   a download did not arrive whole

The codes above 2 are those of ``python -m sidecar``; its ``model`` commands end with 0, 1 or 2.
"""

from __future__ import annotations


class SidecarError(Exception):
    """It failed. The message says what happened and what to do; never a word of a session."""

    exit_code = 1


class WrongUse(SidecarError):
    """A command or a setting that cannot be used."""

    exit_code = 2


class ModelMissing(SidecarError):
    """There is no such model, or its file is gone."""

    exit_code = 10


class ModelCorrupt(SidecarError):
    """The file is truncated, damaged or no GGUF."""

    exit_code = 11


class ModelMismatch(SidecarError):
    """The file is whole but is not what its manifest or this program needs."""

    exit_code = 12


class NotEnoughMemory(SidecarError):
    """The model does not fit into the memory that is left."""

    exit_code = 13


class PortTaken(SidecarError):
    """Somebody else listens there."""

    exit_code = 14


class EngineMissing(SidecarError):
    """The model server is not installed or does not run on this machine."""

    exit_code = 15


class EngineFailed(SidecarError):
    """The model server starts but cannot serve."""

    exit_code = 16


class PullFailed(SidecarError):
    """A download did not arrive whole."""
