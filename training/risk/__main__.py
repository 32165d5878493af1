"""``python -m training.risk``: train the learned half of the risk engine, or score what the whole engine found.

python -m training.risk train                      # adapters and head from the written cases; about half an hour on two cores
python -m training.risk train --without c ...      # the same without one author, to see how it does on an author it never read
sessionscribe risk --cases F | python -m training.risk score --cases F --json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from training.risk import report
from training.risk.cases import BadCase, case, read
from training.risk.evaluate import Found, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CASES = Path(__file__).parent.parent / "dataset" / "risk" / "cases"
FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit code is 1 when a file cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)  # type: ignore[no-any-return]
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
        "--ordinary",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="JSONL files of ordinary talk, a dialogue a line",
    )
    train.add_argument(
        "--encoder", type=Path, help="folder of the published encoder (default: the installed package's)"
    )
    train.add_argument("--out", type=Path, help="write there instead of into the packages")
    train.set_defaults(run=_train)
    score = commands.add_parser("score", help="score findings, read from standard input, against cases")
    score.add_argument("--cases", type=Path, required=True, metavar="FILE")
    score.add_argument("--json", action="store_true", help="as JSON instead of a table")
    score.add_argument("--markdown", action="store_true", help="as a page with every miss")
    score.set_defaults(run=_score)
    kept = commands.add_parser("kept-out", help="print the cases that are kept out of training")
    kept.set_defaults(run=lambda _options: _kept_out())
    return parser


def _train(options: argparse.Namespace) -> int:
    from training.risk.release import Options, make
    from training.risk.train import Recipe

    told = Options(
        recipe=Recipe(epochs=options.epochs), without=options.without, encoder=options.encoder, out=options.out
    )
    make(sorted(CASES.glob("*.jsonl")), options.ordinary, told)
    return 0


def _score(options: argparse.Namespace) -> int:
    predictions = dict(_predictions(sys.stdin))
    scored = evaluate(read([options.cases], strict=False), predictions).as_dict()
    if options.json:
        print(json.dumps(scored, ensure_ascii=False, indent=1))
    else:
        print(report.markdown(scored) if options.markdown else report.table(scored))
    return 0


def _kept_out() -> int:
    """Print the cases that nothing may be tuned on, as they were written."""
    for path in sorted(CASES.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and case(json.loads(line)).kept_out:
                print(line)
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


if __name__ == "__main__":
    raise SystemExit(main())
