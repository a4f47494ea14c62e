"""Pictures at the size that the encoders take."""

import functools

import numpy as np

WEIGHT_BITS = 11  # of OpenCV's weights; four more are dropped between its two passes
ONE = 1 << WEIGHT_BITS
ROWS_AT_ONCE = 56  # arrays as small as these are not mapped and returned each time


def resize_bilinear(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes as OpenCV's `INTER_LINEAR` does, to the last bit.

    Each pixel is made of the four nearest ones, also where a picture shrinks: others are skipped,
    so that fine patterns alias. Half the size exactly is the mean of two by two, as there.

    Args:
        picture: uint8 array (H, W, C).
        height: Integer.
        width: Integer.
    Returns:
        uint8 array (height, width, C).
    """
    in_height, in_width, channels = picture.shape
    if (in_height, in_width) == (2 * height, 2 * width):
        blocks = picture.reshape(height, 2, width, 2, -1).sum(axis=(1, 3), dtype=np.int32)
        return ((blocks + 2) >> 2).astype(np.uint8)
    (above, below), (top, bottom) = _taps(in_height, height)
    (left, right), weights = _taps(in_width, width)
    # Beyond the first and last column there is one neighbour, but two rows that are the same.
    to_left, to_right = np.where(left == right, [[ONE], [0]], weights).astype(np.int32)
    # Channels are columns of their own: NumPy is slow on axes as short as theirs.
    left, right = (
        (each[:, None] * channels + np.arange(channels)).ravel() for each in (left, right)
    )
    to_left, to_right = (each.repeat(channels) for each in (to_left, to_right))
    lines = picture.reshape(in_height, -1)

    def between_columns(rows: np.ndarray) -> np.ndarray:
        taken = lines[rows]
        return (taken.take(left, axis=1) * to_left + taken.take(right, axis=1) * to_right) >> 4

    resized = np.empty((height, width * channels), np.uint8)
    for start in range(0, height, ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        mixed = between_columns(above[rows]) * top[rows, None] >> 16
        mixed += between_columns(below[rows]) * bottom[rows, None] >> 16
        resized[rows] = (mixed + 2) >> 2
    return resized.reshape(height, width, channels)


@functools.cache
def _taps(length: int, num_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the indices and the int32 weights of the two neighbours of each output: (2, N)."""
    places = ((np.arange(num_out) + 0.5) * (length / num_out) - 0.5).astype(np.float32)
    first = np.floor(places)
    share = places - first
    weights = np.rint(np.stack([1 - share, share]) * np.float32(ONE)).astype(np.int32)
    return np.clip([first, first + 1], 0, length - 1).astype(int), weights
