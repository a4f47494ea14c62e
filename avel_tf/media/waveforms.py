"""Media file -> the sound of each one-second segment."""

import itertools
import math
import os
from collections.abc import Iterator

import av
import numpy as np

from avel_tf.configuration import MediaLimits
from avel_tf.errors import MediaError
from avel_tf.media.containers import (
    DEFAULT_LIMITS,
    decode,
    demux,
    open_stream,
    start_seconds,
)
from avel_tf.media.resampling import resample_seconds
from avel_tf.utils import arguments

GAP_SECONDS = 0.02  # a timestamp this close to the count of samples is only rounded
MIN_RATE_HZ, MAX_RATE_HZ = 1000, 384_000  # wider than any rate that sound is recorded at
MAX_CHANNELS = 64  # the most that FFmpeg can convert
MAX_SAMPLE = 2.0**16  # in files of floats, where 1 is full scale; above, integers overflow
MIN_SOUND_SECONDS = 0.5  # in every segment
MAX_BROKEN_SECONDS = 0.1  # in any segment; a few packets, as after a click of a broadcast
TAGS = (b"ID3", b"TAG", b"APETAGEX")  # begin text and pictures amid the frames of an MP3 file


def read_waveform(
    path: str | os.PathLike[str],
    *,
    num_segments: int = 10,
    sample_rate_hz: int = 16000,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> np.ndarray:
    """Reads the sound of each one-second segment of a clip.

    Processed as for the published AVE features: 16-bit samples / 32768, mean over the channels,
    cut into seconds, each second resampled separately. Sound is placed by its timestamps; sound
    after the last segment is ignored, and gaps within a segment are filled with silence.

    Args:
        path: String or path. The media file.
        num_segments: Integer. Segments of one second, T.
        sample_rate_hz: Integer. Samples per second of the result.
        limits: `MediaLimits`; `max_read_seconds` has no effect here.
    Returns:
        float32 array (T, sample_rate_hz), in [-1, 1] except for the resampling filter's ringing.
    Raises:
        MediaError: If the file cannot be read completely, has no sound (`no_audio`), or a segment
            has less than half a second of sound (`too_short`; `late_start` if the sound has not
            started by then).
        ValueError: If `num_segments` or `sample_rate_hz` is not positive.
    """
    arguments.check_positive_integer("sample_rate_hz", sample_rate_hz)
    sound = read_sound(path, first_segment=0, num_segments=num_segments, limits=limits)
    return resample_seconds(sound, sound.shape[1], sample_rate_hz)


def read_sound(
    path: str | os.PathLike[str], *, first_segment: int, num_segments: int, limits: MediaLimits
) -> np.ndarray:
    """Reads sound at the file's own sampling rate, before resampling: float32 (T, rate_hz).

    Always decodes from the beginning, whatever the first segment: decoders of MP3 and AAC need
    earlier packets and log errors without them.
    """
    arguments.check_natural("first_segment", first_segment)
    arguments.check_positive_integer("num_segments", num_segments)
    with open_stream(path, "audio", limits) as (container, stream, log):
        rate_hz = stream.codec_context.sample_rate
        channels = stream.codec_context.channels
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ or channels > MAX_CHANNELS:
            raise MediaError(
                "unreadable", path, f"it has {channels} channels of {rate_hz} samples per second"
            )
        waveform = np.zeros(num_segments * rate_hz, np.float32)
        heard, broken = np.zeros((2, len(waveform)), bool)
        first = position = None  # of the first sample, and of the next one
        start = start_seconds(container)
        for time, samples, broken_seconds in _decode_mono(path, container, stream, log):
            if position is None:  # what is broken before the first sound was cut off
                time, broken_seconds = start if time is None else time, 0.0
            if time is not None:
                stamped = round((time - start - first_segment) * rate_hz)
                if position is None or abs(stamped - position) > GAP_SECONDS * rate_hz:
                    if position is not None and container.format.name == "mpegts":
                        broken[max(position, 0) : max(stamped, 0)] = True  # its packets were lost
                    position = stamped
            first = position if first is None else first
            broken[max(position - round(broken_seconds * rate_hz), 0) : max(position, 0)] = True
            kept = slice(max(position, 0), max(position + len(samples), 0))
            waveform[kept] = samples[kept.start - position :][: len(waveform[kept])]
            heard[kept] = True
            position += len(samples)
            if position >= len(waveform):
                break
    broken_seconds = broken.reshape(num_segments, rate_hz).mean(axis=1)
    if broken_seconds.max() > MAX_BROKEN_SECONDS:
        segment = first_segment + int(broken_seconds.argmax())
        seconds = broken_seconds.max()
        raise MediaError(
            "damaged", path, f"{seconds:.2f} s of sound in segment {segment} is broken"
        )
    heard_seconds = heard.reshape(num_segments, rate_hz).mean(axis=1)
    if heard_seconds.min() < MIN_SOUND_SECONDS:
        segment = int(heard_seconds.argmin())
        if first is not None and first > (segment + 1 - MIN_SOUND_SECONDS) * rate_hz:
            seconds = first_segment + first / rate_hz
            raise MediaError("late_start", path, f"its sound starts only at {seconds:.2f} s")
        raise MediaError(
            "too_short",
            path,
            f"segment {first_segment + segment} of {first_segment + num_segments} has "
            f"{heard_seconds[segment]:.2f} s of sound",
        )
    return waveform.reshape(num_segments, rate_hz)


def _decode_mono(
    path: str | os.PathLike[str],
    container: av.container.InputContainer,
    stream: av.AudioStream,
    log: list,
) -> Iterator[tuple[float | None, np.ndarray, float]]:
    """Yields each decoded frame.

    Yields:
        Its time in seconds if it has one, its float32 samples (N,), and how many seconds of sound
        were broken since the frame before.
    """
    rate_hz, layout = stream.codec_context.sample_rate, stream.codec_context.layout
    # Interleaved, as PyAV reads at most 8 planes.
    to_int16, to_float = (av.AudioResampler(format=name) for name in ("s16", "flt"))
    broken_seconds, in_tag = 0.0, False
    for packet in itertools.chain(demux(path, container, stream), [None]):  # None flushes it
        frames, report = decode(path, stream, packet, log)
        if packet is not None and (report or packet.is_corrupt):
            in_tag = in_tag or bytes(packet).startswith(TAGS)
            broken_seconds += 0.0 if in_tag else _seconds(container, stream, packet)
        else:
            in_tag = False
        for frame in frames:
            if (frame.sample_rate, frame.layout.name) != (rate_hz, layout.name):
                raise MediaError("unreadable", path, "its sampling rate or channels change midway")
            if frame.format.name.startswith(("flt", "dbl")):
                _check_numbers(path, to_float.resample(frame), frame.time)
            for converted in to_int16.resample(frame):
                samples = converted.to_ndarray().reshape(-1, layout.nb_channels)
                mono = (samples / np.float32(32768)).mean(axis=1)
                yield frame.time, mono, broken_seconds
                broken_seconds = 0.0


def _seconds(
    container: av.container.InputContainer, stream: av.AudioStream, packet: av.Packet
) -> float:
    """Returns how much sound a broken packet held."""
    if container.format.name == "mp3":  # what FFmpeg takes for one packet may have been many
        return packet.size * 8 / (stream.codec_context.bit_rate or math.inf)
    return float((packet.duration or 0) * stream.time_base)


def _check_numbers(
    path: str | os.PathLike[str], frames: list[av.AudioFrame], seconds: float | None
) -> None:
    """Raises a `MediaError` if samples are not numbers, which would become plausible integers."""
    place = "" if seconds is None else f" at {seconds:.2f} s"
    for frame in frames:
        if not (np.abs(frame.to_ndarray()) < MAX_SAMPLE).all():
            raise MediaError(
                "damaged", path, f"its sound{place} has samples that are NaN or too large"
            )
