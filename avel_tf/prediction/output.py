"""Events and matches as text for the terminal, JSON and CSV."""

import csv
import dataclasses
import io
import json
import pathlib
from collections.abc import Mapping, Sequence

from avel_tf.prediction.clips import EncodedClip
from avel_tf.prediction.events import Event, Localization
from avel_tf.prediction.matches import Match
from avel_tf.utils.atomic import whole_file
from avel_tf.utils.untrusted_text import to_cell

EVENT_COLUMNS = [field.name for field in dataclasses.fields(Event)]


def events_table(clip: EncodedClip, found: Localization) -> str:
    """Formats the events of a clip for the terminal."""
    lines = [f"{clip.path} ({clip.num_segments} s)"]
    if not found.events:
        return f"{lines[0]}\n  no event"
    width = max(len(event.category) for event in found.events)
    lines.append(f"  {'from':>6} {'to':>6}  {'event':<{width}}  confidence")
    lines += [
        f"  {event.start_seconds:>4} s {event.end_seconds:>4} s  {event.category:<{width}}"
        f"  {event.confidence:>10.0%}"
        for event in found.events
    ]
    if found.events[0].audio_relevance is not None:
        lines[1] += "  heard   seen"
        for index, event in enumerate(found.events, start=2):
            lines[index] += f"  {event.audio_relevance:>5.0%}  {event.visual_relevance:>5.0%}"
    return "\n".join(lines)


def events_json(
    model: pathlib.Path,
    caution: str,
    threshold: float | None,
    clips: Sequence[tuple[EncodedClip, Localization]],
    failures: Mapping[pathlib.Path, str],
) -> str:
    """Formats the events and segment labels of clips, and the failures of others, as JSON.

    `threshold` is that given to `localize`, or the system's own; None if it has none.
    """
    content = {
        "model": str(model),
        "caution": caution,
        "threshold": threshold,
        "clips": [
            {
                "path": str(clip.path),
                "seconds": clip.num_segments,
                "events": [dataclasses.asdict(event) for event in found.events],
                "segments": {
                    "label": found.named_labels,
                    "relevance": {
                        name: [round(float(value), 4) for value in values]
                        for name, values in found.relevance.items()
                    },
                },
            }
            for clip, found in clips
        ],
        "failed": [{"path": str(path), "reason": reason} for path, reason in failures.items()],
    }
    return json.dumps(content, indent=2) + "\n"


def events_csv(caution: str, clips: Sequence[tuple[EncodedClip, Localization]]) -> str:
    """Formats events as CSV, one row per event; no cell is a formula to a spreadsheet.

    Every row ends with `caution`, because rows are copied to other tables.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["path", *EVENT_COLUMNS, "caution"])
    for clip, found in clips:
        for event in found.events:
            cells = [clip.path, *map(_cell, dataclasses.astuple(event)), caution]
            writer.writerow([to_cell(str(cell)) for cell in cells])
    return file.getvalue()


def _cell(value: int | float | str | None) -> int | str:
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else value


def matches_table(matches: Sequence[Match]) -> str:
    """Formats matches for the terminal, best first."""
    lines = [f"  {'rank':>4} {'from':>6} {'to':>6} {'score':>10}"]
    lines += [
        f"  {rank:>4} {match.start_seconds:>4} s {match.end_seconds:>4} s {match.score:>10.4g}"
        for rank, match in enumerate(matches, start=1)
    ]
    return "\n".join(lines)


def matches_json(search: Mapping[str, str | int], matches: Sequence[Match]) -> str:
    """Formats a search and its matches as JSON."""
    found = [dataclasses.asdict(match) for match in matches]
    return json.dumps({**search, "matches": found}, indent=2) + "\n"


def write_whole(path: pathlib.Path, text: str) -> None:
    """Writes a file whole or not at all, in place of one that may be there, and prints its path.

    Bytes of a clip's name that are not text are written as Python shows them.
    """
    path = path.resolve()  # a link stays one
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
    print(f"Written: {path}")
