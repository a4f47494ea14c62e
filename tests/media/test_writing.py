import numpy as np

from avel_tf import media


def grey_levels(num_frames):
    """Yields frames (48, 64, 3), each as bright as its number."""
    return [np.full((48, 64, 3), number % 250, np.uint8) for number in range(num_frames)]


def clicks():
    """Makes ten seconds with a short tone in the middle of each."""
    seconds = np.arange(160000) / 16000
    return 0.5 * np.sin(2 * np.pi * 1000 * seconds) * (abs(seconds % 1 - 0.5) < 0.01)


def write(path):
    media.write_clip(
        path, grey_levels(250), size=(48, 64), fps=25, waveform=clicks(), sample_rate_hz=16000
    )
    return path


def test_frames_and_sound_come_back_in_their_seconds(tmp_path):
    path = write(tmp_path / "clip.mp4")
    brightness = media.read_frames(path, size=(48, 64)).mean(axis=(2, 3, 4))
    np.testing.assert_allclose(brightness, media.segment_frame_indices(250), atol=4)
    waveform = media.read_waveform(path)
    centres = (np.arange(16000) * waveform**2).sum(axis=1) / (waveform**2).sum(axis=1)
    np.testing.assert_allclose(centres, 8000, atol=50)  # AAC's own delay would be 1024 or more


def test_the_same_input_makes_the_same_file(tmp_path):
    assert write(tmp_path / "a.mp4").read_bytes() == write(tmp_path / "b.mp4").read_bytes()
