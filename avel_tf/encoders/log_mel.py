"""Log-mel spectrogram, the input that VGGish and YAMNet were trained on."""

import functools

import numpy as np

SAMPLE_RATE_HZ = 16000
WINDOW_SAMPLES = 400  # 25 ms
HOP_SAMPLES = 160  # 10 ms
FFT_LENGTH = 512
NUM_FRAMES = 96
NUM_MEL_BANDS = 64
LOWEST_HZ = 125.0
HIGHEST_HZ = 7500.0
LOG_OFFSET = 0.01


def log_mel_spectrogram(waveform: np.ndarray, log_offset: float = LOG_OFFSET) -> np.ndarray:
    """Computes the log-mel spectrogram of each second of sound.

    Magnitudes of a short-time Fourier transform (25 ms periodic Hann window, 10 ms hop) in 64
    HTK mel bands from 125 to 7500 Hz, then log(mel + `log_offset`). A second has 98 frames, of
    which VGGish and YAMNet take the first 96.

    Args:
        waveform: Float array (T, 16000) in [-1, 1], one second per row, at 16 kHz.
        log_offset: Float. VGGish's, or another.
    Returns:
        float32 array (T, 96, 64): time, then frequency.
    Raises:
        ValueError: If a row is not one second.
    Reference: Hershey et al., "CNN architectures for large-scale audio classification",
        ICASSP 2017.
    """
    if waveform.ndim != 2 or waveform.shape[1] != SAMPLE_RATE_HZ:
        raise ValueError(
            f"`waveform` must have shape (T, {SAMPLE_RATE_HZ}). Received: {waveform.shape}."
        )
    frames = np.lib.stride_tricks.sliding_window_view(waveform, WINDOW_SAMPLES, axis=1)
    frames = frames[:, ::HOP_SAMPLES][:, :NUM_FRAMES]  # (T, 96, 400)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)
    magnitudes = np.abs(np.fft.rfft(frames * window, FFT_LENGTH))  # (T, 96, 257)
    return np.log(magnitudes @ mel_matrix() + log_offset).astype(np.float32)


@functools.cache  # a constant, 132 kB
def mel_matrix() -> np.ndarray:
    """Returns the weight (257, 64) of each FFT bin in each mel band: triangles on the HTK scale."""
    bins = _hz_to_mel(np.linspace(0, SAMPLE_RATE_HZ / 2, FFT_LENGTH // 2 + 1))[:, None]
    edges = np.linspace(_hz_to_mel(LOWEST_HZ), _hz_to_mel(HIGHEST_HZ), NUM_MEL_BANDS + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    # The lowest band starts above 0 Hz, so the DC bin is in none.
    return np.maximum(0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))


def _hz_to_mel(hz: np.ndarray | float) -> np.ndarray:
    return 1127 * np.log1p(np.asarray(hz) / 700)
