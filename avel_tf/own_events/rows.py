"""Rows of a list of events, in any of the formats that are read."""

import csv
import dataclasses
import difflib
import io
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from avel_tf.errors import InputError
from avel_tf.own_events.events import RejectedRow

COLUMNS = ("file", "start", "end", "event")
OPTIONAL_COLUMNS = ("split", "group")
# Names in tab-separated lists of onsets and offsets, of LLP and of DCASE.
OTHER_NAMES = {
    "filename": "file",
    "onset": "start",
    "offset": "end",
    "event_label": "event",
    "event_labels": "event",
}
AVE_HEADER = "Category&VideoID&Quality&StartTime&EndTime"
ALIKE = 0.6  # how similar names must be to be suggested, as `difflib` has it


@dataclasses.dataclass(frozen=True)
class Row:
    """A row as it is written, with the fields of `Event`.

    Args:
        place: String. Where it is, for messages.
    """

    place: str
    line: int
    file: str
    start: str
    end: str
    event: str
    split: str = ""
    group: str = ""


def read_rows(path: pathlib.Path) -> list[Row | RejectedRow]:
    """Reads a list of events in the format that its content shows.

    - A table that starts with the names of its columns: `file`, `start`, `end`, `event` and, if
      wanted, `split` and `group`. Commas, semicolons (then also decimal commas) or tabs separate
      them; `filename`, `onset`, `offset` and `event_labels` are the same columns, as in LLP.
    - AVE's `Annotations.txt`, with or without its header.
    - JSON of ActivityNet:
      `{"database": {ID: {"subset": …, "annotations": [{"segment": [start, end], "label": …}]}}}`.

    Raises:
        InputError: If the file as a whole cannot be read; names the line.
    """
    text = _read_text(path)
    first = text.lstrip().partition("\n")[0].strip()
    if not first:
        raise InputError(f"{path} is empty. Pass a list of events: {','.join(COLUMNS)}.")
    if path.suffix.lower() == ".json" or first.startswith("{"):
        return list(_json_rows(path, text))
    if first.count("&") == AVE_HEADER.count("&"):
        return list(_ave_rows(text))
    return list(_table_rows(path, text))


def _read_text(path: pathlib.Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}. Pass the list of events."
        ) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not text in UTF-8: {error}. Save it again as CSV in UTF-8."
        ) from error
    if "\0" in text:
        raise InputError(f"{path} is not text, it has zero bytes. Save it again as CSV in UTF-8.")
    return text


def _table_rows(path: pathlib.Path, text: str) -> Iterator[Row | RejectedRow]:
    header_line = text.lstrip().partition("\n")[0]
    separator = next((each for each in "\t;" if each in header_line), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns = None
    for line, cells in _numbered(path, reader):
        if not any(cells):
            continue
        if columns is None:
            columns = _column_names(path, cells)
            continue
        while len(cells) > len(columns) and not cells[-1]:
            cells.pop()  # spreadsheets add empty ones
        if len(cells) != len(columns):
            yield RejectedRow(
                line,
                dict(zip(columns, cells)).get("file", ""),
                "wrong_columns",
                f"Line {line} has {len(cells)} values instead of {len(columns)} "
                f"({separator.join(columns)}). Add what is missing, or put a name that "
                f"has {separator!r} in it into double quotes.",
            )
            continue
        row = Row(f"Line {line}", line, **dict(zip(columns, cells)))
        if separator == ";":  # of countries that write 1,5
            times = {name: getattr(row, name).replace(",", ".") for name in ("start", "end")}
            row = dataclasses.replace(row, **times)
        yield row


def _numbered(path: pathlib.Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yields the cells of each row with the line where it starts, as a quoted one may span some."""
    line = 1
    try:
        for cells in reader:
            yield line, [" ".join(cell.split()) for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}, from line {line}: {error}. Check that every quote there is closed."
        ) from error


def _column_names(path: pathlib.Path, cells: list[str]) -> list[str]:
    names = [OTHER_NAMES.get(cell.lower(), cell.lower()) for cell in cells]
    missing = [name for name in COLUMNS if name not in names]
    known = f"The columns are {', '.join(COLUMNS)} and, if wanted, {', '.join(OPTIONAL_COLUMNS)}."
    if len(missing) == len(COLUMNS):
        raise InputError(
            f"{path}: the first line must name the columns, but reads "
            f"{','.join(cells)!r}. Write above it: {','.join(COLUMNS)}."
        )
    for cell, name in zip(cells, names):
        if name in COLUMNS + OPTIONAL_COLUMNS:
            continue
        # What is missing is what was meant.
        near = difflib.get_close_matches(name, missing, n=1, cutoff=0) or (
            difflib.get_close_matches(name, OPTIONAL_COLUMNS, n=1, cutoff=ALIKE)
        )
        advice = f"Rename it to {near[0]!r}" if near else "Remove it"
        raise InputError(f"{path}: unknown column {cell!r}. {known} {advice}.")
    if missing:
        raise InputError(
            f"{path} lacks the column {' and '.join(map(repr, missing))}. {known} Lists without "
            "the times of events cannot be used."
        )
    if repeated := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise InputError(f"{path} has the column {repeated[0]!r} twice. Remove one.")
    return names


def _ave_rows(text: str) -> Iterator[Row | RejectedRow]:
    for line, content in enumerate(text.splitlines(), start=1):
        cells = [cell.strip() for cell in content.split("&")]
        if not content.strip() or content.strip() == AVE_HEADER:
            continue
        if len(cells) != len(AVE_HEADER.split("&")):
            yield RejectedRow(
                line,
                cells[1] if len(cells) > 1 else "",
                "wrong_columns",
                f"Line {line} has {len(cells)} values instead of {AVE_HEADER}. Correct it.",
            )
            continue
        category, video_id, _, start, end = cells
        if start == end:  # how AVE writes that nothing happens
            category = ""
        yield Row(f"Line {line}", line, video_id, start, end, category)


def _json_rows(path: pathlib.Path, text: str) -> Iterator[Row | RejectedRow]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON: {error}. Download it again.") from error
    database = content.get("database") if isinstance(content, dict) else None
    if not isinstance(database, dict) or not database:
        raise InputError(
            f"{path} has no videos under 'database'. Pass JSON as ActivityNet has it: "
            '{"database": {ID: {"subset": "training", "annotations": '
            '[{"segment": [start, end], "label": "name"}]}}}.'
        )
    for video_id, video in database.items():
        annotations = video.get("annotations") if isinstance(video, dict) else None
        if not isinstance(annotations, list):
            yield RejectedRow(
                0,
                video_id,
                "wrong_json",
                f"Video {video_id!r} has no list of annotations. Add one, which is empty "
                "if nothing happens.",
            )
            continue
        split = str(video.get("subset") or "")
        if not annotations:
            yield Row(f"Video {video_id!r}", 0, video_id, "", "", "", split)
        for number, annotation in enumerate(annotations, start=1):
            place = f"Annotation {number} of {video_id!r}"
            match annotation:
                case {"segment": [start, end], "label": str(label)}:
                    label = " ".join(label.split())
                    yield Row(place, 0, video_id, str(start), str(end), label, split)
                case _:
                    yield RejectedRow(
                        0,
                        video_id,
                        "wrong_json",
                        f'{place} is not {{"segment": [start, end], "label": "name"}}. Correct it.',
                    )
