"""The single door to the prompt contract that training and serving share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.contract import prompt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.domain.ports import Task


class ContractPrompts:
    """The ``Prompts`` port on ``training.contract.prompt``."""

    version = prompt.PROMPT_VERSION

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that shapes a prompt."""
        return prompt.fingerprint()

    def messages(self, dialogue: str, task: Task) -> Sequence[Mapping[str, str]]:
        """The messages that ask for ``task`` over ``dialogue``, which cannot end its delimiters."""
        return _plain(prompt.build_messages(dialogue, task=task))

    def repair(
        self, dialogue: str, task: Task, *, section: str, before: Mapping[str, str]
    ) -> Sequence[Mapping[str, str]]:
        """The messages that ask for one section again; the last one is the assistant's answer up to its heading."""
        return _plain(prompt.build_repair(dialogue, section=section, before=before, task=task))


def _plain(messages: Sequence[prompt.Message]) -> list[dict[str, str]]:
    return [{"role": message["role"], "content": message["content"]} for message in messages]
