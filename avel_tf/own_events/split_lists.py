"""Text files that list the videos of each split, one name in a line."""

import dataclasses
import pathlib
from collections.abc import Sequence

from avel_tf.ave import SPLITS
from avel_tf.errors import InputError
from avel_tf.own_events.events import Event, RowError
from avel_tf.own_events.video_folder import VideoFolder


def apply_split_lists(
    folder: pathlib.Path, events: Sequence[Event], videos: VideoFolder
) -> list[Event]:
    """Returns the events with the splits of `train.txt`, `val.txt` and `test.txt`.

    Names in them that no event has are ignored.

    Args:
        folder: Folder of the three files; without them, the events stay as they are.
        events: Events.
        videos: Videos that the files name.
    Raises:
        InputError: If only some of the files are there, they list a video twice, lack one, or the
            events already have splits.
    """
    paths = {split: folder / f"{split}.txt" for split in SPLITS}
    found = [path for path in paths.values() if path.is_file()]
    if not found:
        return list(events)
    if len(found) < len(paths):
        missing = next(path for path in paths.values() if path not in found)
        raise InputError(
            f"{found[0]} lists the videos of a split, but there is no {missing.name} next to it. "
            "Add it, or move the file away."
        )
    if any(event.split for event in events):
        raise InputError(
            f"The list of events has splits, and so has {found[0]}. Remove the one or the other."
        )
    splits = {}
    for split, path in paths.items():
        for file in _read_names(path, videos):
            if splits.setdefault(file, split) != split:
                raise InputError(
                    f"{file!r} is in {paths[splits[file]]} and in {path}. Remove it from one."
                )
    for event in events:
        if event.file not in splits:
            raise InputError(
                f"{event.file!r} is in none of {', '.join(map(str, found))}. Add it to one."
            )
    return [dataclasses.replace(event, split=splits[event.file]) for event in events]


def _read_names(path: pathlib.Path, videos: VideoFolder) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not text in UTF-8: {error}. Save it again in UTF-8."
        ) from error
    files = []
    for line in filter(None, map(str.strip, lines)):
        try:
            files.append(videos.find(line))
        except RowError:
            continue  # no event can name it either
    return files
