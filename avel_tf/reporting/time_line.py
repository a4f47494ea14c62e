"""Drawing of a clip over time: labels and relevance, after Figure 4 of the paper, or a search."""

import base64
import dataclasses
import html
import itertools
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from avel_tf.ave import BACKGROUND_NAME

STYLE = """
.time-line { display: flex; font: 12px system-ui, sans-serif; margin: 0.4em 0 }
.time-line .names { flex: none } .time-line .scroll { overflow-x: auto; flex: auto }
.time-line svg { display: block } .time-line text { fill: #444 }
.time-line .event text { fill: #fff }
.time-line .plain { fill: #4a7ab5 } .time-line .right { fill: #1a7f37 }
.time-line .wrong { fill: #b42318 }
.time-line .background.plain { fill: #e6e9ee } .time-line .background.right { fill: #d3ebda }
.time-line .background.wrong { fill: #f6cdc8 }
.time-line .peaks { fill: #8a94a3 } .time-line .grid { stroke: #ddd }
.time-line .threshold { stroke: #999; stroke-dasharray: 3 3 }
.time-line .tick { font-size: 10px; fill: #777 }
.time-line .cursor { stroke: #111; stroke-width: 1.5 }
.time-line polyline { fill: none; stroke-width: 2 }
.time-line .event-curve { stroke: #111 } .time-line .audio { stroke: #d97706 }
.time-line .visual { stroke: #2563eb } .time-line tspan { font-weight: 600 }
.time-line .names .event-curve { stroke: none; fill: #111 }
.time-line .names .audio { stroke: none; fill: #b45309 }
.time-line .names .visual { stroke: none; fill: #2563eb }
"""
WIDTH, MIN_SEGMENT_WIDTH = 840, 14  # pixels
NAMES_WIDTH = 90
THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT = 84, 48
SOUND_HEIGHT, CURVES_HEIGHT, LABELS_HEIGHT, AXIS_HEIGHT, GAP = 44, 84, 22, 18, 6
Curves = Mapping[str, Sequence[float] | np.ndarray]


def time_line(
    labels: Sequence[str],
    curves: Curves,
    truth: Sequence[Collection[str]] | None = None,
    peaks: np.ndarray | None = None,
    thumbnails: Sequence[bytes] = (),
    query: str = "",
) -> str:
    """Draws a clip, second by second, on a common time axis.

    N: segments. Needs `STYLE` on the page. A moving cursor has the class `cursor`; `data-width`
    is the width of a second in pixels, `data-first` the second at the left.

    Args:
        labels: N names, those predicted.
        curves: Dict from `event`, `audio` or `visual` to N numbers, relevance from 0 to 1, or
            scores of a search for `query`.
        truth: N collections of names, the true ones; makes correct labels green, wrong ones red.
        peaks: Array (N * P,) in [0, 1], peaks of the sound.
        thumbnails: N JPEG files.
        query: String. Modality in which a search was given the true event; empty without a search.
    Returns:
        String. HTML.
    """
    width = _segment_width(len(labels))
    rows = _clip(len(labels), peaks, thumbnails, width)
    if query:
        asked = ["" if each == {BACKGROUND_NAME} else query for each in truth]
        rows.append(_Row(["Query"], LABELS_HEIGHT, _labels(asked, None, width)))
        rows.append(_score_row(curves, len(labels), width))
    else:
        names = [*curves] if len(curves) > 1 else []
        content = _threshold(len(labels), width) + _curves(curves, len(labels), 0, 1, width)
        rows.append(_Row(["Relevance", *names], CURVES_HEIGHT, content))
    if truth is not None:
        shown = [" / ".join(sorted(each)) for each in truth]
        rows.append(_Row(["Truth"], LABELS_HEIGHT, _labels(shown, None, width)))
    name = "Found" if query else "Predicted"
    rows.append(_Row([name], LABELS_HEIGHT, _labels(labels, truth, width)))
    return _draw(rows, len(labels), 0, width)


