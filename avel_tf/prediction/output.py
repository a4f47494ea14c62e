"""Events and matches as text for a screen, JSON and CSV."""

import csv
import dataclasses
import io
import json
import os
import pathlib
import uuid
from collections.abc import Mapping, Sequence

from avel_tf.prediction.clips import EncodedClip
from avel_tf.prediction.events import Event, Localization, label_name
from avel_tf.prediction.matches import Match

EVENT_COLUMNS = [field.name for field in dataclasses.fields(Event)]


def events_table(clip: EncodedClip, found: Localization) -> str:
    """Lines for a screen."""
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
    return "\n".join(lines)


def events_json(
    model: pathlib.Path,
    clips: Sequence[tuple[EncodedClip, Localization]],
    failures: Mapping[pathlib.Path, str],
) -> str:
    """Events and what each second was taken for, of each clip; why others could not be read."""
    content = {
        "model": str(model),
        "clips": [
            {
                "path": str(clip.path),
                "seconds": clip.num_segments,
                "events": [dataclasses.asdict(event) for event in found.events],
                "segments": {
                    "label": [label_name(label) for label in found.labels],
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


def events_csv(clips: Sequence[tuple[EncodedClip, Localization]]) -> str:
    """One row an event."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["path", *EVENT_COLUMNS])
    for clip, found in clips:
        for event in found.events:
            row = dataclasses.asdict(event) | {"confidence": f"{event.confidence:.4f}"}
            writer.writerow([clip.path, *row.values()])
    return file.getvalue()


def matches_table(matches: Sequence[Match]) -> str:
    """Lines for a screen, the best match first."""
    lines = [f"  {'rank':>4} {'from':>6} {'to':>6} {'score':>10}"]
    lines += [
        f"  {rank:>4} {match.start_seconds:>4} s {match.end_seconds:>4} s {match.score:>10.4g}"
        for rank, match in enumerate(matches, start=1)
    ]
    return "\n".join(lines)


def matches_json(search: Mapping[str, str | int], matches: Sequence[Match]) -> str:
    """What was searched and what was found."""
    found = [dataclasses.asdict(match) for match in matches]
    return json.dumps({**search, "matches": found}, indent=2) + "\n"


def write_whole(path: pathlib.Path, text: str) -> None:
    """Writes a file that appears whole or not at all, in place of one that may be there.

    Bytes of a file's name that are no text are written as Python shows them. Says so on screen.
    """
    path = path.resolve()  # a link stays one
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
        os.replace(partial, path)
        print(f"Written: {path}")
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
