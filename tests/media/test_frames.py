import pathlib
import struct

import av
import numpy as np
import pytest

from avel_tf import media
from avel_tf.configuration import MediaLimits
from avel_tf.errors import MediaError
from avel_tf.media import frames as frames_module


def published_indices(num_frames):
    interval = int(num_frames / 10)
    return [[int(t * interval + i / 16 * interval) for i in range(16)] for t in range(10)]


def shown_at(times, seconds):
    """Returns the number of the last frame starting by `seconds`, or of the first if none does."""
    return max([number for number, time in enumerate(times) if time <= seconds + 1e-3], default=0)


@pytest.mark.parametrize("num_frames", [10, 249, 250, 299, 300])
def test_indices_follow_the_published_rule(num_frames):
    assert media.segment_frame_indices(num_frames).tolist() == published_indices(num_frames)


@pytest.mark.parametrize(("num_frames", "rate"), [(250, 25), (249, 25), (299, 30000 / 1001)])
def test_ten_seconds_at_a_constant_rate_are_read_by_the_published_rule(
    write_clip, read_numbers, num_frames, rate
):
    frames = media.read_frames(write_clip("clip.mp4", np.arange(num_frames) / rate))
    assert frames.shape == (10, 16, 224, 224, 3)
    assert frames.dtype == np.uint8
    assert read_numbers(frames).tolist() == published_indices(num_frames)


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("longer.mp4", np.arange(325) / 25),
        ("shorter.mp4", np.arange(230) / 25),
        ("rounded.mkv", np.arange(330) / 30),
        ("variable.mp4", np.concatenate([np.arange(40) / 8, 5 + np.arange(150) / 30])),
        ("frozen.mp4", np.concatenate([np.arange(100) / 25, 6.5 + np.arange(90) / 25])),
    ],
)
def test_other_clips_are_read_by_presentation_time(write_clip, read_numbers, name, times):
    frames = media.read_frames(write_clip(name, times), size=(48, 80))
    expected = [[shown_at(times, t + i / 16) for i in range(16)] for t in range(10)]
    assert frames.shape == (10, 16, 48, 80, 3)
    assert read_numbers(frames).tolist() == expected


def test_reordered_frames_that_each_last_seconds_are_found(write_clip, read_numbers):
    # Decoders hold frames back until later ones arrive, here from long after the last segment.
    options = {"preset": "veryslow", "x264-params": "bframes=8:b-adapt=0:b-pyramid=none:scenecut=0"}
    times = np.arange(40) * 1.5
    path = write_clip("slow.mp4", times, video_options=options)
    expected = [[shown_at(times, t + i / 2) for i in range(2)] for t in range(10)]
    assert read_numbers(media.read_frames(path, frames_per_segment=2)).tolist() == expected


@pytest.mark.parametrize("delay", [0, 5])
def test_hidden_vp8_pictures_are_not_frames(write_clip, tmp_path, read_numbers, delay):
    # Two-pass encoders write them right before a shown picture, or at the same timestamp.
    options = {"deadline": "realtime", "cpu-used": "16", "g": "1"}
    times = np.arange(125) / 12.5
    path = write_clip("clip.mkv", times, video_codec="libvpx", video_options=options)
    copy = tmp_path / "hidden.mkv"
    with av.open(str(path)) as source, av.open(str(copy), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux() if p.size):
            data = bytes(packet)
            shown = [(packet.pts, data)]
            if number % 7 == 3:
                hidden = bytes([data[0] & ~0x10]) + data[1:]  # its bit `show_frame`
                shown = [(packet.pts, hidden), (packet.pts + delay, data)]
            for pts, content in shown:
                each = av.Packet(content)
                each.pts = each.dts = pts
                each.time_base, each.is_keyframe, each.stream = packet.time_base, True, stream
                container.mux(each)
    # Earlier timestamps make the rate vary, so that frames are read by time, some at hidden ones.
    frames = media.read_frames(copy, frames_per_segment=25)
    expected = media.segment_frame_indices(125, frames_per_segment=25)
    if delay:
        late = times + delay / 1000 * (np.arange(125) % 7 == 3)
        moments = np.arange(10)[:, None] + np.arange(25) / 25
        expected = np.searchsorted(late, moments + 1e-3, side="right") - 1
    np.testing.assert_array_equal(read_numbers(frames), expected)


def test_only_the_beginning_of_a_long_clip_is_read(write_clip, read_numbers):
    def read_bytes():
        return int(pathlib.Path("/proc/self/io").read_text().split()[1])

    times = np.arange(200) * 0.48
    path = write_clip("long.mkv", times, video_codec="rawvideo")
    before = read_bytes()
    frames = media.read_frames(path, frames_per_segment=2)
    # No more is read than 23 of the 200 equally large frames, plus a buffer.
    assert read_bytes() - before < path.stat().st_size / 4
    expected = [[shown_at(times, t + i / 2) for i in range(2)] for t in range(10)]
    assert read_numbers(frames).tolist() == expected


