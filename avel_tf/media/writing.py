"""Writing small clips, for simulated datasets."""

import fractions
import os
from collections.abc import Iterable

import av
import numpy as np


def write_clip(
    path: str | os.PathLike[str],
    frames: Iterable[np.ndarray],
    *,
    size: tuple[int, int],
    fps: int,
    waveform: np.ndarray,
    sample_rate_hz: int,
) -> None:
    """Writes an MP4 file with H.264 video and AAC sound; the same input gives the same bytes.

    Args:
        path: String or path. The file; replaced if it exists.
        frames: Iterable of uint8 arrays (height, width, 3), RGB.
        size: Pair of integers, even. Height and width of the frames.
        fps: Integer. Frames per second.
        waveform: Float array (N,) in [-1, 1]: mono sound.
        sample_rate_hz: Integer. Samples per second.
    """
    samples = np.round(np.clip(waveform, -1, 1) * 32767).astype(np.int16)
    with av.open(os.fspath(path), "w") as container:
        # mbtree=0: for small pictures its result depends on prior memory contents.
        options = {"preset": "veryfast", "x264-params": "mbtree=0"}
        video = container.add_stream("libx264", rate=fps, options=options)
        audio = container.add_stream("aac", rate=sample_rate_hz, layout="mono")
        for stream in (video, audio):
            stream.thread_count = 1  # the default, one per core, changes the result
        video.height, video.width = size
        video.pix_fmt = "yuv420p"
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, fractions.Fraction(1, fps)
            container.mux(video.encode(frame))
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = sample_rate_hz, 0
        frame.time_base = fractions.Fraction(1, sample_rate_hz)
        container.mux(audio.encode(frame))
        for stream in (video, audio):
            container.mux(stream.encode())
