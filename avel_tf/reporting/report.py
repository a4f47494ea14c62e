"""The evaluation of a pipeline run as one page, and as lines for a screen."""

import dataclasses
import enum
import html
import pathlib
from collections.abc import Sequence

from avel_tf.evaluation.bootstrap import describe_few_records
from avel_tf.evaluation.results import DrawnRecord, Evaluation, EvaluationDetails, Metrics
from avel_tf.reporting import time_line
from avel_tf.reporting.caution_box import caution_box
from avel_tf.reporting.run_description import TITLES, RunDescription

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64em; margin: 2em auto; padding: 0 1em;
       color: #222 }
h1 { font-size: 1.6em; text-wrap: balance }
table { border-collapse: collapse; width: 100%; table-layout: fixed; margin-bottom: 2em }
td { padding: 0.2em 0.8em 0.2em 0; border-bottom: 1px solid #ddd }
td.name { width: 21em } td.number { width: 4.8em; text-align: right }
td.note { width: 15em; color: #777 }
td.bar { position: relative; padding: 0 } td.bar div { background: #4a7ab5; height: 0.9em }
[style] td.bar::after { content: ""; position: absolute; left: var(--line); top: 0; bottom: 0;
                        border-left: 2px dotted #b42318 }
td.number { font-variant-numeric: tabular-nums }
.other td.bar div { background: #bbb } .model { font-weight: bold }
p.caption { color: #777; margin: -0.6em 0 0.4em }
.confusion { width: auto; font-size: 11px }
.confusion td, .confusion th { padding: 0; border: 1px solid #eee; width: 21px; height: 19px;
                               text-align: center; font-weight: normal }
.confusion th.true { width: 14em; text-align: right; padding-right: 0.5em; white-space: nowrap;
                     border: 0 }
.confusion th.predicted { height: 14em; vertical-align: bottom; border: 0 }
.confusion th.predicted span { writing-mode: vertical-rl; transform: rotate(180deg);
                               white-space: nowrap }
.blessed { color: #1a7f37 } .not-blessed { color: #b42318 }
"""


class ScoreKind(enum.StrEnum):
    """The models and predictions that a table of scores compares."""

    MODEL = "model"
    LAST_BLESSED = "last blessed model"
    TRIVIAL = "trivial"
    YARDSTICK = "yardstick"
    CONTROL = "control"


@dataclasses.dataclass(frozen=True)
class ScoreRow:
    """The primary metric of a model, or of predictions without one.

    Args:
        name: String.
        value: Float in [0, 1], or None if it is not a number.
        kind: `ScoreKind`.
        note: String. The kind in words, where the name does not say it, and what the model's
            difference to a control is.
    """

    name: str
    value: float | None
    kind: ScoreKind
    note: str = ""


def compare_scores(evaluation: Evaluation) -> list[ScoreRow]:
    """Lists what a model is compared with: the model first, its controls last."""
    rows = [ScoreRow("this model", evaluation.primary_value, ScoreKind.MODEL)]
    if previous := evaluation.previous_metrics:
        value = previous[evaluation.primary_metric]
        rows.append(ScoreRow("last blessed model", value, ScoreKind.LAST_BLESSED))
    for kind, scores in (
        (ScoreKind.TRIVIAL, evaluation.trivial_baselines),
        (ScoreKind.YARDSTICK, evaluation.yardsticks),
    ):
        rows += [ScoreRow(name, value, kind, kind) for name, value in scores.items()]
    rows += [
        ScoreRow(name, control.value, ScoreKind.CONTROL, control.words)
        for name, control in evaluation.controls.items()
    ]
    return rows


def describe_intervals(evaluation: Evaluation) -> str:
    """Words for how sure the primary metric is, and its differences to what it is compared with.

    Empty if the metric is not a number.
    """
    texts = []
    if evaluation.interval:
        lower, upper = evaluation.interval
        texts.append(f"95 % interval {lower:.2%} to {upper:.2%}")
    for name, difference in (
        (f"'{evaluation.best_trivial}'", evaluation.trivial_difference),
        ("the last blessed model", evaluation.difference),
    ):
        if difference:
            texts.append(f"difference to {name} {difference[0]:+.2%} to {difference[1]:+.2%}")
    if texts and (warning := describe_few_records(evaluation.num_records)):
        texts.append(warning)
    return "; ".join(texts)


def describe_controls(evaluation: Evaluation) -> list[str]:
    """Sentences on the controls that the model does not exceed, and on how controls were made."""
    sentences = [
        f"{evaluation.primary_metric} is within the interval of its control '{name}', or below it: "
        f"the difference is {control.difference[0]:+.2%} to {control.difference[1]:+.2%}."
        for name, control in evaluation.controls.items()
        if control.holds_back
    ]
    notes = [
        f"Control '{name}': {control.note}."
        for name, control in evaluation.controls.items()
        if control.note
    ]
    return sentences + notes


def format_percent(value: float | None) -> str:
    """A share of 1 as text; a dash for what is not a number."""
    return "–" if value is None else f"{value:.2%}"


def score_lines(evaluation: Evaluation, caution: str) -> list[str]:
    """Lists the primary metric next to the trivial baselines, and other metrics, for a screen.

    Args:
        evaluation: `Evaluation`.
        caution: String. `RunDescription.caution` of the model.
    """
    others = {
        name: value
        for name, value in evaluation.metrics.items()
        if name.endswith(("accuracy", "f1", "average_overlap"))
        and name != evaluation.primary_metric
    }
    return [
        f"{TITLES[evaluation.task]}, test split: {evaluation.primary_metric}",
        *([f"  {caution}"] if caution else []),
        *(
            f"  {row.name:44} {format_percent(row.value):>7}   {row.note}".rstrip()
            for row in compare_scores(evaluation)
        ),
        f"  {describe_intervals(evaluation)}".rstrip(),
        *(f"  {sentence}" for sentence in describe_controls(evaluation)),
        "  " + ", ".join(f"{name} {format_percent(value)}" for name, value in others.items()),
    ]


def write_report(
    evaluation: Evaluation, details: EvaluationDetails, run: RunDescription, path: pathlib.Path
) -> None:
    """Writes a self-contained HTML page.

    Args:
        evaluation: `Evaluation`.
        details: `EvaluationDetails`.
        run: `RunDescription` of the model.
        path: File to write.
    """
    primary, metrics = evaluation.primary_metric, evaluation.metrics
    verdict = "blessed" if evaluation.blessed else "not blessed"
    bar = evaluation.trivial_baselines[evaluation.best_trivial]
    sections = [
        f"<h1>{html.escape(run.title)}</h1>",
        f'<p class="run">Settings: {html.escape(run.settings)}. Data: {html.escape(run.data)}.'
        + (f" Encoders: {html.escape(run.encoders)}." if run.encoders else "")
        + "</p>",
        caution_box(run.caution),
        f'<p>The model is <b class="{verdict.replace(" ", "-")}">{verdict}</b>.'
        f" {html.escape(' '.join(evaluation.reasons))}</p>",
        f"<h2>{_title(primary)} on the test split</h2>",
        f'<p class="caption">{_records(metrics)}; dotted: the best trivial baseline, to be '
        f"exceeded, {format_percent(bar)}</p>",
        f'<p class="caption">{describe_intervals(evaluation)}</p>',
        *(
            f'<p class="caption">{html.escape(sentence)}</p>'
            for sentence in describe_controls(evaluation)
        ),
        _table([_compared(row) for row in compare_scores(evaluation)], bar),
        "<h2>All metrics</h2>",
        _table(
            [
                ("", _title(name), value, "")
                for name, value in metrics.items()
                if name != "example_count"
            ]
        ),
    ]
    for feature, values in details.slices.items():
        caption = f"dotted: all records, {format_percent(metrics[primary])}"
        before = dict.fromkeys(values, "")
        if details.previous_slices:
            caption += "; before: the last blessed model"
            for value, scores in details.previous_slices[feature].items():
                before[value] = f", before {format_percent(scores[primary])}"
        rows = [
            (
                "",
                f"{value} s" if value.isdigit() else value,
                scores[primary],
                _records(scores) + before[value],
            )
            for value, scores in sorted(values.items(), key=_slice_order)
        ]
        sections += [
            f"<h2>{_title(primary)} by {_title(feature).lower()}</h2>",
            f'<p class="caption">{caption}</p>',
            _table(rows, metrics[primary]),
        ]
    if details.confusion:
        sections += [
            "<h2>Confusion of labels</h2>",
            '<p class="caption">segments of a true label (row) that are taken for another '
            "(column); the darker, the larger the share of the row</p>",
            _confusion(details.confusion, details.label_names),
        ]
    for kind, records in (("best", details.best_records), ("worst", details.worst_records)):
        sections += [f"<h2>The {kind} records</h2>", *map(_draw_record, records)]
    path.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{html.escape(run.title)}</title><style>{STYLE}{time_line.STYLE}</style>"
        f"{''.join(sections)}</html>\n",
        encoding="utf-8",
    )


def _compared(row: ScoreRow) -> tuple[str, str, float | None, str]:
    style = "model" if row.kind is ScoreKind.MODEL else "other"
    return style, row.name, row.value, row.note


def _table(rows: list[tuple[str, str, float | None, str]], line: float | None = None) -> str:
    """Rows of style, name, value and remark, with a bar each; `line` crosses all bars."""
    lines = []
    for style, name, value, remark in rows:
        lines.append(
            f'<tr class="{style}"><td class="name">{html.escape(name)}</td>'
            f'<td class="number">{format_percent(value)}</td><td class="note">{remark}</td>'
            f'<td class="bar"><div style="width:{100 * (value or 0):.2f}%"></div></td></tr>'
        )
    place = "" if line is None else f' style="--line:{100 * line:.2f}%"'
    return f"<table{place}>{''.join(lines)}</table>"


def _confusion(counts: Sequence[Sequence[int]], label_names: Sequence[str]) -> str:
    """A table of counts, without the labels that are neither true nor predicted anywhere."""
    names = [html.escape(name) for name in label_names]
    shown = [
        label for label, row in enumerate(counts) if any(row) or any(each[label] for each in counts)
    ]
    head = "".join(f'<th class="predicted"><span>{names[label]}</span></th>' for label in shown)
    lines = [f'<tr><th class="true"></th>{head}</tr>']
    for true in shown:
        total = sum(counts[true])
        cells = [f'<tr><th class="true">{names[true]}</th>']
        for predicted in shown:
            count = counts[true][predicted]
            share = count / total if total else 0
            color = "26, 127, 55" if true == predicted else "180, 35, 24"
            cells.append(
                f'<td style="background: rgba({color}, {0.85 * share:.2f})" title="{names[true]} '
                f'taken for {names[predicted]}: {count} of {total}">{count or ""}</td>'
            )
        lines.append("".join(cells) + "</tr>")
    return f'<table class="confusion">{"".join(lines)}</table>'


def _draw_record(record: DrawnRecord) -> str:
    parts = [
        f"<h3>{html.escape(record.video_id)}: {html.escape(record.category)}, "
        f"{format_percent(record.accuracy)}</h3>"
    ]
    for drawing in record.drawings:
        truth = [{name} for name in drawing.truth]
        parts.append(f'<p class="caption">{html.escape(drawing.title)}</p>')
        parts.append(
            time_line.time_line(drawing.labels, drawing.curves, truth, query=drawing.query)
        )
    return "".join(parts)


def _records(scores: Metrics) -> str:
    count = round(scores["example_count"])
    return f"{count} record{'' if count == 1 else 's'}"


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _slice_order(item: tuple[str, Metrics]) -> tuple:
    name = item[0]
    return (0, int(name), "") if name.isdigit() else (1, 0, name)
