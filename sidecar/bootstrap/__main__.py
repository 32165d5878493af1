"""The two lines of the README: ``python3 -m sidecar.bootstrap demo`` and ``python3 -m sidecar.bootstrap test``.

Keeps to the grammar of Python 3.6 and imports what is newer only once the Python is known to be new enough.
"""

import argparse
import os
import sys
from typing import List, Optional

from sidecar.bootstrap import needs

_EXAMPLES = """\
examples:
  python3 -m sidecar.bootstrap demo           set up what is needed to run, then `sessionscribe demo`
  python3 -m sidecar.bootstrap demo --keep    the same; what stands behind the job is passed on to it
  python3 -m sidecar.bootstrap test           set up for development too, then the whole test suite
  python3 -m sidecar.bootstrap test -k risk   the same with pytest's own arguments
  python3 -m sidecar.bootstrap setup          set up for development and run nothing

Everything is installed into .venv in this checkout. llama.cpp is built once for this processor and compiler and kept in
$SESSIONSCRIBE_CACHE (else ~/.cache/sessionscribe); $CMAKE_ARGS is added to ours, e.g. -DGGML_CUDA=ON for an NVIDIA GPU.
"""


def parse(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the job and the arguments that are passed on to it."""
    parser = argparse.ArgumentParser(
        prog="python3 -m sidecar.bootstrap",
        description="Set up this checkout and run a job in it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("job", choices=("demo", "test", "setup"), help="what to run when everything is there")
    rest = parser.add_argument("rest", nargs=argparse.REMAINDER, help="passed on to the job")
    rest.required = False  # argparse would ask for it
    args = parser.parse_args(argv)
    if args.job == "setup" and args.rest:
        parser.error("setup runs nothing that could take: " + " ".join(args.rest))
    return args


def main(argv: Optional[List[str]] = None) -> int:
    """Set up, then become the job. Returns an exit code only where there is no job to become."""
    args = parse(argv)
    try:
        better = needs.newer_python()
        if better:
            os.execv(better, [better, "-m", "sidecar.bootstrap", args.job] + args.rest)
        from sidecar.bootstrap import environment

        environment.ensure("demo" if args.job == "demo" else "test")
    except (needs.Missing, RuntimeError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    if args.job == "setup":
        return 0
    return environment.become(args.job, args.rest)


if __name__ == "__main__":
    sys.exit(main())
