"""Becomes another program that cannot outlive its parent: ``python -I -S tether.py PARENT_PID PROGRAM ARGUMENT...``.

The kernel is asked to kill this process when its parent dies, however the parent dies (Linux, prctl(2)); the request
survives exec. Asked after the fork, in a process of its own, so nothing runs between fork and exec of a program with
threads. A parent that died before the request was made is noticed by the changed parent id.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
ORPHANED = 3  # exit code


def main(parent: int, argv: list[str]) -> None:
    """Ask to die with ``parent``, then become ``argv``. Does not return."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(ORPHANED)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
