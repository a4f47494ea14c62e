"""Numbers that need no model: what they tell about an event, its content does not have to."""

import numpy as np

AUDIO_STATISTICS = ("mean", "norm", "maximum", "share of zeros", "change")
VISUAL_STATISTICS = (*AUDIO_STATISTICS, "spatial deviation", "evenness")


def audio_statistics(features: np.ndarray) -> np.ndarray:
    """Computes scalars of each second of a sound.

    Args:
        features: Float array (T, D).
    Returns:
        Float array (T, 5), in the order of `AUDIO_STATISTICS`. The change is the mean distance to
        the seconds before and after.
    """
    return np.stack([*_of_values(features), _change(features)], axis=1)


def visual_statistics(features: np.ndarray) -> np.ndarray:
    """Computes scalars of each second of a picture.

    Args:
        features: Float array (T, H, W, C).
    Returns:
        Float array (T, 7), in the order of `VISUAL_STATISTICS`: as for sounds, the change being
        that of the map's mean; the standard deviation over regions, averaged over channels; and
        the same after each region was divided by its own total, which shows how alike they are.
    """
    regions = features.reshape(len(features), -1, features.shape[-1])  # (T, HW, C)
    totals = regions.sum(axis=2, keepdims=True)
    shares = regions / np.where(totals == 0, 1, totals)
    return np.stack(
        [
            *_of_values(regions.reshape(len(regions), -1)),
            _change(regions.mean(axis=1)),
            regions.std(axis=1).mean(axis=1),
            shares.std(axis=1).mean(axis=1),
        ],
        axis=1,
    )


def _of_values(features: np.ndarray) -> tuple[np.ndarray, ...]:
    norm = np.linalg.norm(features, axis=1)
    return features.mean(axis=1), norm, features.max(axis=1), np.mean(features == 0, axis=1)


def _change(features: np.ndarray) -> np.ndarray:
    """Averages the distances (T,) to the one or two neighbours in time; 0 if there are none."""
    steps = np.linalg.norm(np.diff(features, axis=0), axis=1)
    total, count = np.zeros((2, len(features)))
    total[1:] += steps
    total[:-1] += steps
    count[1:] += 1
    count[:-1] += 1
    return total / np.maximum(count, 1)
