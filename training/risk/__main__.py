"""``python -m training.risk``: train the learned half of the risk engine, or score what the whole engine found.

python -m training.risk train                      # adapters and head from the written cases; about half an hour on two cores
python -m training.risk train --without c          # the same without one author, to see how it does on an author it never read
sessionscribe risk --cases F | python -m training.risk score --cases F --json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from training.risk.cases import BadCase, read
from training.risk.evaluate import Found, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CASES = Path(__file__).parent.parent / "dataset" / "risk" / "cases"
FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit code is 1 when a file cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        return _train(options) if options.command == "train" else _score(options)
    except (BadCase, OSError, ValueError) as error:
        print(f"training.risk: {error}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="training.risk", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train the adapters and the head")
    train.add_argument("--without", metavar="AUTHOR", help="leave out all cases of one author and measure on them")
    train.add_argument("--epochs", type=int, default=3)
    train.add_argument(
        "--encoder", type=Path, help="folder of the published encoder (default: the installed package's)"
    )
    train.add_argument("--out", type=Path, help="write there instead of into the packages")
    score = commands.add_parser("score", help="score findings, read from standard input, against cases")
    score.add_argument("--cases", type=Path, required=True, metavar="FILE")
    score.add_argument("--json", action="store_true", help="as JSON instead of a table")
    return parser


def _train(options: argparse.Namespace) -> int:
    from training.risk.release import make
    from training.risk.train import Recipe

    recipe = Recipe(epochs=options.epochs)
    make(
        sorted(CASES.glob("*.jsonl")), without=options.without, recipe=recipe, encoder=options.encoder, out=options.out
    )
    return 0


def _score(options: argparse.Namespace) -> int:
    predictions = dict(_predictions(sys.stdin))
    report = evaluate(read([options.cases], strict=False), predictions).as_dict()
    print(json.dumps(report, ensure_ascii=False, indent=1) if options.json else _table(report))
    return 0


def _predictions(lines: Iterable[str]) -> Iterable[tuple[str, list[Found]]]:
    """The findings of each case, from the lines that ``sessionscribe risk --cases`` prints."""
    for line in lines:
        if line.strip():
            record = json.loads(line)
            yield str(record["id"]), [_found(finding) for finding in record["findings"]]


def _found(finding: dict[str, object]) -> Found:
    return Found(
        category=str(finding["category"]),
        status=str(finding["status"]),
        start=int(str(finding["start"])),
        end=int(str(finding["end"])),
        quote=str(finding.get("quote", "")),
    )


def _table(report: dict[str, object]) -> str:
    """The numbers, without the lists of misses."""
    groups = {
        "overall": {"all": report["overall"]},
        **{name: report[name] for name in ("by_kind", "by_category", "by_status")},
    }
    rows = [f"{'':34}{'terms':>7}{'recall':>8}{'false flags/case':>18}{'status':>8}"]
    for group, tallies in groups.items():
        rows.append(group)
        for name, rates in tallies.items():  # type: ignore[attr-defined]
            cells = [rates["terms"], rates["term_recall"], rates["false_flags_per_case"], rates["status_accuracy"]]
            shown = ["-" if cell is None else str(cell) for cell in cells]
            rows.append(f"  {name:32}{shown[0]:>7}{shown[1]:>8}{shown[2]:>18}{shown[3]:>8}")
    return "\n".join(rows)


if __name__ == "__main__":
    raise SystemExit(main())
