import struct
import wave

import av
import numpy as np
import pytest

from avel_tf import media
from avel_tf.errors import MediaError


def write_wav(path, samples, rate_hz):
    """Writes 16-bit samples (N, channels)."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(-9000, 9000, (160000, 2))


def test_samples_are_the_mean_of_the_channels_divided_by_32768(tmp_path, noise):
    waveform = media.read_waveform(write_wav(tmp_path / "stereo.wav", noise, 16000))
    assert waveform.shape == (10, 16000)
    assert waveform.dtype == np.float32
    np.testing.assert_array_equal(waveform.ravel(), (noise / 32768).mean(axis=1))


def test_sound_beyond_the_last_segment_is_ignored(tmp_path, noise):
    longer = write_wav(tmp_path / "longer.wav", np.concatenate([noise, noise[:125]]), 16000)
    exact = write_wav(tmp_path / "exact.wav", noise, 16000)
    np.testing.assert_array_equal(media.read_waveform(longer), media.read_waveform(exact))


def test_missing_milliseconds_are_silence(tmp_path, noise):
    path = write_wav(tmp_path / "shorter.wav", noise[:-400], 16000)
    waveform = media.read_waveform(path)
    np.testing.assert_array_equal(waveform[9, -400:], 0)
    np.testing.assert_array_equal(waveform.ravel()[:-400], (noise[:-400] / 32768).mean(axis=1))


def test_a_segment_of_mostly_no_sound_is_too_short(tmp_path, noise):
    path = write_wav(tmp_path / "short.wav", noise[: 16000 * 9 + 7000], 16000)
    with pytest.raises(MediaError, match=r"short\.wav: segment 9 of 10 has 0\.44 s") as error:
        media.read_waveform(path)
    assert error.value.reason == "too_short"
    assert media.read_waveform(path, num_segments=9).shape == (9, 16000)


def test_each_second_is_resampled_separately(tmp_path):
    noise = np.random.default_rng(1).integers(-9000, 9000, (441000, 1))
    changed = noise.copy()
    changed[44100:88200] = 0
    first = media.read_waveform(write_wav(tmp_path / "first.wav", noise, 44100))
    second = media.read_waveform(write_wav(tmp_path / "second.wav", changed, 44100))
    assert np.abs(first[1]).max() > 0.1
    np.testing.assert_array_equal(second[1], 0)
    np.testing.assert_array_equal(first[[0, *range(2, 10)]], second[[0, *range(2, 10)]])


def test_sound_is_placed_by_its_timestamps(write_clip, noise):
    path = write_clip("late.mkv", np.arange(250) / 25, sound=noise[:, 0], sound_start=0.25)
    waveform = media.read_waveform(path).ravel()
    np.testing.assert_array_equal(waveform[:4000], 0)
    np.testing.assert_allclose(waveform[4000:], noise[: 160000 - 4000, 0] / 32768, atol=1e-7)


def write_float_wav(path, samples, dtype):
    data = samples.astype(dtype).tobytes()
    size = np.dtype(dtype).itemsize
    header = struct.pack(
        "<4sI8sIHHIIHH4sI",
        *(b"RIFF", 36 + len(data), b"WAVEfmt ", 16, 3, 1, 8000, 8000 * size, size, 8 * size),
        *(b"data", len(data)),
    )
    path.write_bytes(header + data)


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, 70_000, -70_000])
def test_sound_that_is_not_numbers_is_damaged(tmp_path, value, dtype):
    samples = np.zeros(8000)
    samples[4321] = value
    write_float_wav(tmp_path / "clip.wav", samples, dtype)
    with pytest.raises(MediaError, match="its sound at .* s has samples that are NaN or") as error:
        media.read_waveform(tmp_path / "clip.wav", num_segments=1)
    assert error.value.reason == "damaged"


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_sound_beyond_full_scale_is_clipped_as_players_do(tmp_path, dtype):
    samples = np.array([0.5, 1.5, -40000.0, 0.25] * 2000)
    write_float_wav(tmp_path / "clip.wav", samples, dtype)
    sound = media.read_clip(tmp_path / "clip.wav", num_segments=1).sound
    np.testing.assert_allclose(sound[0, :4], [0.5, 1, -1, 0.25], atol=1e-4)


@pytest.mark.parametrize("junk", [bytes(4096), b"\xff" * 4096, b"noise" * 819])
def test_a_broken_part_of_an_mp3_file_is_damage(write_clip, noise, junk):
    path = write_clip("clip.mp3", sound=noise[:, 0], audio_codec="libmp3lame")
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + junk + data[middle + len(junk) :])
    with pytest.raises(MediaError, match=r"\d\.\d\d s of sound in segment \d is broken") as error:
        media.read_waveform(path, num_segments=9)
    assert error.value.reason == "damaged"


def test_a_broken_frame_of_sound_is_not_damage(write_clip, noise):
    path = write_clip("clip.mkv", sound=noise[:, 0], rate_hz=44100, audio_codec="aac")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packet = bytes([packet for packet in container.demux() if packet.size][12])
    place = data.index(packet) + len(packet) // 3
    data[place : place + 40] = bytes(40)
    path.write_bytes(data)
    sound = media.read_waveform(path, num_segments=3, sample_rate_hz=44100)
    assert 0.02 < (sound == 0).mean(axis=1).max() < 0.05


def test_other_sampling_rates_can_be_requested(tmp_path, noise):
    path = write_wav(tmp_path / "clip.wav", noise, 16000)
    assert media.read_waveform(path, sample_rate_hz=8000).shape == (10, 8000)
    with pytest.raises(ValueError, match=r"`sample_rate_hz` must be a positive integer.*=0"):
        media.read_waveform(path, sample_rate_hz=0)


def test_missing_sound_is_an_error_not_silence(real_data):
    with pytest.raises(MediaError, match=r"carphone_pristine\.mp4.*no audio") as error:
        media.read_waveform(real_data / "clips" / "carphone_pristine.mp4", num_segments=4)
    assert error.value.reason == "no_audio"


def test_real_sound_of_any_layout_is_read(real_data):
    clips = {
        "bigbuckbunny.mp4": 5,  # AAC, 5.1, 48 kHz
        "decord_flipping_a_pancake.mkv": 10,  # Opus, mono, 48 kHz
        "llp_BjCEufrlXm4.mp4": 10,  # AAC, stereo, 44.1 kHz
        "torchcodec_nasa_13013.mp4": 10,  # AAC, stereo, 16 kHz
    }
    for name, num_segments in clips.items():
        waveform = media.read_waveform(real_data / "clips" / name, num_segments=num_segments)
        assert waveform.shape == (num_segments, 16000), name
        assert waveform.std(axis=1).min() > 1e-4, name
