"""Figures of systems beside the published numbers."""

import pathlib
from collections.abc import Mapping

COLORS = {"published": "#b0b0b0", "here": "#2a6f97", "trivial": "#c1121f"}
BEHIND_LABELS = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}


def draw(table: dict, path: pathlib.Path, metric_names: Mapping[str, str]) -> None:
    """Draws the primary metric of all rows: bars, or a curve for Figure 5.

    Args:
        table: As for `result_tables.write_table`.
        path: The PNG file to write.
        metric_names: Short name of each metric.
    """
    from matplotlib.figure import Figure

    is_curve = table["key"].startswith("figure5")
    height = 4.8 if is_curve else 1.6 + 0.5 * len(table["rows"])
    figure = Figure(figsize=(8, height), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    if is_curve:
        _draw_curve(table, axes, metric_names)
    else:
        _draw_bars(table, axes)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(table["title"])
    axes.set_title(f"Data: {table['data']}", fontsize=8, color="gray")
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.savefig(path, format="png")


def _done(table: dict) -> list[dict]:
    return [row for row in table["rows"] if "metrics" in row]


def _error_bars(rows: list[dict], metric: str) -> list[float]:
    return [100 * (row["metrics"][metric]["standard_deviation"] or 0) for row in rows]


def _draw_bars(table: dict, axes) -> None:
    metric, rows = table["primary_metric"], table["rows"]
    places = {row["name"]: place for place, row in enumerate(reversed(rows))}
    published = [row for row in rows if metric in row["published"]]
    height, shift = (0.36, 0.2) if published else (0.6, 0)
    if published:
        bars = axes.barh(
            [places[row["name"]] + shift for row in published],
            [row["published"][metric] for row in published],
            height,
            color=COLORS["published"],
            label="published",
        )
        axes.bar_label(bars, fmt="%.1f", padding=4, fontsize=8, color="gray", bbox=BEHIND_LABELS)
    if done := _done(table):
        bars = axes.barh(
            [places[row["name"]] - shift for row in done],
            [100 * row["metrics"][metric]["mean"] for row in done],
            height,
            xerr=_error_bars(done, metric),
            color=COLORS["here"],
            label="here, ± standard deviation over runs",
        )
        axes.bar_label(bars, fmt="%.1f", padding=4, fontsize=8, bbox=BEHIND_LABELS)
    for row in rows:
        if row not in done:
            text = "failed" if row["error"] else "not run"
            axes.text(1, places[row["name"]] - shift, text, va="center", fontsize=8)
    _draw_trivial(table, axes.axvline)
    axes.set_yticks(list(places.values()), list(places))
    axes.set_ylim(-0.5, len(rows) - 0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"{metric.replace('_', ' ')} on test, %")


def _draw_trivial(table: dict, draw_line) -> None:
    """Marks the best trivial baseline of the primary metric."""
    if trivial := table["trivial_baselines"]:
        name = max(trivial, key=trivial.get)
        label = f"{name}: {100 * trivial[name]:.1f}"
        draw_line(100 * trivial[name], color=COLORS["trivial"], linestyle="--", label=label)


def _draw_curve(table: dict, axes, metric_names: Mapping[str, str]) -> None:
    rows = sorted(_done(table), key=_weight)
    for metric in table["metrics"]:
        axes.errorbar(
            [_weight(row) for row in rows],
            [100 * row["metrics"][metric]["mean"] for row in rows],
            _error_bars(rows, metric),
            marker="o",
            linewidth=2 if metric == table["primary_metric"] else 1,
            label=metric_names[metric],
        )
    published = [row for row in table["rows"] if row["published"]]
    axes.plot(
        [_weight(row) for row in published],
        [row["published"][table["primary_metric"]] for row in published],
        marker="*",
        markersize=12,
        linestyle="",
        color="black",
        label=f"{metric_names[table['primary_metric']]}, published",
        zorder=3,
    )
    _draw_trivial(table, axes.axhline)
    axes.set_xlim(-0.05, 1.05)
    axes.set_xlabel("λ of Eq. 8")
    axes.set_ylabel("test, %")


def _weight(row: dict) -> float:
    return float(row["name"].rpartition(" ")[2])
