"""Runs a long command, keeps what it prints in a log file and shows how far it is."""

from __future__ import annotations

import queue
import re
import subprocess
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO

_NINJA = re.compile(r"^\s*\[(\d+)/(\d+)\]")
_MAKE = re.compile(r"^\s*\[\s*(\d+)%\]")
_BAR_WIDTH = 30
_QUIET_SECONDS = 15.0  # between two lines where there is no terminal
_TAIL_LINES = 25


def fraction(line: str) -> float | None:
    """Read how far a build is, 0 to 1, from a line of Ninja (``[12/345] ...``) or Make (``[ 12%] ...``); else None."""
    if match := _NINJA.match(line):
        done, total = map(int, match.groups())
        return min(done / total, 1.0) if total else None
    if match := _MAKE.match(line):
        return min(int(match[1]) / 100, 1.0)
    return None


def clock(seconds: float) -> str:
    """Minutes and seconds, as on a kitchen clock."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def line(label: str, elapsed: float, done: float | None, *, bar: bool) -> str:
    """One line of progress; ``elapsed`` in seconds, ``done`` from 0 to 1 or None where nothing is known."""
    parts = [label]
    if done is not None:
        filled = round(done * _BAR_WIDTH)
        if bar:
            parts.append("[" + "#" * filled + "." * (_BAR_WIDTH - filled) + "]")
        parts.append(f"{done:4.0%}")
    parts.append(clock(elapsed))
    if done is not None and 0.05 < done < 1:
        parts.append(f"about {clock(elapsed / done - elapsed)} left")
    return "  ".join(parts)


class Display:
    """Shows one step: a bar that redraws itself on a terminal, a line every 15 s elsewhere."""

    def __init__(self, label: str, out: IO[str] | None = None) -> None:
        """Start the step's clock. ``out`` is standard error unless given."""
        self._label = label
        self._out = out or sys.stderr
        self._tty = self._out.isatty()
        self._started = self._shown = time.monotonic()
        self._done: float | None = None
        self._write(label if not self._tty else "")

    def update(self, done: float | None = None) -> None:
        """Take in how far the step is (it never goes back) and redraw when it is time."""
        self._done = max((known for known in (self._done, done) if known is not None), default=None)
        now = time.monotonic()
        if now - self._shown >= (0.2 if self._tty else _QUIET_SECONDS):
            self._shown = now
            self._write(line(self._label, now - self._started, self._done, bar=self._tty))

    def finish(self) -> None:
        """Leave one closing line."""
        self._write(f"{self._label}  done in {clock(time.monotonic() - self._started)}")
        if self._tty:
            self._out.write("\n")

    def _write(self, text: str) -> None:
        self._out.write(f"\r\x1b[2K{text}" if self._tty else f"{text}\n")
        self._out.flush()


def run(label: str, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> None:
    """Run ``command`` to its end under ``label``, all output in ``log``. Raises RuntimeError with the log's tail on failure."""
    display = Display(label)
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        try:
            for text in _lines(process, display):
                kept.write(text)
                tail.append(text)
                display.update(fraction(text))
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise RuntimeError(
            f"{''.join(tail)}\n{label}: failed with exit code {process.returncode}; everything it said is in {log}"
        )
    display.finish()


def _lines(process: subprocess.Popen[str], display: Display) -> Iterator[str]:
    """The lines of ``process`` as they come; a thread reads, so that the clock goes on while the process is silent."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        for text in process.stdout or ():
            lines.put(text)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            text = lines.get(timeout=0.5)
        except queue.Empty:
            display.update()
            continue
        if text is None:
            return
        yield text
