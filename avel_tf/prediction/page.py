"""Report on clips: one HTML file that needs no other files than the clips it plays."""

import html
import os
import pathlib
import urllib.parse
from collections.abc import Collection, Sequence

from avel_tf.prediction.clips import EncodedClip
from avel_tf.prediction.events import Event, Localization
from avel_tf.reporting import time_line
from avel_tf.reporting.caution_box import caution_box

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64em; margin: 2em auto; padding: 0 1em;
       color: #222 }
section { margin-bottom: 3em } video { max-height: 260px; max-width: 100%; background: #000 }
table { border-collapse: collapse } td, th { padding: 0.15em 1.2em 0.15em 0; text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums } p.note { color: #777 }
"""
# The cursor follows the player, and a click on the time line seeks the player.
SCRIPT = """
for (const section of document.querySelectorAll("section")) {
  const player = section.querySelector("video"), line = section.querySelector(".time-line");
  const cursor = line.querySelector(".cursor"), drawing = line.querySelector(".drawing");
  const move = () => {
    const x = (player.currentTime - line.dataset.first) * line.dataset.width;
    cursor.setAttribute("x1", x); cursor.setAttribute("x2", x);
    const scroll = line.querySelector(".scroll");
    if (x < scroll.scrollLeft || x > scroll.scrollLeft + scroll.clientWidth)
      scroll.scrollLeft = x - 40;
    if (!player.paused) requestAnimationFrame(move);
  };
  for (const name of ["play", "seeked", "timeupdate"]) player.addEventListener(name, move);
  drawing.addEventListener("click", (event) => {
    const x = event.clientX - drawing.getBoundingClientRect().left;
    player.currentTime = x / line.dataset.width + Number(line.dataset.first);
  });
}
"""
Truth = Sequence[Collection[str]]


def page(
    clips: Sequence[tuple[EncodedClip, Localization, Truth | None]],
    failures: Collection[str],
    model: pathlib.Path,
    caution: str,
    folder: pathlib.Path,
    threshold: float | None = None,
) -> str:
    """Makes the page of a system's predictions for clips.

    Args:
        clips: Sequence of a clip, its localization and, if known, the true labels of each segment.
        failures: Messages about other clips that could not be read.
        model: Path that the system was read from.
        caution: String. That the numbers say nothing about real videos; empty if they do.
        folder: Folder that the page will be in; its links to the clips are relative to it.
        threshold: Float. As for `localize`.
    Returns:
        String. The page.
    """
    sections = [
        section(clip.path, time_line_and_events(clip, found, truth), folder)
        for clip, found, truth in clips
    ]
    if failures:
        reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in failures)
        sections.append(f"<h2>Not read</h2><ul>{reasons}</ul>")
    note = (
        "Black: relevance of each second to the event; orange and blue: relevance by sound only "
        "and by image only. Click a time line to play from there."
    )
    if threshold is not None:
        note += f" Seconds with a relevance of {threshold:g} or more are events."
    return document("Audio-visual events", model, caution, note, sections)


def document(
    title: str, model: pathlib.Path, caution: str, note: str, sections: Sequence[str]
) -> str:
    """Makes a page of sections whose players and time lines are in sync.

    Args:
        title: String.
        model: Path that the system was read from.
        caution: String. That the numbers say nothing about real videos; empty if they do.
        note: String. How to read the drawings.
        sections: Results of `section`.
    """
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{title}</title><style>{STYLE}{time_line.STYLE}</style>"
        f"<h1>{title}</h1>{caution_box(caution)}"
        f'<p class="note">By {html.escape(str(model))}. {note}</p>'
        f"{''.join(sections)}<script>{SCRIPT}</script></html>\n"
    )


def section(path: pathlib.Path, content: str, folder: pathlib.Path, heading: str = "") -> str:
    """Makes the section of a clip, with its player.

    Args:
        path: The clip.
        content: String. HTML with one drawing of `time_line`.
        folder: As for `page`.
        heading: String. Text before the clip's path.
    """
    link = urllib.parse.quote(os.fsencode(os.path.relpath(path.resolve(), folder.resolve())))
    return (
        f"<section><h2>{html.escape(heading + str(path))}</h2>"
        f'<video controls preload="metadata" src="{link}"></video>{content}</section>'
    )


def time_line_and_events(clip: EncodedClip, found: Localization, truth: Truth | None = None) -> str:
    """The drawing of a clip and the table of its events; needs `time_line.STYLE` around it.

    Args:
        clip: The clip.
        found: Its localization.
        truth: The true labels of each segment, if known.
    """
    labels = found.named_labels
    drawing = time_line.time_line(labels, found.relevance, truth, clip.peaks, clip.thumbnails)
    rows = "".join(
        f'<tr><td class="number">{event.start_seconds}</td>'
        f'<td class="number">{event.end_seconds}</td><td>{html.escape(event.category)}</td>'
        + "".join(f'<td class="number">{share:.0%}</td>' for share in _shares(event))
        + "</tr>"
        for event in found.events
    )
    table = "<p>No event.</p>"
    if rows:
        titles = ("from s", "to s", "event", "confidence", "heard", "seen")
        head = "".join(f"<th>{title}</th>" for title in titles[: 3 + len(_shares(found.events[0]))])
        table = f"<table><tr>{head}</tr>{rows}</table>"
    score = ""
    if truth is not None:
        right = sum(label in true for label, true in zip(labels, truth, strict=True))
        score = f'<p class="note">{right} of {len(labels)} seconds are predicted correctly.</p>'
    return f"{drawing}{score}{table}"


def _shares(event: Event) -> tuple[float, ...]:
    """Confidence, and how far the event was heard and seen if the system tells."""
    relevance = (event.audio_relevance, event.visual_relevance)
    return (event.confidence, *(relevance if None not in relevance else ()))
