"""Opening a media file for one read, with every failure turned into a `MediaError`."""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Literal

import av

from avel_tf.configuration import MediaLimits
from avel_tf.errors import MediaError
from avel_tf.media import integrity, timestamps

DEFAULT_LIMITS = MediaLimits()
# Containers that hold their own content; a playlist would make FFmpeg read other files.
CONTAINERS = (
    *("mov", "matroska", "avi", "flv", "asf", "mpeg", "mpegts"),
    *("ogg", "wav", "flac", "mp3"),
)
# Tags that are not UTF-8 must not stop a file; PyAV 19 never lets them and has no option for it.
LENIENT = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
LARGE_PICTURE_MESSAGE = "Picture size"  # above `max_pixels` or FFmpeg's own limit
# Of an Ogg file joined from several with the same stream number; they are read nevertheless.
HARMLESS_MESSAGE = "failed to create or replace stream"
LENGTH_TOLERANCE_SECONDS = 0.2  # the last frame of sound may reach this far beyond a full second

# FFmpeg conceals much damage with plausible frames; only its error log reveals it.
av.logging.set_level(av.logging.ERROR)
av.logging.set_skip_repeated(False)  # or a second file with the same damage looks intact


@contextlib.contextmanager
def open_stream(
    path: str | os.PathLike[str], kind: Literal["audio", "video"], limits: MediaLimits
) -> Iterator[tuple[av.container.InputContainer, av.stream.Stream, list[str]]]:
    """Opens the best audio or video stream of a file for the duration of a `with` block.

    Where a transport stream holds several programs, both streams belong to the same one. Nothing
    stays open after the block: a decoder opened before a fork hangs in the child.

    Args:
        path: String or path. The media file.
        kind: `"audio"` or `"video"`.
        limits: `MediaLimits`.
    Returns:
        Context manager giving the container, the stream, and the list to which FFmpeg's errors
        are appended; `decode` takes those of decoding out again.
    Raises:
        MediaError: If the file is missing, empty, unreadable, lacks the stream or is beyond the
            limits; on leaving the block, also if the container is broken (`damaged`).
    """
    if not pathlib.Path(path).is_file():
        raise MediaError("missing_file", path, "there is no such file, or not a regular one")
    if pathlib.Path(path).stat().st_size == 0:
        raise MediaError("empty_file", path, "the file is empty")
    with av.logging.Capture() as log:
        with _open(path, limits) as container:
            stream = _streams(container)[kind]
            if stream is None:
                raise MediaError(f"no_{kind}", path, f"the file has no {kind} stream")
            if stream.codec_context is None:
                raise MediaError("unreadable", path, f"FFmpeg has no decoder for its {kind}")
            _check_limits(path, container, stream, limits)
            stream.thread_count = 1  # workers already run in parallel; slice threads can deadlock
            stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
            try:
                yield container, stream, log
            except MemoryError:
                raise
            except av.FFmpegError as error:
                log.append((av.logging.ERROR, container.format.name, str(error)))
            # Opening also tries the decoders, of other streams too, and parsers log as decoders do.
            messages = [text.strip() for _, name, text in log if name == container.format.name]
    for message in messages:
        if message != HARMLESS_MESSAGE:
            raise MediaError("damaged", path, f"FFmpeg reports: {message}")


def decode(
    path: str | os.PathLike[str], stream: av.stream.Stream, packet: av.Packet | None, log: list
) -> tuple[list[av.VideoFrame] | list[av.AudioFrame], str]:
    """Decodes a packet of an open stream.

    Args:
        path: String or path. The media file.
        stream: The stream from `open_stream`.
        packet: The packet; None for the frames that the decoder holds back.
        log: The list from `open_stream`.
    Returns:
        The frames that came out, and what FFmpeg reports to be wrong with the packet or `""`.
    Raises:
        MediaError: If its pictures are larger than allowed (`too_large`).
    """
    frames, before = [], len(log)
    try:
        frames = stream.decode(packet)
    except MemoryError:
        raise
    except av.FFmpegError as error:
        log.append((av.logging.ERROR, stream.codec_context.name, str(error)))
    messages = [message.strip() for _, _, message in log[before:]]
    del log[before:]
    for message in messages:
        if LARGE_PICTURE_MESSAGE in message:
            raise MediaError("too_large", path, f"FFmpeg reports: {message}")
    return frames, messages[0] if messages else ""


def _streams(container: av.container.InputContainer) -> dict[str, av.stream.Stream | None]:
    """Returns the best streams, in a transport stream those of one program."""
    video = container.streams.best("video")
    audio = container.streams.best("audio", related=video)
    if audio is None and (audio := container.streams.best("audio")) is not None:
        video = container.streams.best("video", related=audio)
    if video is not None and is_cover(video):
        films = [each for each in container.streams.video if not is_cover(each)]
        video = films[0] if films else None
    return {"audio": audio, "video": video}


def is_cover(stream: av.stream.Stream) -> bool:
    """Returns whether a stream is a picture for the file, such as an album's cover."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _open(path: str | os.PathLike[str], limits: MediaLimits) -> av.container.InputContainer:
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(CONTAINERS),
        "max_pixels": str(limits.max_pixels),
    }
    try:
        # An absolute path, so that a file named `concat:a` is not taken for a protocol.
        return av.open(os.path.abspath(path), options=options, **LENIENT)
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
    """Checks the length and size that the file states, before anything is decoded."""
    check_length(path, (container.duration or 0) / av.time_base, limits)
    if stream.type == "video" and stream.width * stream.height > limits.max_pixels:
        raise MediaError(
            "too_large", path, f"its pictures have {stream.width} x {stream.height} pixels"
        )


def check_length(path: str | os.PathLike[str], seconds: float, limits: MediaLimits) -> None:
    """Raises a `MediaError` (`too_long`) if `seconds` exceeds the limit by more than a frame."""
    if seconds > limits.max_duration_seconds + LENGTH_TOLERANCE_SECONDS:
        raise MediaError(
            "too_long", path, f"it lasts {seconds:.1f} s, over {limits.max_duration_seconds:g} s"
        )


def demux(
    path: str | os.PathLike[str],
    container: av.container.InputContainer,
    stream: av.stream.Stream,
) -> Iterator[av.Packet]:
    """Yields the packets of an open stream, in decoding order.

    Args:
        path: String or path. The media file.
        container: The container from `open_stream`.
        stream: The stream from `open_stream`.
    Yields:
        Packets, none of them empty; their times never jump back.
    Raises:
        MediaError: If a packet is missing (`damaged`).
    """
    packets = integrity.complete(path, container, stream, _packets(container, stream))
    yield from timestamps.continuous(stream, packets)


def _packets(
    container: av.container.InputContainer, stream: av.stream.Stream
) -> Iterator[av.Packet]:
    for packet in container.demux(stream):
        if packet.size:  # an empty one would end decoding
            yield packet
        elif packet.dts is None:
            return  # end of the stream; PyAV fails beyond it if damage faked another stream


def start_seconds(container: av.container.InputContainer) -> float:
    """Returns the time zero of a clip: 0, or the start of its first stream if that is later."""
    streams = [each for each in _streams(container).values() if each is not None]
    starts = [each.start_time * each.time_base for each in streams if each.start_time is not None]
    return max(0.0, float(min(starts, default=0)))
