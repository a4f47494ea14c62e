"""The evaluation of a pipeline run as one page, and as lines for a screen."""

import html
import pathlib

from avel_tf import time_line
from avel_tf.ave import BACKGROUND_NAME, CATEGORIES

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64em; margin: 2em auto; padding: 0 1em;
       color: #222 }
table { border-collapse: collapse; width: 100%; table-layout: fixed; margin-bottom: 2em }
td { padding: 0.2em 0.8em 0.2em 0; border-bottom: 1px solid #ddd }
td.name { width: 21em } td.number { width: 4.2em; text-align: right }
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
IN_DETAIL = ("slices", "baseline_slices", "confusion", "examples")  # which the page alone has
TITLES = {"sel": "Supervised event localization", "cml": "Cross-modality localization"}


def comparison(result: dict) -> list[tuple[str, float | None, str]]:
    """Rows for a table: name, value in [0, 1], kind.

    Args:
        result: What `avel_tf.evaluation.evaluate` returned.
    Returns:
        The model's primary metric first, None if it is not a number; then the last blessed
        model's, the trivial baselines and the yardsticks. Kinds are `model`, `baseline model`,
        `trivial` and `yardstick`.
    """
    primary = result["primary_metric"]
    rows = [("this model", result["metrics"][primary], "model")]
    if result["baseline_metrics"]:
        rows.append(("last blessed model", result["baseline_metrics"][primary], "baseline model"))
    rows += [(name, value, "trivial") for name, value in result["trivial_baselines"].items()]
    rows += [(name, value, "yardstick") for name, value in result["yardsticks"].items()]
    return rows


def intervals(result: dict) -> str:
    """How sure the primary metric is, and its difference to the last blessed model; may be empty.

    Args:
        result: What `avel_tf.evaluation.evaluate` returned.
    """
    texts = []
    if result["interval"]:
        lower, upper = result["interval"]
        texts.append(f"95 % interval {lower:.2%} to {upper:.2%}")
    if result["difference"]:
        lower, upper = result["difference"]
        texts.append(f"difference to the last blessed model {lower:+.2%} to {upper:+.2%}")
    return "; ".join(texts)


def note(kind: str) -> str:
    """What a table says beside a row of `comparison`: nothing where the name says it all."""
    return kind if kind in ("trivial", "yardstick") else ""


def percent(value: float | None) -> str:
    """A share of 1 as text; a dash for what is not a number."""
    return "–" if value is None else f"{value:.2%}"


def write_report(result: dict, path: pathlib.Path) -> None:
    """Writes a self-contained HTML page.

    Args:
        result: What `avel_tf.evaluation.evaluate` returned.
        path: File to write.
    """
    primary, metrics = result["primary_metric"], result["metrics"]
    verdict = "blessed" if result["blessed"] else "not blessed"
    bar = max(result["trivial_baselines"].values())
    sections = [
        f"<h1>{TITLES[result['task']]}</h1>",
        f'<p>The model is <b class="{verdict.replace(" ", "-")}">{verdict}</b>.'
        f" {html.escape(' '.join(result['reasons']))}</p>",
        f"<h2>{_title(primary)} on the test split</h2>",
        f'<p class="caption">{_records(metrics)}; dotted: the best trivial baseline, to be '
        f"exceeded, {percent(bar)}</p>",
        f'<p class="caption">{intervals(result)}</p>',
        _table([_compared(*row) for row in comparison(result)], bar),
        "<h2>All metrics</h2>",
        _table(
            [
                ("", _title(name), value, "")
                for name, value in metrics.items()
                if name != "example_count"
            ]
        ),
    ]
    for feature, values in result["slices"].items():
        caption = f"dotted: all records, {percent(metrics[primary])}"
        before = dict.fromkeys(values, "")
        if result["baseline_slices"]:
            caption += "; before: the last blessed model"
            for value, scores in result["baseline_slices"][feature].items():
                before[value] = f", before {percent(scores[primary])}"
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
    if result["confusion"]:
        sections += [
            "<h2>Confusion of labels</h2>",
            '<p class="caption">segments of a true label (row) that are taken for another '
            "(column); the darker, the larger the share of the row</p>",
            _confusion(result["confusion"]),
        ]
    for kind, examples in result["examples"].items():
        sections += [f"<h2>The {kind} records</h2>", *map(_example, examples)]
    path.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>Evaluation</title><style>{STYLE}{time_line.STYLE}</style>{''.join(sections)}</html>\n",
        encoding="utf-8",
    )


def _compared(name: str, value: float | None, kind: str) -> tuple[str, str, float | None, str]:
    return "model" if kind == "model" else "other", name, value, note(kind)


def _table(rows: list[tuple[str, str, float | None, str]], line: float | None = None) -> str:
    """Rows of style, name, value and remark, with a bar each; `line` crosses all bars."""
    lines = []
    for style, name, value, remark in rows:
        lines.append(
            f'<tr class="{style}"><td class="name">{html.escape(name)}</td>'
            f'<td class="number">{percent(value)}</td><td class="note">{remark}</td>'
            f'<td class="bar"><div style="width:{100 * (value or 0):.2f}%"></div></td></tr>'
        )
    place = "" if line is None else f' style="--line:{100 * line:.2f}%"'
    return f"<table{place}>{''.join(lines)}</table>"


def _confusion(counts: list[list[int]]) -> str:
    """A table of counts, those of labels that occur on neither side left out."""
    names = [html.escape(name) for name in (*CATEGORIES, BACKGROUND_NAME)]
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


def _example(example: dict) -> str:
    """One record, drawn."""
    parts = [
        f"<h3>{html.escape(example['video_id'])}: {html.escape(example['category'])}, "
        f"{percent(example['accuracy'])}</h3>"
    ]
    for drawing in example["drawings"]:
        truth = [{name} for name in drawing["truth"]]
        parts.append(f'<p class="caption">{html.escape(drawing["title"])}</p>')
        parts.append(time_line.time_line(drawing["labels"], drawing["curves"], truth))
    return "".join(parts)


def _records(scores: dict) -> str:
    count = round(scores["example_count"])
    return f"{count} record{'' if count == 1 else 's'}"


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _slice_order(item: tuple[str, dict]) -> tuple:
    name = item[0]
    return (0, int(name), "") if name.isdigit() else (1, 0, name)
