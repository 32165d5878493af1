"""The one prompt: what a model is asked when it is trained, evaluated and served.

Messages, not text: the chat template that turns them into tokens travels inside the GGUF. The model writes four sections; Risk
is written by rule from the transcript itself and never asked of a model.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PROMPT_VERSION = "1"
SECTIONS = ("Chief Complaint", "Emotional State", "Intervention", "Plan")

Task = Literal["note", "window", "reduce", "summary"]
TASKS: tuple[Task, ...] = get_args(Task)

SPECIAL_TOKENS: frozenset[str] = frozenset(
    "<|im_start|> <|im_end|> <|endoftext|> <|user|> <|assistant|> <|system|> <|end|> <s> </s> <unk> <pad> "
    "<bos> <eos> <start_of_turn> <end_of_turn> [INST] [/INST] <<SYS>> <</SYS>> "
    "<|begin_of_text|> <|end_of_text|> <|eot_id|> <|start_header_id|> <|end_header_id|>".split()
)
"""Special tokens of the model families in use; a model's own are passed in addition."""

BEGIN = "<<<TRANSCRIPT"
END = "TRANSCRIPT>>>"
_LOOKALIKES = str.maketrans({"<": "‹", ">": "›", "|": "¦"})  # readable, and no normalisation form turns them back
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ud800-\udfff\u2028\u2029\ufeff\u202a-\u202e\u2066-\u2069]")


class Message(TypedDict):
    """One message of a conversation. ``role`` is ``system``, ``user`` or ``assistant``."""

    role: Literal["system", "user", "assistant"]
    content: str


def build_messages(
    dialogue: str, *, task: Task = "note", special_tokens: Collection[str] = SPECIAL_TOKENS
) -> list[Message]:
    """The messages that ask for a note of ``dialogue``: always one system and one user message.

    ``special_tokens`` are those of the model that will read them. Raises ``ValueError`` for a task that does not exist.
    """
    if task not in TASKS:
        msg = f"no such task: {task!r}; known are {', '.join(TASKS)}"
        raise ValueError(msg)
    content = Template(_template(task)).substitute(
        begin=BEGIN, end=END, dialogue=neutralize(dialogue, special_tokens).strip()
    )
    return [
        {"role": "system", "content": _template("system")},
        {"role": "user", "content": content},
    ]


def build_repair(
    dialogue: str,
    *,
    section: str,
    before: Mapping[str, str],
    task: Task = "note",
    special_tokens: Collection[str] = SPECIAL_TOKENS,
) -> list[Message]:
    """The messages that ask for one section again: the last one is an assistant prefill that ends with its heading.

    ``before`` holds the sections to keep; only those that stand before ``section`` are shown. The reply goes on behind the
    heading. Raises ``ValueError`` for a section or task that does not exist.
    """
    if section not in SECTIONS:
        msg = f"no such section: {section!r}; a model writes {', '.join(SECTIONS)}"
        raise ValueError(msg)
    kept = {name: before[name] for name in SECTIONS[: SECTIONS.index(section)] if name in before}
    prefill = "\n".join([*_lines(kept), heading(section)])
    messages = build_messages(dialogue, task=task, special_tokens=special_tokens)
    return [*messages, {"role": "assistant", "content": prefill}]


def render_completion(sections: Mapping[str, str]) -> str:
    """What a model should answer for ``sections``: all four headings in order, each with its text on one line.

    Raises ``KeyError`` when one is missing.
    """
    return "\n".join(_lines({name: sections[name] for name in SECTIONS}))


def heading(section: str) -> str:
    """How a section's heading is written."""
    return f"**{section}:**"


def neutralize(text: str, special_tokens: Collection[str] = SPECIAL_TOKENS) -> str:
    """``text`` that cannot end its delimiters or be read as a special token, and still reads the same to a person.

    Angle brackets and bars become look-alikes, control characters spaces, and any other special token is cut by a space
    behind its first character. Idempotent. Offsets may move: evidence points into the stored text, never into this one.
    """
    text = _UNPRINTABLE.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")).translate(_LOOKALIKES)
    tokens = [token.strip() for token in special_tokens if len(token.strip()) > 1]
    while found := next((token for token in tokens if token in text), None):
        text = text.replace(found, f"{found[0]} {found[1:]}")
    return text


def instructions(task: Task = "note") -> str:
    """Everything a prompt says besides the dialogue, to recognise it when a model repeats it."""
    return "\n".join([_template("system"), Template(_template(task)).substitute(begin=BEGIN, end=END, dialogue="")])


def fingerprint() -> str:
    """SHA-256, in hex, of everything that shapes a prompt: the version, the delimiters, the sections and every template."""
    parts = [PROMPT_VERSION, BEGIN, END, *SECTIONS, _template("system"), *map(_template, TASKS)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _lines(sections: Mapping[str, str]) -> list[str]:
    return [f"{heading(name)} {' '.join(text.split())}" for name, text in sections.items()]


@cache
def _template(name: str) -> str:
    return resources.files(__package__).joinpath("templates", f"{name}.txt").read_text(encoding="utf-8").strip()
