"""Media file -> the sound of each one-second segment."""

import itertools
import os
from collections.abc import Iterator

import av
import numpy as np

from avel_tf import arguments
from avel_tf.configuration import MediaLimits
from avel_tf.media.containers import DEFAULT_LIMITS, demux, open_stream, start_seconds
from avel_tf.media.errors import MediaError
from avel_tf.media.resampling import resample_seconds

GAP_SECONDS = 0.02  # a time stamp this close to the count of samples is only rounded
MIN_RATE_HZ, MAX_RATE_HZ = 1000, 384_000  # beyond all that sound is recorded at
MAX_CHANNELS = 64  # that FFmpeg can convert
MIN_SOUND_SECONDS = 0.5  # in every segment


def read_waveform(
    path: str | os.PathLike[str],
    *,
    num_segments: int = 10,
    sample_rate_hz: int = 16000,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> np.ndarray:
    """Read the sound of each one-second segment of a clip.

    As the published AVE features were made: 16-bit samples / 32768, mean over the channels, cut
    into seconds, each second resampled on its own. Sound lies where its time stamps put it; what
    is beyond the last segment is ignored, and what is missing within a segment is silence.

    Args:
        path: String or path. The media file.
        num_segments: Integer. Segments of one second, T.
        sample_rate_hz: Integer. Samples a second of the result.
        limits: `MediaLimits`, but for `max_read_seconds`.
    Returns:
        float32 array (T, sample_rate_hz), in [-1, 1] but for the resampling filter's ringing.
    Raises:
        MediaError: If the file cannot be read whole, has no sound (`no_audio`), or a segment has
            less than half a second of sound of its own (`too_short`).
        ValueError: If `num_segments` or `sample_rate_hz` is not positive.
    """
    arguments.check_positive_integer("sample_rate_hz", sample_rate_hz)
    sound = read_sound(path, first_segment=0, num_segments=num_segments, limits=limits)
    return resample_seconds(sound, sound.shape[1], sample_rate_hz)


def read_sound(
    path: str | os.PathLike[str], *, first_segment: int, num_segments: int, limits: MediaLimits
) -> np.ndarray:
    """What `read_waveform` resamples: float32 (T, rate_hz), at the file's own sampling rate.

    Decoded from the beginning whatever the first segment: decoders of MP3 and AAC need what came
    before, and complain without it.
    """
    arguments.check_natural("first_segment", first_segment)
    arguments.check_positive_integer("num_segments", num_segments)
    with open_stream(path, "audio", limits) as (container, stream):
        rate_hz = stream.codec_context.sample_rate
        channels = stream.codec_context.channels
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ or channels > MAX_CHANNELS:
            raise MediaError(
                "unreadable", path, f"it has {channels} channels of {rate_hz} samples a second"
            )
        waveform = np.zeros(num_segments * rate_hz, np.float32)
        heard = np.zeros(len(waveform), bool)
        position = None  # of the next sample
        start = start_seconds(container) + first_segment
        for time, samples in _decode_mono(path, container, stream, rate_hz):
            stamped = round((time - start) * rate_hz)
            if position is None or abs(stamped - position) > GAP_SECONDS * rate_hz:
                position = stamped
            kept = slice(max(position, 0), max(position + len(samples), 0))
            waveform[kept] = samples[kept.start - position :][: len(waveform[kept])]
            heard[kept] = True
            position += len(samples)
            if position >= len(waveform):
                break
    heard_seconds = heard.reshape(num_segments, rate_hz).mean(axis=1)
    if heard_seconds.min() < MIN_SOUND_SECONDS:
        segment = int(heard_seconds.argmin())
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
    rate_hz: int,
) -> Iterator[tuple[float, np.ndarray]]:
    """Time in seconds and float32 samples (N,) of each decoded frame."""
    layout = stream.codec_context.layout
    to_int16 = av.AudioResampler(format="s16")  # interleaved: PyAV reads no more than 8 planes
    packets = itertools.chain(demux(path, container, stream), [None])  # None: what it still holds
    for frame in itertools.chain.from_iterable(map(stream.decode, packets)):
        if frame.time is None:
            raise MediaError("unreadable", path, "the file gives its sound no time")
        if (frame.sample_rate, frame.layout.name) != (rate_hz, layout.name):
            raise MediaError("unreadable", path, "its sampling rate or channels change midway")
        for converted in to_int16.resample(frame):
            samples = converted.to_ndarray().reshape(-1, layout.nb_channels)
            yield frame.time, (samples / np.float32(32768)).mean(axis=1)
