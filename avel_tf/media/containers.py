"""Opening a media file for one read, every failure made a `MediaError`."""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Literal

import av

from avel_tf.media.errors import MediaError

# FFmpeg hides much damage behind plausible frames: its error log is the only witness.
av.logging.set_level(av.logging.ERROR)
av.logging.set_skip_repeated(False)  # else a second file with the same damage looks whole


@contextlib.contextmanager
def open_stream(
    path: str | os.PathLike[str], kind: Literal["audio", "video"]
) -> Iterator[tuple[av.container.InputContainer, av.stream.Stream]]:
    """Open the best audio or video stream of a file for the length of a `with` block.

    Nothing outlives the block: a decoder opened before a fork hangs in the child.

    Args:
        path: String or path. The media file.
        kind: `"audio"` or `"video"`.
    Returns:
        Context manager giving the container and the stream.
    Raises:
        MediaError: If the file is missing, empty, unreadable or lacks the stream; on leaving the
            block also if decoding failed or FFmpeg logged an error (`damaged`).
    """
    if not pathlib.Path(path).is_file():
        raise MediaError("missing_file", path, "there is no such file")
    if pathlib.Path(path).stat().st_size == 0:
        raise MediaError("empty_file", path, "the file is empty")
    with av.logging.Capture() as errors:
        try:
            container = av.open(os.fspath(path), metadata_errors="ignore")
        except av.FFmpegError as error:
            raise MediaError("unreadable", path, f"FFmpeg cannot open it: {error}") from error
        with container:
            stream = container.streams.best(kind)
            if stream is None:
                raise MediaError(f"no_{kind}", path, f"the file has no {kind} stream")
            if stream.codec_context is None:
                raise MediaError("unreadable", path, f"FFmpeg has no decoder for its {kind}")
            stream.thread_count = 1  # workers are the parallelism; slice threads can deadlock
            try:
                yield container, stream
            except av.FFmpegError as error:
                raise MediaError("damaged", path, f"decoding failed: {error}") from error
    if errors:
        raise MediaError("damaged", path, f"FFmpeg reports: {errors[0][2].strip()}")


def start_seconds(container: av.container.InputContainer) -> float:
    """Time zero of a clip: 0, or where its first stream starts if that is later."""
    return max(0, container.start_time or 0) / av.time_base
