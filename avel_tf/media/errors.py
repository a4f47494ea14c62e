"""The one error every reader of media files raises."""

import os

ADVICE = {
    "missing_file": "Check the media folder and the video id.",
    "empty_file": "Download the clip again.",
    "unreadable": "Convert it to MP4 (H.264, AAC) with ffmpeg, or leave the clip out.",
    "damaged": "Download the clip again, or leave it out.",
    "no_audio": "Leave the clip out; silence in its place would be learned as sound.",
    "no_video": "Leave the clip out.",
    "outside_folder": "Copy the file into the folder, or make a hard link.",
    "too_short": "Leave the clip out, or ask for fewer segments.",
    "too_large": "Make it smaller with ffmpeg, or leave the clip out.",
    "too_long": "Cut it with ffmpeg, raise `max_duration_seconds`, or leave the clip out.",
    "time_limit": "Leave the clip out, or raise `max_read_seconds`.",
    "memory_limit": "Make its pictures smaller with ffmpeg, or leave the clip out.",
    "decoder_crashed": "Convert it to MP4 (H.264, AAC) with ffmpeg, or leave the clip out.",
}


class MediaError(ValueError):
    """A media file cannot give what was asked of it.

    The message names the file, says what is wrong and what to do. Survives pickling, so that
    it can cross from a worker process.

    Args:
        reason: String. A key of `ADVICE`, short enough to count by.
        path: String or path. The file.
        detail: String. What was found, as a clause about the file.
    """

    def __init__(self, reason: str, path: str | os.PathLike[str], detail: str) -> None:
        super().__init__(reason, os.fspath(path), detail)
        self.reason = reason

    def __str__(self) -> str:
        reason, path, detail = self.args
        return f"{path}: {detail} ({reason}). {ADVICE[reason]}"
