"""The report on clips: one HTML file that needs nothing but the clips, to play them."""

import html
import os
import pathlib
import urllib.parse
from collections.abc import Collection, Sequence

from avel_tf import time_line
from avel_tf.prediction.clips import EncodedClip
from avel_tf.prediction.events import Localization, label_name

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64em; margin: 2em auto; padding: 0 1em;
       color: #222 }
section { margin-bottom: 3em } video { max-height: 260px; max-width: 100%; background: #000 }
table { border-collapse: collapse } td, th { padding: 0.15em 1.2em 0.15em 0; text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums } p.note { color: #777 }
"""
# The cursor follows the player, and a click on the drawing moves the player.
SCRIPT = """
for (const section of document.querySelectorAll("section")) {
  const player = section.querySelector("video"), line = section.querySelector(".time-line");
  const cursor = line.querySelector(".cursor"), drawing = line.querySelector(".drawing");
  const move = () => {
    const x = player.currentTime * line.dataset.width;
    cursor.setAttribute("x1", x); cursor.setAttribute("x2", x);
    const scroll = line.querySelector(".scroll");
    if (x < scroll.scrollLeft || x > scroll.scrollLeft + scroll.clientWidth)
      scroll.scrollLeft = x - 40;
    if (!player.paused) requestAnimationFrame(move);
  };
  for (const name of ["play", "seeked", "timeupdate"]) player.addEventListener(name, move);
  drawing.addEventListener("click", (event) => {
    const x = event.clientX - drawing.getBoundingClientRect().left;
    player.currentTime = x / line.dataset.width;
  });
}
"""
Truth = Sequence[Collection[str]]


def page(
    clips: Sequence[tuple[EncodedClip, Localization, Truth | None]],
    model: pathlib.Path,
    folder: pathlib.Path,
) -> str:
    """Writes down what a system says of clips.

    Args:
        clips: Sequence of a clip, its localization and, if known, the true labels of each segment.
        model: What the system was read from.
        folder: Where the page will be, which its links to the clips start from.
    Returns:
        String. The page.
    """
    title = "Audio-visual events"
    sections = [_section(*each, folder) for each in clips]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{title}</title><style>{STYLE}{time_line.STYLE}</style>"
        f'<h1>{title}</h1><p class="note">By {html.escape(str(model))}. Black: relevance of each '
        "second to the event; orange and blue: by sound and by picture alone. Click into a "
        "drawing to play from there.</p>"
        f"{''.join(sections)}<script>{SCRIPT}</script></html>\n"
    )


def _section(
    clip: EncodedClip, found: Localization, truth: Truth | None, folder: pathlib.Path
) -> str:
    link = urllib.parse.quote(os.fsencode(os.path.relpath(clip.path.resolve(), folder.resolve())))
    labels = [label_name(label) for label in found.labels]
    drawing = time_line.time_line(labels, found.relevance, truth, clip.peaks, clip.thumbnails)
    rows = "".join(
        f'<tr><td class="number">{event.start_seconds}</td>'
        f'<td class="number">{event.end_seconds}</td><td>{html.escape(event.category)}</td>'
        f'<td class="number">{event.confidence:.0%}</td></tr>'
        for event in found.events
    )
    table = "<p>No event.</p>"
    if rows:
        head = "<tr><th>from s</th><th>to s</th><th>event</th><th>confidence</th></tr>"
        table = f"<table>{head}{rows}</table>"
    score = ""
    if truth is not None:
        right = sum(label in true for label, true in zip(labels, truth, strict=True))
        score = f'<p class="note">{right} of {len(labels)} seconds are right.</p>'
    return (
        f"<section><h2>{html.escape(str(clip.path))}</h2>"
        f'<video controls preload="metadata" src="{link}"></video>{drawing}{score}{table}</section>'
    )
