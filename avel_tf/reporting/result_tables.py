"""Tables of systems next to the published numbers: Markdown, JSON and PNG."""

import json
import pathlib
from collections.abc import Mapping

from avel_tf.evaluation.bootstrap import describe_few_records
from avel_tf.evaluation.results import Control
from avel_tf.reporting.result_figures import draw
from avel_tf.reporting.result_rows import ResultRow, ResultTable
from avel_tf.utils.atomic import whole_file

SHORT_NAMES = {
    "audio_to_visual_accuracy": "A2V",
    "visual_to_audio_accuracy": "V2A",
    "average_accuracy": "Average",
    "average_overlap": "Overlap",
    "segment_accuracy": "Accuracy",
    "category_accuracy": "Category",
    "relevance_accuracy": "Relevance",
}
DETAILS = [
    *("Runs", "95 % interval", "Difference to the last row", "Epochs", "s per run"),
    "Parameters",
]


def write_table(table: ResultTable, folder: pathlib.Path) -> None:
    """Writes `<key>.json`, `<key>.md` and `<key>.png`, each atomically.

    Args:
        table: `ResultTable`.
        folder: Folder to write to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, write in (
        ("json", lambda path: path.write_text(json.dumps(table.to_json(), indent=2))),
        ("md", lambda path: path.write_text(markdown(table), encoding="utf-8")),
        ("png", lambda path: draw(table, path, SHORT_NAMES)),
    ):
        with whole_file(folder / f"{table.key}.{suffix}") as partial:
            write(partial)


def markdown(table: ResultTable) -> str:
    """Formats the table with one line per row, and below it notes for the reader."""
    published = {metric for row in table.rows for metric in row.published}
    header = ["System"]
    for metric in table.metrics:
        header += [f"{SHORT_NAMES[metric]}, published"] if metric in published else []
        header.append(SHORT_NAMES[metric])
    controls = list(dict.fromkeys(name for row in table.rows for name in _controls(row)))
    cells = [header + [name.capitalize() for name in controls] + DETAILS]
    for row in table.rows:
        values = [row.name]
        for metric in table.metrics:
            values += [_percent(row.published.get(metric))] if metric in published else []
            values.append(_result(row, metric, table.primary_metric))
        values += [_control(_controls(row).get(name)) for name in controls]
        cells.append(values + _details(row, table.primary_metric))
    head = [f"### {table.title}", "", *([f"**{table.caution}**", ""] if table.caution else [])]
    return "\n".join([*head, *_lines(cells), "", *_notes(table), ""])


def _lines(cells: list[list[str]]) -> list[str]:
    """Formats a Markdown table with aligned columns, readable as plain text too."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells = [cells[0], ["-" * width for width in widths], *cells[1:]]
    return [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in cells
    ]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _result(row: ResultRow, metric: str, primary: str) -> str:
    if not row.result:
        if metric != primary:
            return "–"
        return "failed" if row.error else "not run"
    spread = row.result.metrics[metric]
    text = f"{100 * spread.mean:.1f}"
    if spread.standard_deviation is not None:
        text += f" ± {100 * spread.standard_deviation:.1f}"
    return text + (f" ({row.failures} failed)" if row.failures and metric == primary else "")


def _controls(row: ResultRow) -> Mapping[str, Control]:
    return row.result.controls if row.result else {}


def _control(control: Control | None) -> str:
    """A control's value and how much the row exceeds it; `=` where it does not."""
    if control is None or control.value is None:
        return "–"
    sign = "= " if control.holds_back else ""
    return f"{sign}{100 * control.value:.1f} {_bounds(control.difference, sign='+')}"


def _details(row: ResultRow, primary: str) -> list[str]:
    result = row.result
    if not result:
        return ["–"] * len(DETAILS)
    return [
        str(result.metrics[primary].runs),
        _bounds(result.interval, sign=""),
        _bounds(result.difference, sign="+"),
        f"{result.epochs:.0f}",
        f"{result.seconds:.0f}",
        f"{result.parameters:,}",
    ]


def _bounds(bounds: tuple[float, float] | None, sign: str) -> str:
    if bounds is None:
        return "–"
    return f"[{100 * bounds[0]:{sign}.1f}, {100 * bounds[1]:{sign}.1f}]"


def _notes(table: ResultTable) -> list[str]:
    notes = [f"{row.name} failed: {row.error.splitlines()[0]}" for row in table.rows if row.error]
    notes += [
        f"Data: {table.data}",
        f"Settings: {table.settings}",
        "Percent of the test split: mean ± standard deviation over runs with different seeds. The "
        "interval is a bootstrap over test records, the difference's a paired one; epochs are "
        "chosen on val.",
    ]
    num_records = [row.result.num_records for row in table.rows if row.result]
    if num_records and (warning := describe_few_records(min(num_records))):
        notes[-1] += f" Intervals are {warning}."
    if any(map(_controls, table.rows)):
        notes.append(
            f"Controls: {SHORT_NAMES[table.primary_metric]} of the same models on the inputs, or "
            "with the part of the answer, that the heading names, and in brackets the interval of "
            "the row's difference to it. `=` marks what a row does not exceed."
        )
        remarks = {
            f"{name.capitalize()}: {control.note}."
            for row in table.rows
            for name, control in _controls(row).items()
            if control.note
        }
        notes += sorted(remarks)
    trivial = {**table.trivial_baselines, **table.yardsticks}
    if trivial:
        text = "; ".join(f"{name} {100 * value:.2f}" for name, value in trivial.items())
        notes.append(f"Without looking at any feature: {text}.")
    if table.note:
        notes.append(table.note)
    return [line for note in notes for line in (note, "")][:-1]
