import errno
import io
import os
import pickle

import av
import pytest

from avel_tf import media
from avel_tf.errors import MediaError
from avel_tf.media import containers

READERS = [media.read_frames, media.read_waveform]


@pytest.fixture
def clip(real_data):
    return (real_data / "clips" / "llp_BjCEufrlXm4.mp4").read_bytes()


def reason_of(read, path):
    with pytest.raises(MediaError) as error:
        read(path)
    assert str(path) in str(error.value)
    return error.value.reason


@pytest.mark.parametrize("read", READERS)
def test_unusable_files_are_named_with_a_reason(read, tmp_path, clip):
    contents = {
        "empty_file": b"",
        "unreadable": bytes(range(256)) * 4,
    }
    assert reason_of(read, tmp_path / "missing.mp4") == "missing_file"
    assert reason_of(read, tmp_path) == "missing_file"
    for reason, content in contents.items():
        path = tmp_path / f"{reason}.mp4"
        path.write_bytes(content)
        assert reason_of(read, path) == reason
    truncated = tmp_path / "truncated.mp4"
    truncated.write_bytes(clip[: len(clip) // 2])
    assert reason_of(read, truncated) in ("unreadable", "damaged")


@pytest.mark.parametrize("read", READERS)
def test_damage_is_an_error(read, tmp_path, clip):
    path = tmp_path / "damaged.mp4"
    middle, size = len(clip) // 2, 65536  # sound may lack a few packets
    path.write_bytes(clip[:middle] + bytes(size) + clip[middle + size :])
    assert reason_of(read, path) == "damaged"


@pytest.mark.parametrize("read", READERS)
def test_damage_that_ffmpeg_only_logs_is_an_error(read, tmp_path, real_data):
    clip = (real_data / "clips" / "decord_flipping_a_pancake.mkv").read_bytes()
    place = (
        len(clip) * 3 // 10
    )  # some packets get lost here, the rest decode, and only the log shows it
    for name in ["first.mkv", "second.mkv"]:  # the log must not suppress repeated messages
        path = tmp_path / name
        path.write_bytes(clip[:place] + bytes(4096) + clip[place + 4096 :])
        with pytest.raises(MediaError, match="FFmpeg reports: 0x00 at pos") as error:
            read(path)
        assert error.value.reason == "damaged"


def test_a_frame_that_ffmpeg_only_flags_is_an_error(tmp_path, clip):
    # The end of one frame's data, found by its packet: concealed and flagged, but not logged.
    with av.open(io.BytesIO(clip)) as container:
        packet = list(container.demux(video=0))[100]
    damaged = bytearray(clip)
    for place in range(packet.pos + packet.size // 3, packet.pos + packet.size):
        damaged[place] ^= 0x5A
    path = tmp_path / "damaged.mp4"
    path.write_bytes(damaged)
    with pytest.raises(MediaError, match=r"its pictures are broken at 3\.\d\d s") as error:
        media.read_frames(path)
    assert error.value.reason == "damaged"


@pytest.mark.parametrize("read", READERS)
def test_nothing_stays_open(read, tmp_path, clip):
    whole, damaged = tmp_path / "whole.mp4", tmp_path / "damaged.mp4"
    whole.write_bytes(clip)
    damaged.write_bytes(clip[:200000] + bytes(400000) + clip[600000:])
    read(whole)
    before = len(os.listdir("/proc/self/fd"))
    read(whole)
    with pytest.raises(MediaError):
        read(damaged)
    assert len(os.listdir("/proc/self/fd")) == before


def test_running_out_of_memory_is_not_damage(clip, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip)
    with pytest.raises(MemoryError):
        with containers.open_stream(path, "video", containers.DEFAULT_LIMITS):
            raise av.error.MemoryError(errno.ENOMEM, "as FFmpeg does")


def test_errors_survive_pickling():
    error = MediaError("no_audio", "clip.mp4", "the file has no audio stream")
    copy = pickle.loads(pickle.dumps(error))
    assert copy.reason == "no_audio"
    assert str(copy) == str(error)
    assert "clip.mp4: the file has no audio stream (no_audio). Leave the clip out" in str(copy)