def search_line(
    scores: np.ndarray,
    modality: str,
    windows: Sequence[range],
    peaks: np.ndarray | None,
    thumbnails: Sequence[bytes],
    query: range | None,
) -> str:
    """Draws a clip in which something was searched for, as `time_line` does.

    Args:
        scores: Array (N - L + 1,), a score for each window of L segments, drawn at its middle.
        modality: String. `audio` or `visual`: where it was searched for.
        windows: Windows that were found, the best first; they do not overlap.
        peaks: As for `time_line`.
        thumbnails: As for `time_line`.
        query: Segments that were searched for, if they are of the same clip.
    """
    num_segments = len(scores) + len(windows[0]) - 1
    width = _segment_width(num_segments)
    ranks = [""] * num_segments
    for rank, window in enumerate(windows, start=1):
        ranks[window.start : window.stop] = [f"{rank}"] * len(window)
    rows = _clip(num_segments, peaks, thumbnails, width)
    if query:
        asked = ["query" if segment in query else "" for segment in range(num_segments)]
        rows.append(_Row(["Query"], LABELS_HEIGHT, _labels(asked, None, width)))
    rows.append(_score_row({modality: scores}, num_segments, width))
    rows.append(_Row(["Found, by rank"], LABELS_HEIGHT, _labels(ranks, None, width)))
    return _draw(rows, num_segments, 0, width)


def clip_line(seconds: range, peaks: np.ndarray | None, thumbnails: Sequence[bytes]) -> str:
    """Draws nothing but the pictures or the sound of some seconds, as `time_line` does."""
    width = _segment_width(len(seconds))
    return _draw(_clip(len(seconds), peaks, thumbnails, width), len(seconds), seconds.start, width)


@dataclasses.dataclass(frozen=True)
class _Row:
    """A row of a drawing.

    Args:
        names: Lines of text to its left.
        height: Integer, in pixels.
        content: String. SVG.
        ticks: Values at its bottom and its top, if it has an axis of its own.
    """

    names: list[str]
    height: int
    content: str
    ticks: tuple[str, str] | None = None


