"""Small clips whose frames show their own number."""

import fractions
import itertools
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

import av
import numpy as np
import pytest

STRIPES = 10  # bits of a frame's number, one per vertical stripe
FASTEST = {
    "libx264": {"preset": "ultrafast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "aac": {"aac_coder": "fast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "16"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "vorbis": {"strict": "experimental"},
    "wmav2": {"b": "128k"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
}
TIME_BASE = fractions.Fraction(1, 12000)


@pytest.fixture
def write_clip(tmp_path) -> Callable[..., pathlib.Path]:
    """Function that writes a clip: a frame at each given second, sound from a given second.

    Every frame shows its number, or `picture` (height, width, 3) where given. Sound is int16 (N,),
    the same in every channel. If there are several streams, the second is inverted and silent.
    """

    def write(
        name: str,
        frame_seconds: Sequence[float] = (),
        *,
        sound: np.ndarray | None = None,
        sound_start: float = 0.0,
        rate_hz: int = 16000,
        layout: str = "mono",
        audio_codec: str = "pcm_s16le",
        video_codec: str = "libx264",
        video_options: Mapping[str, str] | None = None,
        num_streams: int = 1,
        rotation: int = 0,
        picture: np.ndarray | None = None,
        first_number: int = 0,
        pix_fmt: str = "yuv420p",
        audio_options: Mapping[str, str] | None = None,
        container_options: Mapping[str, str] | None = None,
    ) -> pathlib.Path:
        path = tmp_path / name
        numbers = range(first_number, first_number + len(frame_seconds))
        pictures = (numbered_picture(number) for number in numbers)
        if picture is not None:
            pictures = itertools.repeat(picture)
        height, width = (120, 160) if picture is None else picture.shape[:2]
        videos, audios = [], []
        with av.open(str(path), "w", options=dict(container_options or {})) as container:
            for _ in range(num_streams if len(frame_seconds) else 0):
                options = dict(video_options or FASTEST.get(video_codec, {}))
                video = container.add_stream(video_codec, rate=25, options=options)
                video.width, video.height, video.thread_count = width, height, 1
                video.pix_fmt = "yuvj420p" if video_codec == "mjpeg" else pix_fmt
                fine = video_codec == "libx264"  # other encoders know a frame rate at most
                video.codec_context.time_base = TIME_BASE if fine else fractions.Fraction(1, 25)
                if rotation:
                    video.set_display_rotation(rotation)
                videos.append(video)
            for _ in range(0 if sound is None else num_streams):
                options = dict(audio_options or FASTEST.get(audio_codec, {}))
                audio = container.add_stream(
                    audio_codec, rate=rate_hz, layout=layout, options=options
                )
                audios.append(audio)
            for seconds, shown in zip(frame_seconds, pictures):
                for video, negative in zip(videos, (False, True)):
                    frame = av.VideoFrame.from_ndarray(shown ^ 255 * negative, format="rgb24")
                    time_base = video.codec_context.time_base
                    frame.pts, frame.time_base = round(seconds / time_base), time_base
                    container.mux(video.encode(frame))
            for audio, silent in zip(audios, (False, True)):
                for frame in sound_frames(audio, sound * (not silent), sound_start):
                    container.mux(audio.encode(frame))
            for stream in videos + audios:
                container.mux(stream.encode())
        if video_codec == "libsvtav1":  # for root, it made this thread a real-time one
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        return path

    return write


def sound_frames(
    audio: av.AudioStream, sound: np.ndarray, start_seconds: float
) -> list[av.AudioFrame]:
    """Converts `sound` (N,) to the frames that a stream's encoder takes."""
    codec = audio.codec_context
    samples = np.repeat(sound.astype(np.int16), codec.channels)[None]
    frame = av.AudioFrame.from_ndarray(samples, "s16", codec.layout.name)
    frame.sample_rate, frame.pts = codec.sample_rate, round(start_seconds * codec.sample_rate)
    frame.time_base = fractions.Fraction(1, codec.sample_rate)
    convert = av.AudioResampler(
        codec.format, codec.layout, codec.sample_rate, frame_size=codec.frame_size or None
    )
    return [*convert.resample(frame), *convert.resample(None)]


@pytest.fixture(scope="session")
def read_numbers() -> Callable[[np.ndarray], np.ndarray]:
    """Function that reads the numbers shown by frames (..., height, width, 3)."""

    def read(frames: np.ndarray) -> np.ndarray:
        brightness = frames.mean(axis=(-3, -1))
        stripes = np.stack([s.mean(-1) for s in np.array_split(brightness, STRIPES, -1)], -1)
        return (stripes > 128) @ (1 << np.arange(STRIPES))

    return read


def numbered_picture(number: int) -> np.ndarray:
    """Draws the bits of `number` as black and white stripes (120, 160, 3)."""
    bits = number >> np.arange(STRIPES) & 1
    return np.tile(np.repeat(bits * 255, 160 // STRIPES)[None, :, None], (120, 1, 3)).astype(
        np.uint8
    )