OPEN_GOP = "bframes=5:b-pyramid=normal:b-adapt=0:ref=5:keyint=30:scenecut=0:open-gop=1"


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("open.mp4", "libx264", {"x264-params": OPEN_GOP}),
        ("one_keyframe.mp4", "libx264", {"x264-params": "keyint=1000:scenecut=0"}),
        ("open.mkv", "libx265", {"x265-params": "log-level=none:keyint=20:open-gop=1"}),
    ],
)
def test_parts_equal_the_whole(write_clip, name, codec, options):
    times = 0.2 + np.arange(700) * 0.0331 + np.arange(700) % 3 * 0.0023
    path = write_clip(name, times, video_codec=codec, video_options=options, sound=np.zeros(400000))
    whole = media.read_frames(path, num_segments=23, frames_per_segment=4)
    for first, count in [(0, 5), (5, 10), (13, 10), (22, 1)]:
        part = media.read_frames(
            path, first_segment=first, num_segments=count, frames_per_segment=4
        )
        np.testing.assert_array_equal(part, whole[first : first + count])
    with pytest.raises(MediaError, match="leave one of 3 segments empty"):
        media.read_frames(path, first_segment=22, num_segments=3)


def test_a_long_clip_of_constant_rate_does_not_drift(write_clip, read_numbers):
    times = np.arange(30 * 24) / 23.9  # the published rule would lag by a second
    path = write_clip("film.mp4", times)
    whole = read_numbers(media.read_frames(path, num_segments=30, frames_per_segment=2))
    expected = [[shown_at(times, t + i / 2) for i in range(2)] for t in range(30)]
    assert whole.tolist() == expected
    part = media.read_frames(path, first_segment=25, num_segments=5, frames_per_segment=2)
    assert read_numbers(part).tolist() == expected[25:]


def test_the_last_seconds_of_a_long_clip_are_not_read_as_a_clip(write_clip, read_numbers):
    times = np.arange(500) / 24.9  # lasts 20.08 s
    path = write_clip("long.mp4", times)
    part = media.read_frames(path, first_segment=10)
    expected = [[shown_at(times, t + i / 16) for i in range(16)] for t in range(10, 20)]
    assert read_numbers(part).tolist() == expected


def test_time_starts_with_the_clip_not_with_its_video(write_clip, read_numbers):
    times = 0.4 + np.arange(300) / 25
    path = write_clip("late.mkv", times, sound=np.zeros(160000))
    expected = [[shown_at(times, t + i / 16) for i in range(16)] for t in range(10)]
    assert read_numbers(media.read_frames(path)).tolist() == expected


def test_a_clip_without_a_frame_in_some_segment_is_too_short(write_clip):
    path = write_clip("short.mp4", np.arange(225) / 25)  # ends at 9.0 s
    with pytest.raises(MediaError, match=r"short\.mp4.*225 frames.*9\.00 s") as error:
        media.read_frames(path)
    assert error.value.reason == "too_short"
    assert media.read_frames(path, num_segments=9).shape[0] == 9


@pytest.mark.parametrize(("rotation", "bright"), [(90, "left"), (-90, "right"), (180, "bottom")])
def test_frames_are_rotated_upright(write_clip, rotation, bright):
    # Bright above, dark below; the file specifies a counterclockwise rotation.
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[:60] = 255
    path = write_clip("turned.mp4", np.arange(25) / 25, rotation=rotation, picture=picture)
    frame = media.read_frames(path, num_segments=1, frames_per_segment=1, size=(60, 100))[0, 0]
    sides = {
        "left": frame[:, :40],
        "right": frame[:, 60:],
        "top": frame[:20],
        "bottom": frame[40:],
    }
    assert max(sides, key=lambda side: sides[side].mean()) == bright
    assert sides[bright].mean() > 230


UNITY = 1 << 16


