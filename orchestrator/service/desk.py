"""What a note is written with: the model, the encoder, the prompt, and the limits of time and size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.domain.ports import Encoder, LanguageModel, Prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds and tokens a note may take."""

    note_seconds: float = 45.0  # one completion over ``window_tokens`` prompt tokens; more tokens, more time
    window_tokens: int = 1200  # prompt tokens of one window: reading slows down with depth
    retry_seconds: float = 0.25  # between looks for a server that comes back

    def completion_seconds(self, prompt_tokens: float) -> float:
        """The deadline of one completion, from its granted slot."""
        return self.note_seconds * max(1.0, prompt_tokens / self.window_tokens)

    def note_budget(self, windows: int, slots: int) -> float:
        """How long a JSON caller waits for a note of ``windows`` windows over ``slots`` slots before it hears to come back."""
        rounds = -(-windows // slots)
        return self.note_seconds * (1 if windows == 1 else rounds + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything a note is written with. Without an encoder only the rules look for risk, and the note says so."""

    model: LanguageModel
    encoder: Encoder | None
    prompts: Prompts
    limits: Limits = Limits()
