"""Frames that are the same, as in slide shows and still pictures."""

import numpy as np


def distinct_frames(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the different ones among frames.

    Args:
        frames: Array (N, …).
    Returns:
        Integer array (D,), where each different frame comes first, in this order; and integer array
        (N,), for each frame the place of its like among these.
    """
    seen: dict[bytes, int] = {}
    places = np.array([seen.setdefault(frame.tobytes(), len(seen)) for frame in frames], int)
    return np.unique(places, return_index=True)[1], places
