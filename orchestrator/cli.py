"""``sessionscribe``: one program with a subcommand per job. What is heavy is imported inside the subcommand."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orchestrator.settings import Settings

DESCRIPTION = "Clinical notes from therapy sessions, written on your own machine. Nothing leaves it."
DATA_DIR = "~/.local/share/sessionscribe"
DONE, FAILED, WRONG_USE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0 done, 1 it failed for the reason printed, 2 wrong use."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in PROGRAMS:
        return _program(*PROGRAMS[given[0]], rest=given[1:])
    options = _parser().parse_args(given)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        options.settings = _settings()
        return run(options)
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:  # the reader of our output left
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _settings() -> Settings:
    """The settings of the environment; ends with 2 where it names one that does not exist. Logs go to standard error."""
    from orchestrator import log, settings

    try:
        read, _ = settings.read()
    except settings.SettingsError as error:
        raise SystemExit(_fail(str(error), code=WRONG_USE)) from None
    log.configure(read.log_level if "log_level" in read.model_fields_set else "warning")
    return read


# Subcommands that are the packages' own programs: the packages stay independent of each other.
PROGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "model": ("sidecar", ("model",)),
    "db": ("orchestrator", ("db",)),
    "user": ("orchestrator", ("user",)),
}


def _program(module: str, first: tuple[str, ...], *, rest: Sequence[str]) -> int:
    return subprocess.run([sys.executable, "-m", module, *first, *rest], check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sessionscribe", description=DESCRIPTION, epilog="Start with: sessionscribe demo"
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_serve(commands)
    _add_note(commands)
    _add_risk(commands)
    _add_eval(commands)
    for name, text in {
        "model": "add, list, verify, activate, roll back and pull models",
        "db": "bring the database up to date",
        "user": "add an account",
    }.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, examples: Sequence[str]
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog="\n  ".join(["examples:", *examples]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "demo",
        "write a note for a sample session, from nothing, in a temporary folder",
        ["sessionscribe demo", "sessionscribe demo --sample all", "sessionscribe demo --keep"],
    )
    names = ("after_the_funeral", "night_shift", "two_households", "all")
    command.add_argument("--sample", choices=names, default=names[0], help="which session (default: %(default)s)")
    command.add_argument("--keep", action="store_true", help="stay up until Ctrl-C")
    command.set_defaults(run=_demo)


def _demo(options: argparse.Namespace) -> int:
    from orchestrator.commands.demo import SAMPLES, demo

    samples = SAMPLES if options.sample == "all" else (options.sample,)
    return asyncio.run(demo(samples, keep=options.keep))


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "serve",
        "run the model server and the orchestrator until Ctrl-C",
        [
            "sessionscribe serve",
            "sessionscribe serve --port 9000 --data-dir ./data",
            "sessionscribe serve --sidecar http://127.0.0.1:8012    # a model server that runs elsewhere on this machine",
        ],
    )
    command.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine only)"
    )
    command.add_argument("--port", type=int, default=8002, help="port to listen on (default: %(default)s)")
    _add_places(command)
    command.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    from orchestrator.commands.serve import serve

    return asyncio.run(
        serve(host=options.host, port=options.port, folder=_folder(options), sidecar_url=options.sidecar)
    )


def _add_places(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data-dir", type=Path, default=Path(DATA_DIR), help="models, keys and database (default: %(default)s)"
    )
    command.add_argument("--sidecar", metavar="URL", help="use the model server at URL instead of starting one")


def _folder(options: argparse.Namespace) -> Path:
    """The data folder, made for this user alone where there is none yet."""
    folder: Path = options.data_dir.expanduser()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _add_note(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "note",
        "print the note of one or more transcripts; nothing is stored",
        [
            "sessionscribe note session.txt",
            "sessionscribe note - < session.txt",
            "sessionscribe note session.txt --json | jq '.risk'",
            "sessionscribe note monday.txt tuesday.txt          # one JSON line each",
            "sessionscribe note --jsonl sessions.jsonl          # records {id, dialogue}; one JSON line each",
        ],
    )
    command.add_argument("files", nargs="*", metavar="FILE", help="transcripts as text; - is standard input")
    command.add_argument("--jsonl", type=Path, metavar="FILE", help="records {id, dialogue}, one a line")
    command.add_argument("--json", action="store_true", help="the note as data instead of text")
    _add_places(command)
    command.set_defaults(run=_note, parser=command)


def _note(options: argparse.Namespace) -> int:
    from orchestrator.commands.note import BadInput, read_files, read_jsonl, write_notes

    if bool(options.files) == bool(options.jsonl):
        options.parser.error("name one or more files, or one --jsonl file")
    try:
        sources = list(read_jsonl(options.jsonl) if options.jsonl else read_files(options.files))
    except (BadInput, OSError) as error:
        return _fail(str(error))
    return asyncio.run(
        write_notes(
            sources,
            folder=_folder(options),
            sidecar_url=options.sidecar,
            note_seconds=options.settings.note_seconds,
            as_json=options.json,
            lines=bool(options.jsonl) or len(sources) > 1,
        )
    )


def _add_risk(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "risk",
        "print the risk findings of transcripts, one JSON line each; no note is written",
        ["sessionscribe risk session.txt", "sessionscribe risk --cases cases.jsonl"],
    )
    command.add_argument("files", nargs="*", metavar="FILE", help="transcripts as text; - is standard input")
    command.add_argument("--cases", type=Path, metavar="FILE", help="cases {id, dialogue, ...}, one a line")
    _add_places(command)
    command.set_defaults(run=_risk, parser=command)


def _risk(options: argparse.Namespace) -> int:
    from orchestrator.commands.note import BadInput, read_files
    from orchestrator.commands.risk import print_findings, read_cases

    if bool(options.files) == bool(options.cases):
        options.parser.error("name one or more files, or one --cases file")
    try:
        cases = list(read_cases(options.cases) if options.cases else read_files(options.files))
    except (BadInput, OSError) as error:
        return _fail(str(error))
    return asyncio.run(print_findings(cases, folder=_folder(options), sidecar_url=options.sidecar))


def _add_eval(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("eval", help="measure a part against cases with known answers")
    parts = command.add_subparsers(title="parts", required=True, metavar="PART")
    risk = _command(
        parts,
        "risk",
        "recall of terms, false flags and status accuracy of the risk engine, with every miss",
        ["sessionscribe eval risk --cases cases.jsonl", "sessionscribe eval risk --cases cases.jsonl --json"],
    )
    risk.add_argument("--cases", type=Path, metavar="FILE", required=True, help="cases with expected_terms, one a line")
    risk.add_argument("--json", action="store_true", help="as JSON instead of a table")
    _add_places(risk)
    risk.set_defaults(run=_eval_risk)


def _eval_risk(options: argparse.Namespace) -> int:
    """Pipe the findings of ``risk --cases`` into the scorer of the training package."""
    places = ["--data-dir", str(options.data_dir), *(["--sidecar", options.sidecar] if options.sidecar else [])]
    find = [sys.executable, "-m", "orchestrator.cli", "risk", "--cases", str(options.cases), *places]
    score = [sys.executable, "-m", "training.risk", "score", "--cases", str(options.cases)]
    with subprocess.Popen(find, stdout=subprocess.PIPE) as finding:
        scored = subprocess.run([*score, *(["--json"] if options.json else [])], stdin=finding.stdout, check=False)
        return finding.wait() or scored.returncode


def _fail(reason: str, *, code: int = FAILED) -> int:
    print(f"sessionscribe: {reason}", file=sys.stderr)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
