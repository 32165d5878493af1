"""Everything that can go wrong on purpose. What failed stands here; which HTTP status it gets, in ``web/problems.py``.

AppError
├── NotFound                 no such thing, or not yours
├── InvalidInput             what was sent cannot be used; ``detail`` says why in a therapist's words
├── NotesExist               a note is there and ``regenerate`` was not asked for
├── TranscriptTooShort       too little was said to write a note from
├── Taken                    an e-mail, username, licence or patient number is in use
├── NotAuthenticated
├── Inactive                 the account is switched off
├── RegistrationClosed       accounts are opened by the administrator only
├── ShuttingDown             the server ends while a note is streamed
├── Busy                     too many are waiting for the model
└── ModelError
    ├── ModelUnreachable     nothing answers at the sidecar's address
    ├── ModelLoading         the sidecar answers but is not ready
    ├── ModelFailed          a completion broke off or came back malformed
    └── ModelTimeout         a completion ran out of its deadline
"""

from __future__ import annotations


class AppError(Exception):
    """Something went wrong."""

    slug = "error"

    def __init__(self, detail: str | None = None) -> None:
        """``detail`` is shown to a therapist: plain words, never a piece of a session's text."""
        self.detail = detail or (self.__doc__ or "").strip().splitlines()[0]
        super().__init__(self.detail)


class NotFound(AppError):
    """Not found."""

    slug = "not-found"


class InvalidInput(AppError):
    """What was sent cannot be used."""

    slug = "invalid-input"


class NotesExist(AppError):
    """Notes already exist. Set regenerate=true to overwrite."""

    slug = "notes-exist"


class TranscriptTooShort(AppError):
    """The transcription is too short for a note: at least 50 characters are needed."""

    slug = "transcript-too-short"


class Taken(AppError):
    """This is already in use."""

    slug = "taken"


class NotAuthenticated(AppError):
    """Please sign in."""

    slug = "not-authenticated"


class Inactive(AppError):
    """This account is switched off."""

    slug = "inactive"


class RegistrationClosed(AppError):
    """Registration is closed on this server. Please ask its administrator for an account."""

    slug = "registration-closed"


class ShuttingDown(AppError):
    """The server is being restarted. Nothing was changed; please try again shortly."""

    slug = "shutting-down"


class Busy(AppError):
    """The model is busy with other notes. Please try again shortly."""

    slug = "busy"


class ModelError(AppError):
    """The model could not answer."""

    slug = "model-error"


class ModelUnreachable(ModelError):
    """The model cannot be reached. Nothing was changed; please try again shortly."""

    slug = "model-unreachable"


class ModelLoading(ModelError):
    """The model is still loading. Nothing was changed; please try again shortly."""

    slug = "model-loading"


class ModelFailed(ModelError):
    """The model broke off while it wrote."""

    slug = "model-failed"


class ModelTimeout(ModelError):
    """The model ran out of time."""

    slug = "model-timeout"
