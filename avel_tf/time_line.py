"""A clip's labels and relevance over time as a drawing, after Figure 4 of the paper."""

import base64
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


def time_line(
    labels: Sequence[str],
    curves: Mapping[str, Sequence[float]],
    truth: Sequence[Collection[str]] | None = None,
    peaks: np.ndarray | None = None,
    thumbnails: Sequence[bytes] = (),
) -> str:
    """Draws a clip, second by second, on one axis of time.

    N: segments. Needs `STYLE` on the page. A moving cursor has the class `cursor`; `data-width`
    is the pixels of a second.

    Args:
        labels: N names, those predicted.
        curves: Dict from `event`, `audio` or `visual` to N numbers from 0 to 1.
        truth: N collections of names, the true ones; makes right labels green and wrong ones red.
        peaks: Array (N * P,) in [0, 1], of the sound.
        thumbnails: N JPEG files.
    Returns:
        String. HTML.
    """
    num_segments = len(labels)
    width = max(MIN_SEGMENT_WIDTH, WIDTH // max(num_segments, 10))
    rows = []
    if thumbnails:
        rows.append((["Pictures"], THUMBNAIL_HEIGHT, _pictures(thumbnails, width)))
    if peaks is not None:
        rows.append((["Sound"], SOUND_HEIGHT, _sound(peaks, width * num_segments)))
    names = [*curves] if len(curves) > 1 else []
    rows.append((["Relevance", *names], CURVES_HEIGHT, _curves(curves, width)))
    if truth is not None:
        shown = [" / ".join(sorted(each)) for each in truth]
        rows.append((["Truth"], LABELS_HEIGHT, _labels(shown, None, width)))
    rows.append((["Predicted"], LABELS_HEIGHT, _labels(labels, truth, width)))
    rows.append((["Seconds"], AXIS_HEIGHT, _axis(num_segments, width)))
    names, drawing, y = [], [], 0
    for texts, height, content in rows:
        names += [_name(text, y + 15 * (line + 1)) for line, text in enumerate(texts)]
        drawing.append(f'<g transform="translate(0 {y})">{content}</g>')
        y += height + GAP
    total = width * num_segments
    return (
        f'<div class="time-line" data-width="{width}">'
        f'<svg class="names" width="{NAMES_WIDTH}" height="{y}">{"".join(names)}</svg>'
        f'<div class="scroll"><svg class="drawing" width="{total + 1}" height="{y}" role="img">'
        f"<title>Labels and relevance over time</title>{''.join(drawing)}"
        f'<line class="cursor" x1="-9" x2="-9" y1="0" y2="{y}"/></svg></div></div>'
    )


def _name(text: str, y: int) -> str:
    style = {"event": "event-curve", "audio": "audio", "visual": "visual"}.get(text)
    if style is None:
        return f'<text x="0" y="{y}">{text}</text>'
    return f'<text x="8" y="{y}"><tspan class="{style}">{text}</tspan></text>'


def _pictures(thumbnails: Sequence[bytes], width: int) -> str:
    """As many as have room, each at the start of its segment."""
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


def _curves(curves: Mapping[str, Sequence[float]], width: int) -> str:
    parts = []
    for value, style in ((0, "grid"), (0.5, "threshold"), (1, "grid")):
        y, end = _height(value), width * len(next(iter(curves.values())))
        parts.append(f'<line class="{style}" x1="0" x2="{end}" y1="{y:g}" y2="{y:g}"/>')
    for name, values in curves.items():
        points = [((second + 0.5) * width, _height(value)) for second, value in enumerate(values)]
        style = "event-curve" if name == "event" else name
        parts.append(f'<polyline class="{style}" points="{_points(points)}"/>')
    return "".join(parts)


def _height(value: float) -> float:
    return 1 + (1 - value) * (CURVES_HEIGHT - 2)


def _labels(names: Sequence[str], truth: Sequence[Collection[str]] | None, width: int) -> str:
    """A box for each run of one name, of one colour where a truth is given."""
    if truth is None:
        verdicts = ["plain"] * len(names)
    else:
        verdicts = ["right" if name in true else "wrong" for name, true in zip(names, truth)]
    parts, start = [], 0
    for (name, verdict), run in itertools.groupby(zip(names, verdicts)):
        length = len(list(run))
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


def _axis(num_segments: int, width: int) -> str:
    step = next(step for step in (1, 2, 5, 10, 30, 60) if step * width >= 36)
    return "".join(
        f'<text x="{second * width}" y="13">{_clock(second)}</text>'
        for second in range(0, num_segments, step)
    )


def _clock(seconds: int) -> str:
    """Seconds, from a minute on with minutes before."""
    return str(seconds) if seconds < 60 else f"{seconds // 60}:{seconds % 60:02d}"


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