@pytest.mark.parametrize(
    ("matrix", "corner"),
    [
        ((1, 0, 0, 1), "top left"),
        ((-1, 0, 0, 1), "top right"),
        ((1, 0, 0, -1), "bottom left"),
        ((-1, 0, 0, -1), "bottom right"),
        ((0, 1, 1, 0), "top left"),
        ((0, 1, -1, 0), "top right"),
        ((0, -1, 1, 0), "bottom left"),
        ((0, -1, -1, 0), "bottom right"),
        ((0, 0, 0, 0), "top left"),
        ((1, 1, 1, 1), "top left"),
    ],
)
def test_the_whole_display_matrix_is_applied(write_clip, matrix, corner):
    # Only a wide part of the top left is bright.
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[:30, :80] = 255
    path = write_clip("clip.mp4", np.arange(25) / 25, picture=picture)
    data = path.read_bytes()
    place = data.index(b"tkhd") + 44
    a, b, c, d = (value * UNITY for value in matrix)
    stated = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data[:place] + stated + data[place + 36 :])
    frame = media.read_frames(path, num_segments=1, frames_per_segment=1, size=(60, 100))[0, 0]
    rows, columns = np.nonzero(frame.mean(axis=-1) > 128)
    is_turned = abs(matrix[1]) > abs(matrix[0])
    assert len(set(rows)) == pytest.approx(30 if is_turned else 15, abs=1)
    assert len(set(columns)) == pytest.approx(25 if is_turned else 50, abs=1)
    found = ("top" if rows.mean() < 30 else "bottom", "left" if columns.mean() < 50 else "right")
    assert " ".join(found) == corner


def test_red_stays_red(write_clip):
    red = np.full((120, 160, 3), [255, 0, 0], np.uint8)
    path = write_clip("red.mp4", np.arange(25) / 25, picture=red)
    frames = media.read_frames(path, num_segments=1)
    np.testing.assert_allclose(frames.mean(axis=(0, 1, 2, 3)), [255, 0, 0], atol=12)


@pytest.mark.parametrize("size", [(120, 160), (360, 640), (300, 500), (720, 1280)])
def test_antialiased_frames_are_stretched_by_a_triangle_filter(size):
    """Checks bilinear scaling, with a filter wide enough that shrinking loses no pixel."""

    def weights(num_in, num_out=224):
        scale = num_in / num_out
        centre = (np.arange(num_out)[:, None] + 0.5) * scale - 0.5
        found = np.maximum(0, 1 - np.abs(np.arange(num_in) - centre) / max(scale, 1))
        return found / found.sum(axis=1, keepdims=True)

    grey = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    frame = av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, axis=-1), format="rgb24")
    expected = weights(size[0]) @ grey @ weights(size[1]).T
    inside = slice(2, -2)  # FFmpeg repeats the pixels of the edge
    for channel in np.moveaxis(frames_module._to_rgb(frame, (224, 224), "antialiased"), -1, 0):
        difference = channel[inside, inside] - expected[inside, inside]
        assert np.abs(difference).max() < 1.5  # of 255; rounding alone gives up to 1


def test_frames_are_resized_as_published_unless_told_otherwise(write_clip):
    stripes = np.zeros((120, 160, 3), np.uint8)
    stripes[:, ::2] = 255
    path = write_clip("stripes.mkv", np.arange(25) / 25, video_codec="rawvideo", picture=stripes)
    part = {"num_segments": 1, "frames_per_segment": 1, "size": (60, 53)}
    nearest, smooth = (
        media.read_frames(path, **part, resize=resize)[0, 0, 30, 5:-5]
        for resize in ("bilinear", "antialiased")
    )
    assert nearest.std() > 50 > 10 > smooth.std()
    np.testing.assert_array_equal(nearest, media.read_frames(path, **part)[0, 0, 30, 5:-5])
    with pytest.raises(ValueError, match="`resize` must be one of"):
        media.read_frames(path, resize="nearest")


def test_a_file_without_video_is_an_error(write_clip):
    path = write_clip("sound.wav", sound=np.zeros(160000))
    with pytest.raises(MediaError, match="no video stream") as error:
        media.read_frames(path)
    assert error.value.reason == "no_video"


def test_frames_beyond_the_limit_are_rejected_before_decoding(write_clip):
    path = write_clip("large.mp4", np.arange(25) / 25)
    with pytest.raises(MediaError, match=r"large\.mp4: .*have 160 x 120 pixels") as error:
        media.read_frames(path, num_segments=1, limits=MediaLimits(max_pixels=160 * 120 - 1))
    assert error.value.reason == "too_large"


def test_the_first_segment_must_not_be_negative():
    with pytest.raises(ValueError, match=r"`first_segment` must be an integer from 0\."):
        media.read_frames("clip.mp4", first_segment=-1)


@pytest.mark.parametrize("argument", ["num_segments", "frames_per_segment"])
def test_counts_must_be_positive(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be a positive integer.*=0"):
        media.read_frames("clip.mp4", **{argument: 0})


def test_real_clips_give_moving_frames(real_data):
    for name in ["llp_BjCEufrlXm4.mp4", "decord_flipping_a_pancake.mkv"]:
        frames = media.read_frames(real_data / "clips" / name)
        assert frames.shape == (10, 16, 224, 224, 3)
        assert frames.std() > 30
        assert np.abs(np.diff(frames[:, 0].astype(int), axis=0)).mean(axis=(1, 2, 3)).min() > 1
