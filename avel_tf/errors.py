"""Errors that the user can do something about; every message ends with what to do."""

import os


class InputError(ValueError):
    """An input is missing or wrong: a file, a dataset, a flag. The message names it."""


class DeviceError(ValueError):
    """The requested devices are missing or cannot do the work."""


# Advice on what to do, by the reason of a `MediaError`.
MEDIA_ADVICE = {
    "missing_file": "Check the media folder and the video id.",
    "empty_file": "Download the clip again.",
    "unreadable": "Convert it to MP4 (H.264, AAC) with ffmpeg, or leave the clip out.",
    "damaged": "Download the clip again, or leave it out.",
    "changed": "Run again once nothing writes to it.",
    "no_audio": "Leave the clip out; silence in its place would be trained on as sound.",
    "no_video": "Leave the clip out.",
    "outside_folder": "Copy the file into the folder, or make a hard link.",
    "too_short": "Leave the clip out, or ask for fewer segments.",
    "late_start": "Leave the clip out, or cut its beginning off, which shifts its seconds.",
    "too_large": "Make it smaller with ffmpeg, or leave the clip out.",
    "too_long": "Cut it with ffmpeg, raise `max_duration_seconds`, or leave the clip out.",
    "time_limit": "Leave the clip out, or raise `max_read_seconds`.",
    "memory_limit": "Make its frames smaller with ffmpeg, or leave the clip out.",
    "decoder_crashed": "Convert it to MP4 (H.264, AAC) with ffmpeg, or leave the clip out.",
}


class MediaError(ValueError):
    """A media file cannot provide the requested content.

    The message names the file, says what is wrong and what to do. It survives pickling, so that it
    can be sent from a worker process.

    Args:
        reason: String. A key of `MEDIA_ADVICE`, for counting.
        path: String or path. The file.
        detail: String. The finding, as a clause about the file.
    """

    def __init__(self, reason: str, path: str | os.PathLike[str], detail: str) -> None:
        super().__init__(reason, os.fspath(path), detail)
        self.reason = reason

    def __str__(self) -> str:
        reason, path, detail = self.args
        return f"{path}: {detail} ({reason}). {MEDIA_ADVICE[reason]}"
