import av
import numpy as np
import pytest

from avel_tf import media
from avel_tf.media import picture_filters
from avel_tf.media.frames import _to_rgb


def woven(number):
    """Draws a bar that moves between the moments of the even and the odd rows."""
    picture = np.zeros((120, 160, 3), np.uint8)
    for parity in (0, 1):
        start = 16 * (number % 4) + 8 * parity + 20
        picture[parity::2, start : start + 40] = 255
    return picture


def combing(picture):
    rows = picture[..., 1].astype(int)
    return np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean()


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"preset": "ultrafast", "x264-params": "tff=1:bframes=2"}),
        ("mpeg2video", {"flags": "+ilme+ildct", "b": "4000000"}),
    ],
)
def test_interlaced_pictures_lose_their_combs(tmp_path, codec, options):
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(woven(number), "rgb24").reformat(format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
    assert all(frame.interlaced_frame for frame in decoded)
    frames = media.read_frames(path, num_segments=2, frames_per_segment=25, size=(120, 160))
    assert frames.shape[:2] == (2, 25)
    before = np.mean([combing(frame.to_ndarray(format="rgb24")) for frame in decoded])
    after = np.mean([combing(frame) for frame in frames.reshape(-1, 120, 160, 3)])
    assert after < 0.6 * before
    # Every picture is still in its place: the bar's middle.
    columns = frames.reshape(50, 120, 160, 3)[..., 1].mean(axis=1)
    middles = (columns * np.arange(160)).sum(axis=1) / columns.sum(axis=1)
    np.testing.assert_allclose(middles, 16 * (np.arange(50) % 4) + 44, atol=8)


def test_progressive_pictures_stay(write_clip):
    path = write_clip("clip.mkv", np.arange(25) / 25, video_codec="rawvideo", picture=woven(0))
    frames = media.read_frames(path, num_segments=1, frames_per_segment=1, size=(120, 160))
    assert combing(frames[0, 0]) == pytest.approx(combing(woven(0)), rel=0.2)


def ten_bit_frame(codes):
    """A frame of three grey bars, by their 10-bit codes."""
    levels = np.repeat(np.array(codes, np.uint16), 16)[None].repeat(16, 0)
    frame = av.VideoFrame(48, 16, "yuv420p10le")
    grey = np.full((8, 24), 512, np.uint16)
    for plane, values in zip(frame.planes, (levels, grey, grey)):
        padded = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        padded[:, : plane.width] = values
        plane.update(padded.tobytes())
    frame.colorspace, frame.color_primaries, frame.color_range = 9, 9, 1
    return frame


@pytest.mark.parametrize(("transfer", "codes"), [(16, (310, 520, 720)), (18, (300, 600, 900))])
def test_high_dynamic_range_is_tone_mapped(transfer, codes, monkeypatch):
    make_graph, made = picture_filters._graph, []
    monkeypatch.setattr(
        picture_filters, "_graph", lambda *a, **b: made.append(make_graph(*a, **b)) or made[-1]
    )
    frame = ten_bit_frame(codes)
    frame.color_trc = 1
    plain = _to_rgb(frame, (16, 48), "bilinear")[8, 8::16].mean(axis=-1)
    frame.color_trc, frame.pts = transfer, 0
    mapped = _to_rgb(frame, (16, 48), "bilinear")[8, 8::16].mean(axis=-1)
    assert (np.diff(mapped) > 10).all() and (mapped < 255).all()
    # Highlights leave room: the curve is another one than of standard range.
    assert np.abs(mapped - plain).max() > 5
    # The graph, which takes seconds, serves the next frame, too.
    following = ten_bit_frame(codes[::-1])
    following.color_trc, following.pts = transfer, 1
    bars = _to_rgb(following, (16, 48), "bilinear")[8, 8::16].mean(axis=-1)
    np.testing.assert_array_equal(bars, mapped[::-1])
    assert len(made) == 1
