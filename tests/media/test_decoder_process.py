import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import avel_tf
from avel_tf import media
from avel_tf.configuration import MediaLimits
from avel_tf.errors import MediaError
from avel_tf.media import decoder_child

# Reads a clip, prints which process did, waits for a line, reads the clip again.
PARENT = """
import sys
sys.path.insert(0, sys.argv[1])
from avel_tf import media
decoder = media.DecoderProcess()
decoder.read(sys.argv[2], num_segments=1)
print(decoder._child.pid, flush=True)
input()
print("reading", flush=True)
decoder.read(sys.argv[2], num_segments=1)
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """One second of frames and sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    frames = [np.full((48, 64, 3), 10 * number, np.uint8) for number in range(25)]
    sound = np.sin(np.arange(16000))
    media.write_clip(path, frames, size=(48, 64), fps=25, waveform=sound, sample_rate_hz=16000)
    return path


@pytest.fixture
def decoder():
    with media.DecoderProcess() as decoder:
        yield decoder


def pid_of(decoder):
    return decoder._child.pid


def is_alive(pid):
    with contextlib.suppress(FileNotFoundError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


def end_while_reading(decoder, ending):
    """Stops the child, and resumes it after sending `ending` to it a moment later."""
    pid = pid_of(decoder)
    os.kill(pid, signal.SIGSTOP)

    def end():
        os.kill(pid, ending)
        os.kill(pid, signal.SIGCONT)

    threading.Timer(0.2, end).start()


def test_clips_equal_those_read_in_process_and_share_a_child(real_data, decoder, clip):
    for path, num_segments in [
        (real_data / "clips" / "llp_BjCEufrlXm4.mp4", 10),
        (real_data / "clips" / "bigbuckbunny.mp4", 5),
        (clip, 1),
    ]:
        read = decoder.read(path, num_segments=num_segments, frames_per_segment=8)
        expected = media.read_clip(path, num_segments=num_segments, frames_per_segment=8)
        np.testing.assert_array_equal(read.frames, expected.frames)
        np.testing.assert_array_equal(read.sound, expected.sound)
    pid = pid_of(decoder)
    os.kill(pid, signal.SIGINT)  # as Ctrl-C does; the parent handles it
    for _ in range(20):
        decoder.read(clip, num_segments=1)
    assert pid_of(decoder) == pid


def test_parts_and_lengths_are_read_too(real_data, decoder):
    path = real_data / "clips" / "llp_BjCEufrlXm4.mp4"
    assert decoder.count_segments(path) == media.count_segments(path) == 10
    settings = {"first_segment": 7, "num_segments": 2, "modalities": ["audio"]}
    read, expected = decoder.read(path, **settings), media.read_clip(path, **settings)
    assert read.frames is None
    np.testing.assert_array_equal(read.sound, expected.sound)


def test_errors_equal_those_raised_in_process(decoder, clip, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    for path in [tmp_path / "missing.mp4", tmp_path / "text.mp4", clip]:
        with pytest.raises(MediaError) as expected:
            media.read_clip(path)
        with pytest.raises(MediaError) as error:
            decoder.read(path)
        assert error.value.reason == expected.value.reason
        assert str(error.value) == str(expected.value)


@pytest.mark.parametrize("ending", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_costs_one_clip(decoder, clip, ending):
    decoder.read(clip, num_segments=1)
    end_while_reading(decoder, ending)
    with pytest.raises(MediaError, match=rf"clip\.mp4.*by signal {ending:d} \(") as error:
        decoder.read(clip, num_segments=1)
    assert error.value.reason == "decoder_crashed"
    assert decoder.read(clip, num_segments=1).frames.shape[0] == 1


def test_a_child_that_died_in_between_costs_no_clip(decoder, clip):
    decoder.read(clip, num_segments=1)
    pid = pid_of(decoder)
    os.kill(pid, signal.SIGKILL)
    # A zombie cannot be reaped before the last of its threads has ended.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert decoder.read(clip, num_segments=1).frames.shape[0] == 1


def test_a_hang_ends_at_the_time_limit(clip):
    with media.DecoderProcess(MediaLimits(max_read_seconds=1)) as decoder:
        decoder.read(clip, num_segments=1)
        pid = pid_of(decoder)
        os.kill(pid, signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(MediaError, match=r"clip\.mp4: .* longer than 1 s") as error:
            decoder.read(clip, num_segments=1)
        assert time.monotonic() - start >= 1
        assert error.value.reason == "time_limit"
        assert not is_alive(pid)
        assert decoder.read(clip, num_segments=1).frames.shape[0] == 1


def test_memory_is_limited(decoder, clip):
    decoder.read(clip, num_segments=1)
    # More frames than fit the limit take the same path as a file that needs too much.
    num_frames = decoder_child.MAX_MEMORY_BYTES // (224 * 224 * 3) + 1
    with pytest.raises(MediaError, match=r"clip\.mp4: .*over 4 GiB") as error:
        decoder.read(clip, num_segments=1, frames_per_segment=num_frames)
    assert error.value.reason == "memory_limit"
    assert decoder.read(clip, num_segments=1).frames.shape[0] == 1


def test_limits_reach_the_child(clip):
    with media.DecoderProcess(MediaLimits(max_pixels=1000)) as decoder:
        with pytest.raises(MediaError) as error:
            decoder.read(clip, num_segments=1)
    assert error.value.reason == "too_large"


def test_a_bug_is_not_a_reject(decoder, clip):
    with pytest.raises(RuntimeError, match=r"clip\.mp4(.|\n)*ValueError: `num_segments` must be"):
        decoder.read(clip, num_segments=0)
    assert decoder.read(clip, num_segments=1).frames.shape[0] == 1


def test_an_interrupted_read_leaves_nothing_for_the_next(decoder, clip, tmp_path):
    decoder.read(clip, num_segments=1)
    pid = pid_of(decoder)

    def interrupt(*_):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        os.kill(pid, signal.SIGSTOP)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            decoder.read(clip, num_segments=1)
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert not is_alive(pid)
    with pytest.raises(MediaError, match="other.mp4: there is no such file"):
        decoder.read(tmp_path / "other.mp4")


def test_closing_ends_the_child_and_may_be_repeated(clip):
    decoder = media.DecoderProcess()
    decoder.close()
    decoder.read(clip, num_segments=1)
    pid = pid_of(decoder)
    assert is_alive(pid)
    decoder.close()
    decoder.close()
    assert not is_alive(pid)
    with decoder:
        decoder.read(clip, num_segments=1)
        pid = pid_of(decoder)
    assert not is_alive(pid)


def test_nothing_stays_open(clip):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        with media.DecoderProcess() as decoder:
            decoder.read(clip, num_segments=1)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("state", ["idle", "reading"])
def test_the_child_ends_with_its_parent(clip, tmp_path, state):
    # With a working directory and search path where a fresh interpreter finds no avel_tf.
    package = pathlib.Path(avel_tf.__file__).parent.parent
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, package, clip],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with parent:
        pid = int(parent.stdout.readline())
        if state == "reading":
            os.kill(pid, signal.SIGSTOP)
            parent.stdin.write(b"\n")
            parent.stdin.flush()
            assert parent.stdout.readline() == b"reading\n"
            time.sleep(0.2)
        assert is_alive(pid)
        parent.kill()
        parent.wait()
    if state == "reading":
        os.kill(pid, signal.SIGCONT)
    deadline = time.monotonic() + 60
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(pid)


def test_output_of_libraries_is_not_a_reply(clip, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("print('noise')")
    monkeypatch.syspath_prepend(tmp_path)
    with media.DecoderProcess() as decoder:
        assert decoder.read(clip, num_segments=1).frames.shape[0] == 1


def test_a_child_that_cannot_start_is_not_a_reject(clip, tmp_path, monkeypatch, capfd):
    (tmp_path / "av.py").write_text("raise ImportError('no decoder here')")
    monkeypatch.syspath_prepend(tmp_path)
    with media.DecoderProcess() as decoder:
        with pytest.raises(RuntimeError, match="does not start"):
            decoder.read(clip)
    assert "no decoder here" in capfd.readouterr().err


def test_the_child_imports_only_what_decoding_needs():
    code = (
        "import sys, avel_tf.media.decoder_child\n"
        "heavy = {'tensorflow', 'tensorflow_io', 'keras', 'apache_beam', 'scipy', 'h5py'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    package = pathlib.Path(avel_tf.__file__).parent.parent
    subprocess.run([sys.executable, "-c", code], cwd=package, check=True)
