"""Lists the runs of a folder with their results, or compares two of them record by record."""

import argparse
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from avel_tf.errors import InputError

if TYPE_CHECKING:
    from components.lineage import RecordedRun

EXAMPLES = """\
examples:
  All runs below runs/, the default output:
    avel runs
  Two of them, by a paired interval over the test records (the start of a run's name is enough):
    avel runs compare ave-sel-20261126-0245 ave-sel-audio-20261126-0301
"""
WHEN_STOPPED = ""
COLUMNS = ("run", "date", "system", "settings", "supervision", "seed", "data", "result", "verdict")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    _add_places(parser, pathlib.Path("runs"), None)
    actions = parser.add_subparsers(dest="action", metavar="compare")
    compare = actions.add_parser("compare", help="compare the results of two runs")
    compare.add_argument("first", metavar="A", help="name of a run, or the start of it")
    compare.add_argument("second", metavar="B", help="the run to compare it with")
    # Behind "compare", too, without replacing what was given before it.
    _add_places(compare, argparse.SUPPRESS, argparse.SUPPRESS)


def _add_places(
    parser: argparse.ArgumentParser, output_root: pathlib.Path | str, lineage: str | None
) -> None:
    parser.add_argument(
        "--output_root",
        type=pathlib.Path,
        default=output_root,
        metavar="DIR",
        help="output root of one pipeline, or the folder of several (default: runs)",
    )
    parser.add_argument(
        "--lineage",
        default=lineage,
        metavar="DB",
        help="lineage database, if it is not in the output root",
    )


def run(flags: argparse.Namespace) -> int:
    """Prints the table or the comparison; returns the exit status."""
    runs = [run for database in _find_databases(flags) for run in _read_runs(database)]
    if not runs:
        raise InputError(f"The lineage of {flags.lineage or flags.output_root} has no run.")
    if flags.action == "compare":
        print(_compare(*(_find_run(runs, name) for name in (flags.first, flags.second))))
    else:
        print(_format_table([COLUMNS, *(_describe(each) for each in runs)]))
    return 0


def _find_databases(flags: argparse.Namespace) -> Iterator[str]:
    if flags.lineage:
        if "://" not in flags.lineage and not pathlib.Path(flags.lineage).is_file():
            raise InputError(f"`--lineage`: {flags.lineage} does not exist.")
        yield flags.lineage
        return
    root = flags.output_root
    paths = [path / "lineage.sqlite" for path in (root, *sorted(root.glob("*")))]
    if not (paths := [path for path in paths if path.is_file()]):
        raise InputError(
            f"Neither {root} nor a folder in it has a lineage.sqlite. Point `--output_root` to the "
            "output of a run, or give `--lineage`."
        )
    yield from map(str, paths)


def _read_runs(database: str) -> list["RecordedRun"]:
    from components.lineage import Lineage  # heavy

    return Lineage(database).read_runs()


def _find_run(runs: Sequence["RecordedRun"], name: str) -> "RecordedRun":
    found = [run for run in runs if run.run_id.startswith(name)]
    exact = [run for run in found if run.run_id == name]
    if len(exact or found) != 1:
        names = ", ".join(run.run_id for run in found or runs)
        raise InputError(
            f"{len(found)} runs have a name that starts with {name!r}. Choose one of: {names}."
        )
    return (exact or found)[0]


def _describe(run: "RecordedRun") -> tuple[str, ...]:
    """Makes a row of the table."""
    date = f"{run.started:%Y-%m-%d %H:%M}"
    if "Evaluator" not in run.summaries:
        return run.run_id, date, *["–"] * 6, _describe_end(run)
    summary = run.summaries["Evaluator"]
    model = summary["run"]
    names = (str(model[name]) for name in ("system", "settings", "supervision", "seed", "data"))
    verdict = "blessed" if summary["blessed"] else "not blessed"
    return run.run_id, date, *names, _describe_result(summary), verdict


def _describe_result(summary: dict) -> str:
    from avel_tf.evaluation.bootstrap import FEW_RECORDS

    value = summary["metrics"][summary["primary_metric"]]
    if value is None:
        return "not a number"
    lower, upper = summary["interval"]
    few = summary.get("num_records", FEW_RECORDS) < FEW_RECORDS  # older runs do not state it
    records = f", only {summary['num_records']} records" if few else ""
    return f"{value:.2%} [{lower:.1%}, {upper:.1%}]{records}"


def _describe_end(run: "RecordedRun") -> str:
    failed = [name for name, state in run.states.items() if state == "FAILED"]
    return f"failed in {failed[-1]}" if failed else "not evaluated"


def _compare(first: "RecordedRun", second: "RecordedRun") -> str:
    from avel_tf.evaluation.bootstrap import describe_few_records
    from avel_tf.evaluation.record_accuracies import compare_record_files

    for run in (first, second):
        if run.evaluation is None:
            raise InputError(f"{run.run_id} has no evaluation ({_describe_end(run)}).")
    difference = compare_record_files(
        *(run.evaluation.folder().records_path for run in (first, second))
    )
    lower, upper = difference.interval
    verdict = "the interval holds 0: chance may explain the difference"
    if lower > 0 or upper < 0:
        verdict = f"{(first if lower > 0 else second).run_id} is better"
    return "\n".join(
        [
            f"{difference.metric}, {difference.num_records} test records",
            f"  {first.run_id}  {difference.first:.2%}  {_data(first)}",
            f"  {second.run_id}  {difference.second:.2%}  {_data(second)}",
            f"  difference {difference.difference:+.2%}, 95 % interval {lower:+.2%} to "
            f"{upper:+.2%}, paired by record: {verdict}",
            f"  {describe_few_records(difference.num_records)}",
        ]
    ).rstrip()


def _data(run: "RecordedRun") -> str:
    return run.summaries["Evaluator"]["run"]["data"]


def _format_table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
