"""``python -m sidecar`` serves the active model; ``python -m sidecar model ...`` looks after the models folder."""

from __future__ import annotations

import asyncio
import os
import sys

from sidecar import log, model_commands, settings
from sidecar.errors import SidecarError
from sidecar.serve import serve

USAGE = """\
usage: python -m sidecar            serve the active model at one fixed address until SIGTERM
       python -m sidecar model ...  add, list, verify, activate, roll back or pull models (--help says more)

Settings are environment variables SESSIONSCRIBE_SIDECAR_*; for example:
  SESSIONSCRIBE_SIDECAR_PORT=8012 SESSIONSCRIBE_SIDECAR_SLOTS=4 python -m sidecar
  curl http://127.0.0.1:8012/status
Exit codes: 0 done, 1 failed, 2 wrong use, 10 no model, 11 damaged file, 12 model and manifest (or program) do not fit,
  13 too little memory, 14 address taken, 15 no model server, 16 the model server cannot serve.
"""


def main(argv: list[str]) -> int:
    """Do what ``argv`` says; the exit code."""
    if argv[:1] == ["model"]:
        return model_commands.main(argv[1:])
    if argv:
        print(USAGE, end="", file=sys.stdout if argv[0] in {"-h", "--help"} else sys.stderr)
        return 0 if argv[0] in {"-h", "--help"} else 2
    log.configure()
    try:
        chosen = settings.load(os.environ)
        log.configure(chosen.log_level)
        asyncio.run(serve(chosen, os.environ))
    except SidecarError as error:
        log.failed(error)
        print(f"sidecar: {error}", file=sys.stderr)  # noqa: T201 - the last word is for people
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
