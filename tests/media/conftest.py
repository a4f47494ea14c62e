"""Small clips whose frames tell their own number."""

import fractions
import pathlib
from collections.abc import Callable, Sequence

import av
import numpy as np
import pytest

STRIPES = 10  # bits of a frame's number, one a vertical stripe
TIME_BASE = fractions.Fraction(1, 12000)


@pytest.fixture
def write_clip(tmp_path) -> Callable[..., pathlib.Path]:
    """Function writing a clip: a frame at each given second, mono sound from a given second.

    Every frame shows its number, or `picture` (120, 160, 3) where given.
    """

    def write(
        name: str,
        frame_seconds: Sequence[float] = (),
        *,
        sound: np.ndarray | None = None,
        sound_start: float = 0.0,
        rate_hz: int = 16000,
        rotation: int = 0,
        picture: np.ndarray | None = None,
    ) -> pathlib.Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            if len(frame_seconds):
                video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
                video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
                video.codec_context.time_base = TIME_BASE
                if rotation:
                    video.set_display_rotation(rotation)
            if sound is not None:
                audio = container.add_stream("pcm_s16le", rate=rate_hz, layout="mono")
            for number, seconds in enumerate(frame_seconds):
                shown = numbered_picture(number) if picture is None else picture
                frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
                frame.pts, frame.time_base = round(seconds / TIME_BASE), TIME_BASE
                container.mux(video.encode(frame))
            if len(frame_seconds):
                container.mux(video.encode())
            if sound is not None:
                frame = av.AudioFrame.from_ndarray(sound[None].astype(np.int16), "s16", "mono")
                frame.sample_rate, frame.pts = rate_hz, round(sound_start * rate_hz)
                frame.time_base = fractions.Fraction(1, rate_hz)
                container.mux(audio.encode(frame))
                container.mux(audio.encode())
        return path

    return write


@pytest.fixture(scope="session")
def read_numbers() -> Callable[[np.ndarray], np.ndarray]:
    """Function from frames (..., height, width, 3) to the numbers they show."""

    def read(frames: np.ndarray) -> np.ndarray:
        brightness = frames.mean(axis=(-3, -1))
        stripes = np.stack([s.mean(-1) for s in np.array_split(brightness, STRIPES, -1)], -1)
        return (stripes > 128) @ (1 << np.arange(STRIPES))

    return read


def numbered_picture(number: int) -> np.ndarray:
    """Picture (120, 160, 3) with the bits of `number` as black and white stripes."""
    bits = number >> np.arange(STRIPES) & 1
    return np.tile(np.repeat(bits * 255, 160 // STRIPES)[None, :, None], (120, 1, 3)).astype(
        np.uint8
    )
