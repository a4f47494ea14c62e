"""Annotations.txt and the set files: one line per record, columns separated by `&`."""

import dataclasses
import pathlib
import re

from avel_tf.ave.categories import BACKGROUND, BACKGROUND_NAME, CATEGORIES, NUM_SEGMENTS
from avel_tf.errors import InputError

HEADER = "Category&VideoID&Quality&StartTime&EndTime"
COLUMNS = HEADER.split("&")
# No separator and no leading dot: a video id becomes a file name.
VIDEO_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


@dataclasses.dataclass(frozen=True)
class Annotation:
    """One annotated event: a record of AVE, identified by its row, not by its video id.

    In AVE, 44 video ids have two records and one has three, with different categories.

    Args:
        row: Integer. Position in `Annotations.txt` without its header, from 0.
        category: String. One of `CATEGORIES`, or `BACKGROUND_NAME` for a clip without an event.
        video_id: String. Name of the clip without `.mp4`.
        start_seconds: Integer. First second of the event.
        end_seconds: Integer. Second after the last; equal to the start if there is no event.
    Raises:
        ValueError: If AVE does not allow a value.
    """

    row: int
    category: str
    video_id: str
    start_seconds: int
    end_seconds: int

    def __post_init__(self):
        if self.category not in (*CATEGORIES, BACKGROUND_NAME):
            raise ValueError(f"unknown category {self.category!r}")
        if not VIDEO_ID.fullmatch(self.video_id):
            raise ValueError(f"the video id {self.video_id!r} is not a plain file name")
        if not 0 <= self.start_seconds <= self.end_seconds <= NUM_SEGMENTS:
            raise ValueError(
                f"an event must have 0 <= start <= end <= {NUM_SEGMENTS} seconds, "
                f"not start {self.start_seconds} and end {self.end_seconds}"
            )

    @property
    def event_category(self) -> int:
        """Index of the category in `CATEGORIES`; `BACKGROUND` for a clip without an event."""
        return (*CATEGORIES, BACKGROUND_NAME).index(self.category)

    @property
    def event_length(self) -> int:
        """Seconds with the event; 0 in one record of AVE."""
        return self.end_seconds - self.start_seconds

    @property
    def event_relevance(self) -> list[float]:
        """1.0 for each second with the event, 0.0 for others; (`NUM_SEGMENTS`,)."""
        return [
            float(self.start_seconds <= second < self.end_seconds) for second in range(NUM_SEGMENTS)
        ]

    @property
    def segment_label(self) -> list[int]:
        """Category of each second with the event, `BACKGROUND` for others; (`NUM_SEGMENTS`,)."""
        return [self.event_category if event else BACKGROUND for event in self.event_relevance]


def read_lines(path: pathlib.Path) -> list[tuple[int, list[str]]]:
    """Reads the line numbers and columns of an annotation or set file, without its header."""
    if not path.is_file():
        raise InputError(f"{path} does not exist. Pass the folder that holds AVE's {path.name}.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file: {error}. Download it again.") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or (number == 1 and line.strip() == HEADER):
            continue
        columns = line.strip().split("&")
        if len(columns) != len(COLUMNS):
            raise InputError(
                f"{path}, line {number}: {len(columns)} columns instead of {len(COLUMNS)} "
                f"({HEADER}): {line!r}. Correct the line."
            )
        rows.append((number, columns))
    return rows


def read_annotations(path: str | pathlib.Path) -> list[Annotation]:
    """Reads `Annotations.txt`, with or without its header line.

    Args:
        path: Path of the file.
    Returns:
        List of `Annotation`, whose `row` is the position in the file and in the official
        features.
    Raises:
        InputError: If the file is missing or empty, or a line is malformed; names the line.
    """
    path = pathlib.Path(path)
    annotations = []
    for number, (category, video_id, _, start, end) in read_lines(path):
        try:
            if category == BACKGROUND_NAME:
                raise ValueError(f"{category!r} is the category of clips without an annotation")
            annotation = Annotation(len(annotations), category, video_id, int(start), int(end))
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {error}. Correct the line.") from error
        annotations.append(annotation)
    if not annotations:
        raise InputError(f"{path} holds no records. Pass AVE's Annotations.txt.")
    return annotations
