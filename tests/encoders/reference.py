"""Reference encoders in float64 NumPy, written from their published definitions."""

import numpy as np

VGG19_BLOCKS = [2, 2, 4, 4, 4]  # convolutions before each pooling
VGGISH_BLOCKS = [1, 1, 2, 2]


def log_mel(second):
    """Computes the log-mel spectrogram (96, 64) of 16,000 samples, each sum written out."""
    n = np.arange(400)
    window = np.sin(np.pi * n / 400) ** 2
    frames = np.stack([second[160 * t : 160 * t + 400] for t in range(96)]) * window
    fourier = np.exp(-2j * np.pi * np.outer(n, np.arange(257)) / 512)
    return np.log(np.abs(frames @ fourier) @ mel_weights() + 0.01)


def mel_weights():
    """Computes the weights (257, 64) of the FFT's bins in the mel bands."""
    mel = lambda hz: 1127 * np.log(1 + hz / 700)  # noqa: E731
    edges = [mel(125) + (mel(7500) - mel(125)) * band / 65 for band in range(66)]
    weights = np.zeros((257, 64))
    for k in range(1, 257):
        m = mel(k * 16000 / 512)
        for band in range(64):
            low, centre, high = edges[band : band + 3]
            if low < m <= centre:
                weights[k, band] = (m - low) / (centre - low)
            elif centre < m < high:
                weights[k, band] = (high - m) / (high - centre)
    return weights


def vgg19(weights, frames):
    """Computes the mean feature map (T, 7, 7, 512) of segments of RGB frames."""
    pixels = frames[..., ::-1] - np.array([103.939, 116.779, 123.68])
    maps = [convolutional(weights, segment, VGG19_BLOCKS) for segment in pixels]
    return np.stack(maps).mean(axis=1)


def vggish(weights, waveform):
    """Computes embeddings (T, 128) of seconds (T, 16000), after the ReLU, without PCA."""
    x = np.stack([log_mel(second) for second in waveform])[..., None]
    x = convolutional(weights[:12], x, VGGISH_BLOCKS)  # (T, 6, 4, 512)
    x = x.reshape(len(x), -1)
    for kernel, bias in pairs(weights[12:]):
        x = np.maximum(x @ kernel.astype(np.float64) + bias, 0)
    return x


def convolutional(weights, x, blocks):
    layers = pairs(weights)
    for num_convolutions in blocks:
        for _ in range(num_convolutions):
            x = rectified_convolution(x, *next(layers))
        x = pooled(x)
    assert next(layers, None) is None
    return x


def rectified_convolution(x, kernel, bias):
    """Convolves 3 x 3, stride 1, zero-padded: the sum of nine shifted matrix products."""
    _, height, width, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    total = bias.astype(np.float64)
    for row in range(3):
        for column in range(3):
            shifted = padded[:, row : row + height, column : column + width]
            total = total + shifted @ kernel[row, column].astype(np.float64)
    return np.maximum(total, 0)


def pooled(x):
    """Takes the largest of each 2 x 2."""
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def pairs(weights):
    """Pairs the kernel and bias of each layer."""
    return zip(weights[::2], weights[1::2], strict=True)