def _segment_width(num_segments: int) -> int:
    return max(MIN_SEGMENT_WIDTH, WIDTH // max(num_segments, 10))


def _clip(
    num_segments: int, peaks: np.ndarray | None, thumbnails: Sequence[bytes], width: int
) -> list[_Row]:
    rows = []
    if thumbnails:
        rows.append(_Row(["Pictures"], THUMBNAIL_HEIGHT, _pictures(thumbnails, width)))
    if peaks is not None:
        rows.append(_Row(["Sound"], SOUND_HEIGHT, _sound(peaks, width * num_segments)))
    return rows


def _score_row(curves: Curves, num_segments: int, width: int) -> _Row:
    """Draws scores, whose axis spans their own values: they have neither zero nor threshold."""
    values = np.concatenate([*curves.values()])
    low, high = values.min(), values.max()
    content = _curves(curves, num_segments, low, high, width)
    return _Row(["Score", *curves], CURVES_HEIGHT, content, (f"{low:.4g}", f"{high:.4g}"))


def _draw(rows: Sequence[_Row], num_segments: int, first: int, width: int) -> str:
    rows = [*rows, _Row(["Seconds"], AXIS_HEIGHT, _axis(num_segments, first, width))]
    names, drawing, y = [], [], 0
    for row in rows:
        names += [_name(text, y + 15 * (line + 1)) for line, text in enumerate(row.names)]
        if row.ticks:
            low, high = row.ticks
            names += [_tick(low, y + row.height), _tick(high, y + 10)]
        drawing.append(f'<g transform="translate(0 {y})">{row.content}</g>')
        y += row.height + GAP
    total = width * num_segments
    return (
        f'<div class="time-line" data-width="{width}" data-first="{first}">'
        f'<svg class="names" width="{NAMES_WIDTH}" height="{y}">{"".join(names)}</svg>'
        f'<div class="scroll"><svg class="drawing" width="{total + 1}" height="{y}" role="img">'
        f"<title>The clip over time</title>{''.join(drawing)}"
        f'<line class="cursor" x1="-9" x2="-9" y1="0" y2="{y}"/></svg></div></div>'
    )


def _name(text: str, y: int) -> str:
    style = {"event": "event-curve", "audio": "audio", "visual": "visual"}.get(text)
    if style is None:
        return f'<text x="0" y="{y}">{text}</text>'
    return f'<text x="8" y="{y}"><tspan class="{style}">{text}</tspan></text>'


def _tick(text: str, y: int) -> str:
    return f'<text class="tick" x="{NAMES_WIDTH - 5}" y="{y}" text-anchor="end">{text}</text>'


def _pictures(thumbnails: Sequence[bytes], width: int) -> str:
    """Draws as many thumbnails as fit, each at the start of its segment."""
    step = -(-THUMBNAIL_WIDTH // width)
    return "".join(
        f'<image x="{second * width}" width="{min(step * width, THUMBNAIL_WIDTH) - 1}" '
        f'height="{THUMBNAIL_HEIGHT}" preserveAspectRatio="xMidYMid slice" '
        f'href="data:image/jpeg;base64,{base64.b64encode(thumbnails[second]).decode()}"/>'
        for second in range(0, len(thumbnails), step)
    )


def _sound(peaks: np.ndarray, width: int) -> str:
    x = (np.arange(len(peaks)) + 0.5) * width / len(peaks)
    half = SOUND_HEIGHT / 2
    heights = np.minimum(peaks, 1) * half
    points = [*zip(x, half - heights), *zip(x[::-1], half + heights[::-1])]
    return f'<polygon class="peaks" points="{_points(points)}"/>'


def _threshold(num_segments: int, width: int) -> str:
    return _level("threshold", _height(0.5), num_segments * width)


def _level(style: str, y: float, end: int) -> str:
    return f'<line class="{style}" x1="0" x2="{end}" y1="{y:g}" y2="{y:g}"/>'


def _curves(curves: Curves, num_segments: int, low: float, high: float, width: int) -> str:
    """Draws each value at the middle of its segment or, if they are fewer, of its window."""
    parts = [_level("grid", _height(edge), num_segments * width) for edge in (0, 1)]
    for name, values in curves.items():
        middle = (num_segments - len(values) + 1) / 2
        shares = (np.asarray(values) - low) / ((high - low) or 1)
        points = [((start + middle) * width, _height(share)) for start, share in enumerate(shares)]
        style = "event-curve" if name == "event" else name
        parts.append(f'<polyline class="{style}" points="{_points(points)}"/>')
    return "".join(parts)


def _height(value: float) -> float:
    return 1 + (1 - value) * (CURVES_HEIGHT - 2)


def _labels(names: Sequence[str], truth: Sequence[Collection[str]] | None, width: int) -> str:
    """Draws a box for each run of one name, except "", and, if the truth is given, one color."""
    if truth is None:
        verdicts = ["plain"] * len(names)
    else:
        verdicts = ["right" if name in true else "wrong" for name, true in zip(names, truth)]
    parts, start = [], 0
    for (name, verdict), run in itertools.groupby(zip(names, verdicts)):
        length = len(list(run))
        if not name:
            start += length
            continue
        kind = "background" if name == BACKGROUND_NAME else "event"
        note = "" if verdict == "plain" else f", {verdict}"
        text = html.escape(name)
        parts.append(
            f'<svg class="{kind}" x="{start * width}" width="{length * width - 1}" '
            f'height="{LABELS_HEIGHT}"><title>{start}–{start + length} s: {text}{note}</title>'
            f'<rect class="{kind} {verdict}" width="100%" height="100%" rx="2"/>'
            f'<text x="4" y="15">{text}</text></svg>'
        )
        start += length
    return "".join(parts)


def _axis(num_segments: int, first: int, width: int) -> str:
    step = next(step for step in (1, 2, 5, 10, 30, 60) if step * width >= 36)
    return "".join(
        f'<text x="{second * width}" y="13">{_clock(first + second)}</text>'
        for second in range(0, num_segments, step)
    )


def _clock(seconds: int) -> str:
    """Formats seconds, with minutes from one minute on."""
    return str(seconds) if seconds < 60 else f"{seconds // 60}:{seconds % 60:02d}"


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
