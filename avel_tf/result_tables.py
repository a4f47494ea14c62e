"""Tables of systems beside the published numbers: Markdown, JSON and PNG."""

import json
import pathlib

from avel_tf.result_figures import draw

SHORT_NAMES = {
    "audio_to_visual_accuracy": "A2V",
    "visual_to_audio_accuracy": "V2A",
    "average_accuracy": "Average",
    "average_overlap": "Overlap",
    "segment_accuracy": "Accuracy",
    "category_accuracy": "Category",
    "relevance_accuracy": "Relevance",
}
DETAILS = ["Runs", "95 % interval", "Difference to the last row", "Epochs", "s a run"]


def write_table(table: dict, folder: pathlib.Path) -> None:
    """Writes `<key>.json`, `<key>.md` and `<key>.png`, each whole or not at all.

    Args:
        table: Dict of
            `key`, `title`, `note`, `data`, `settings` (strings),
            `metrics` and `primary_metric` (names),
            `trivial_baselines` and `yardsticks` (dicts of accuracies in [0, 1]),
            `rows`: list of dicts of `name`, `published` (dict of percents), `error` (string or
            None), `failures` (runs that failed) and, where there is a result, `metrics` (dict
            of what `comparison.over_runs` returns), `interval`, `difference` (both lower and
            upper bound, or None), `seconds` and `epochs` (means over runs).
        folder: Folder to write to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{table['key']}.partial"
    for suffix, write in (
        ("json", lambda path: path.write_text(json.dumps(table, indent=2))),
        ("md", lambda path: path.write_text(markdown(table), encoding="utf-8")),
        ("png", lambda path: draw(table, path, SHORT_NAMES)),
    ):
        try:
            write(partial)
            partial.replace(folder / f"{table['key']}.{suffix}")
        finally:
            partial.unlink(missing_ok=True)


def markdown(table: dict) -> str:
    """The table with one line a row, and what else a reader must know below it."""
    published = {metric for row in table["rows"] for metric in row["published"]}
    header = ["System"]
    for metric in table["metrics"]:
        header += [f"{SHORT_NAMES[metric]}, published"] if metric in published else []
        header.append(SHORT_NAMES[metric])
    cells = [header + DETAILS]
    for row in table["rows"]:
        values = [row["name"]]
        for metric in table["metrics"]:
            values += [_percent(row["published"].get(metric))] if metric in published else []
            values.append(_result(row, metric, table["primary_metric"]))
        cells.append(values + _details(row, table["primary_metric"]))
    return "\n".join([f"### {table['title']}", "", *_lines(cells), "", *_notes(table), ""])


def _lines(cells: list[list[str]]) -> list[str]:
    """A Markdown table that can be read as it stands, too."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells = [cells[0], ["-" * width for width in widths], *cells[1:]]
    return [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in cells
    ]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _result(row: dict, metric: str, primary: str) -> str:
    if "metrics" not in row:
        if metric != primary:
            return "–"
        return "failed" if row["error"] else "not run"
    value = row["metrics"][metric]
    spread = value["standard_deviation"]
    text = f"{100 * value['mean']:.1f}" + ("" if spread is None else f" ± {100 * spread:.1f}")
    return text + (f" ({row['failures']} failed)" if row["failures"] and metric == primary else "")


def _details(row: dict, primary: str) -> list[str]:
    if "metrics" not in row:
        return ["–"] * len(DETAILS)
    return [
        str(row["metrics"][primary]["runs"]),
        _bounds(row["interval"], sign=""),
        _bounds(row["difference"], sign="+"),
        f"{row['epochs']:.0f}",
        f"{row['seconds']:.0f}",
    ]


def _bounds(bounds: list[float] | None, sign: str) -> str:
    if bounds is None:
        return "–"
    return f"[{100 * bounds[0]:{sign}.1f}, {100 * bounds[1]:{sign}.1f}]"


def _notes(table: dict) -> list[str]:
    notes = [
        f"{row['name']} failed: {row['error'].splitlines()[0]}"
        for row in table["rows"]
        if row["error"]
    ]
    notes += [
        f"Data: {table['data']}",
        f"Settings: {table['settings']}",
        "Percent of the test split: mean ± standard deviation over runs of different seeds. The "
        "interval is a bootstrap over test records, that of the difference a paired one; epochs "
        "are chosen on val.",
    ]
    trivial = {**table["trivial_baselines"], **table["yardsticks"]}
    if trivial:
        text = "; ".join(f"{name} {100 * value:.2f}" for name, value in trivial.items())
        notes.append(f"Without looking at any feature: {text}.")
    if table["note"]:
        notes.append(table["note"])
    return [line for note in notes for line in (note, "")][:-1]
