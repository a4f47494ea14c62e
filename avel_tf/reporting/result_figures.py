"""Figures of systems next to the published numbers."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from avel_tf.evaluation.results import best_trivial
from avel_tf.reporting.result_rows import ResultRow, ResultTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"published": "#b0b0b0", "here": "#2a6f97", "trivial": "#c1121f"}
BEHIND_LABELS = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}


def draw(table: ResultTable, path: pathlib.Path, metric_names: Mapping[str, str]) -> None:
    """Draws the primary metric of all rows as bars, or all metrics as curves over `x_label`.

    Args:
        table: `ResultTable`.
        path: PNG file to write.
        metric_names: Short name of each metric.
    """
    from matplotlib.figure import Figure

    height = 4.8 if table.x_label else 1.6 + 0.5 * len(table.rows)
    figure = Figure(figsize=(8, height), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    if table.x_label:
        _draw_curves(table, axes, metric_names)
    else:
        _draw_bars(table, axes)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(table.title)
    subtitle = "\n".join(filter(None, [table.caution, f"Data: {table.data}"]))
    axes.set_title(subtitle, fontsize=8, color="#b45309" if table.caution else "gray")
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.savefig(path, format="png")


def _done(table: ResultTable) -> list[ResultRow]:
    return [row for row in table.rows if row.result]


def _means(rows: Sequence[ResultRow], metric: str) -> list[float]:
    return [100 * row.result.metrics[metric].mean for row in rows]


def _error_bars(rows: Sequence[ResultRow], metric: str) -> list[float]:
    return [100 * (row.result.metrics[metric].standard_deviation or 0) for row in rows]


def _draw_bars(table: ResultTable, axes: "Axes") -> None:
    metric, rows = table.primary_metric, table.rows
    places = {row.name: place for place, row in enumerate(reversed(rows))}
    published = [row for row in rows if metric in row.published]
    height, shift = (0.36, 0.2) if published else (0.6, 0)
    if published:
        bars = axes.barh(
            [places[row.name] + shift for row in published],
            [row.published[metric] for row in published],
            height,
            color=COLORS["published"],
            label="published",
        )
        axes.bar_label(bars, fmt="%.1f", padding=4, fontsize=8, color="gray", bbox=BEHIND_LABELS)
    if done := _done(table):
        bars = axes.barh(
            [places[row.name] - shift for row in done],
            _means(done, metric),
            height,
            xerr=_error_bars(done, metric),
            color=COLORS["here"],
            label="here, ± standard deviation over runs",
        )
        axes.bar_label(bars, fmt="%.1f", padding=4, fontsize=8, bbox=BEHIND_LABELS)
    for row in rows:
        if row not in done:
            text = "failed" if row.error else "not run"
            axes.text(1, places[row.name] - shift, text, va="center", fontsize=8)
    _draw_trivial(table, axes.axvline)
    axes.set_yticks(list(places.values()), list(places))
    axes.set_ylim(-0.5, len(rows) - 0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"{metric.replace('_', ' ')} on test, %")


def _draw_trivial(table: ResultTable, draw_line: Callable) -> None:
    """Marks the best trivial baseline of the primary metric."""
    if trivial := table.trivial_baselines:
        name = best_trivial(trivial)
        label = f"{name}: {100 * trivial[name]:.1f}"
        draw_line(100 * trivial[name], color=COLORS["trivial"], linestyle="--", label=label)


def _draw_curves(table: ResultTable, axes: "Axes", metric_names: Mapping[str, str]) -> None:
    rows = sorted(_done(table), key=lambda row: row.x)
    for metric in table.metrics:
        axes.errorbar(
            [row.x for row in rows],
            _means(rows, metric),
            _error_bars(rows, metric),
            marker="o",
            linewidth=2 if metric == table.primary_metric else 1,
            label=metric_names[metric],
        )
    published = [row for row in table.rows if row.published]
    axes.plot(
        [row.x for row in published],
        [row.published[table.primary_metric] for row in published],
        marker="*",
        markersize=12,
        linestyle="",
        color="black",
        label=f"{metric_names[table.primary_metric]}, published",
        zorder=3,
    )
    _draw_trivial(table, axes.axhline)
    axes.set_xlim(-0.05, 1.05)
    axes.set_xlabel(table.x_label)
    axes.set_ylabel("test, %")
