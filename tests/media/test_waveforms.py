import wave

import numpy as np
import pytest

from avel_tf import media


def write_wav(path, samples, rate_hz):
    """16-bit samples (N, channels)."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(-9000, 9000, (160000, 2))


def test_samples_are_the_mean_of_the_channels_over_32768(tmp_path, noise):
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
    with pytest.raises(media.MediaError, match=r"short\.wav: segment 9 of 10 has 0\.44 s") as error:
        media.read_waveform(path)
    assert error.value.reason == "too_short"
    assert media.read_waveform(path, num_segments=9).shape == (9, 16000)


def test_each_second_is_resampled_on_its_own(tmp_path):
    noise = np.random.default_rng(1).integers(-9000, 9000, (441000, 1))
    changed = noise.copy()
    changed[44100:88200] = 0
    first = media.read_waveform(write_wav(tmp_path / "first.wav", noise, 44100))
    second = media.read_waveform(write_wav(tmp_path / "second.wav", changed, 44100))
    assert np.abs(first[1]).max() > 0.1
    np.testing.assert_array_equal(second[1], 0)
    np.testing.assert_array_equal(first[[0, *range(2, 10)]], second[[0, *range(2, 10)]])


def test_sound_lies_where_its_time_stamps_put_it(write_clip, noise):
    path = write_clip("late.mkv", np.arange(250) / 25, sound=noise[:, 0], sound_start=0.25)
    waveform = media.read_waveform(path).ravel()
    np.testing.assert_array_equal(waveform[:4000], 0)
    np.testing.assert_allclose(waveform[4000:], noise[: 160000 - 4000, 0] / 32768, atol=1e-7)


def test_other_sampling_rates_can_be_asked_for(tmp_path, noise):
    path = write_wav(tmp_path / "clip.wav", noise, 16000)
    assert media.read_waveform(path, sample_rate_hz=8000).shape == (10, 8000)
    with pytest.raises(ValueError, match=r"`sample_rate_hz` must be a positive integer.*=0"):
        media.read_waveform(path, sample_rate_hz=0)


def test_no_sound_is_an_error_and_never_silence(real_data):
    with pytest.raises(media.MediaError, match=r"carphone_pristine\.mp4.*no audio") as error:
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
