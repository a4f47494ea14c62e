"""Opening a media file for one read, every failure made a `MediaError`."""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Literal

import av

from avel_tf.configuration import MediaLimits
from avel_tf.media import integrity
from avel_tf.media.errors import MediaError

DEFAULT_LIMITS = MediaLimits()
# Containers that hold their own content: a playlist would make FFmpeg read other files.
CONTAINERS = (
    *("mov", "matroska", "avi", "flv", "asf", "mpeg", "mpegts"),
    *("ogg", "wav", "flac", "mp3"),
)
LARGE_PICTURE_MESSAGE = "Picture size"  # above `max_pixels`, or above what FFmpeg can handle

# FFmpeg hides much damage behind plausible frames: its error log is the only witness.
av.logging.set_level(av.logging.ERROR)
av.logging.set_skip_repeated(False)  # else a second file with the same damage looks whole


@contextlib.contextmanager
def open_stream(
    path: str | os.PathLike[str], kind: Literal["audio", "video"], limits: MediaLimits
) -> Iterator[tuple[av.container.InputContainer, av.stream.Stream]]:
    """Open the best audio or video stream of a file for the length of a `with` block.

    Nothing outlives the block: a decoder opened before a fork hangs in the child.

    Args:
        path: String or path. The media file.
        kind: `"audio"` or `"video"`.
        limits: `MediaLimits`.
    Returns:
        Context manager giving the container and the stream.
    Raises:
        MediaError: If the file is missing, empty, unreadable, lacks the stream or is beyond the
            limits; on leaving the block also if decoding failed or FFmpeg logged an error
            (`damaged`).
    """
    if not pathlib.Path(path).is_file():
        raise MediaError("missing_file", path, "there is no such file, or not a regular one")
    if pathlib.Path(path).stat().st_size == 0:
        raise MediaError("empty_file", path, "the file is empty")
    with av.logging.Capture() as errors:
        with _open(path, limits) as container:
            stream = container.streams.best(kind)
            if stream is None:
                raise MediaError(f"no_{kind}", path, f"the file has no {kind} stream")
            if stream.codec_context is None:
                raise MediaError("unreadable", path, f"FFmpeg has no decoder for its {kind}")
            _check_limits(path, container, stream, limits)
            stream.thread_count = 1  # workers are the parallelism; slice threads can deadlock
            stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
            try:
                yield container, stream
            except MemoryError:
                raise
            except av.FFmpegError as error:
                errors.append((av.logging.ERROR, "", str(error)))
    if errors:
        messages = [message.strip() for _, _, message in errors]
        is_large = any(LARGE_PICTURE_MESSAGE in message for message in messages)
        reason = "too_large" if is_large else "damaged"
        raise MediaError(reason, path, f"FFmpeg reports: {messages[0]}")


def _open(path: str | os.PathLike[str], limits: MediaLimits) -> av.container.InputContainer:
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(CONTAINERS),
        "max_pixels": str(limits.max_pixels),
    }
    try:
        # The path absolute, or `concat:a` would be no file.
        return av.open(os.path.abspath(path), options=options, metadata_errors="ignore")
    except MemoryError:
        raise
    except av.FFmpegError as error:
        raise MediaError("unreadable", path, f"FFmpeg cannot open it: {error}") from error


def _check_limits(
    path: str | os.PathLike[str],
    container: av.container.InputContainer,
    stream: av.stream.Stream,
    limits: MediaLimits,
) -> None:
    """What the file says of itself, before anything is decoded."""
    check_length(path, (container.duration or 0) / av.time_base, limits)
    if stream.type == "video" and stream.width * stream.height > limits.max_pixels:
        raise MediaError(
            "too_large", path, f"its pictures have {stream.width} x {stream.height} pixels"
        )


def check_length(path: str | os.PathLike[str], seconds: float, limits: MediaLimits) -> None:
    """Raises a `MediaError` (`too_long`) for more seconds than the limit."""
    if seconds > limits.max_duration_seconds:
        raise MediaError(
            "too_long", path, f"it lasts {seconds:.0f} s, over {limits.max_duration_seconds:g} s"
        )


def demux(
    path: str | os.PathLike[str],
    container: av.container.InputContainer,
    stream: av.stream.Stream,
) -> Iterator[av.Packet]:
    """Packets of an open stream, in the order to decode.

    Args:
        path: String or path. The media file.
        container: The container that `open_stream` gave.
        stream: The stream that it gave.
    Yields:
        Packets, none empty.
    Raises:
        MediaError: If a packet bears the marks of damage (`damaged`).
    """
    yield from integrity.checked(path, container, stream, _packets(container, stream))


def _packets(
    container: av.container.InputContainer, stream: av.stream.Stream
) -> Iterator[av.Packet]:
    for packet in container.demux(stream):
        if packet.size:  # an empty one would end decoding
            yield packet
        elif packet.dts is None:
            return  # the stream's end; beyond it PyAV fails if damage made up another stream


def start_seconds(container: av.container.InputContainer) -> float:
    """Time zero of a clip: 0, or where its first stream starts if that is later."""
    return max(0, container.start_time or 0) / av.time_base
