"""Appearance and sound of the simulated events: shapes and tones named after AVE's categories."""

import dataclasses
from collections.abc import Callable

import numpy as np

Shape = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Appearance:
    """Look and sound of a category, before each clip varies them.

    Args:
        shape: Function from coordinates in [-1, 1] (right, down) to the object's mask.
        hue: Float in [0, 1).
        partials_hz: Tuple of floats. Frequencies of its tones.
        noise_hz: Pair of floats. Band of its noise; empty if equal.
        pulses_per_second: Float. Rate of its beats; 0 if it sounds continuously.
        decay_seconds: Float. Decay time of a beat.
    """

    shape: Shape
    hue: float
    partials_hz: tuple[float, ...] = ()
    noise_hz: tuple[float, float] = (0.0, 0.0)
    pulses_per_second: float = 0.0
    decay_seconds: float = 1.0


def harmonics(fundamental_hz: float, count: int) -> tuple[float, ...]:
    """Returns the first `count` multiples of a frequency."""
    return tuple(fundamental_hz * number for number in range(1, count + 1))


APPEARANCES = {
    "Church bell": Appearance(
        shape=lambda x, y: (np.abs(x) < (y + 1) / 2) & (y < 0.9),  # triangle
        hue=0.13,
        partials_hz=(300, 600, 720, 1110),
        pulses_per_second=1.5,
        decay_seconds=0.5,
    ),
    "Male speech, man speaking": Appearance(
        shape=lambda x, y: (x / 0.7) ** 2 + y**2 < 1,  # ellipse
        hue=0.02,
        partials_hz=harmonics(120, 12),
        pulses_per_second=4,
        decay_seconds=0.15,
    ),
    "Bark": Appearance(
        shape=lambda x, y: np.abs(x) + np.abs(y) < 1,  # diamond
        hue=0.75,
        noise_hz=(400, 1500),
        pulses_per_second=2.5,
        decay_seconds=0.1,
    ),
    "Helicopter": Appearance(
        shape=lambda x, y: np.minimum(np.abs(x), np.abs(y)) < 0.3,  # cross
        hue=0.6,
        noise_hz=(60, 400),
        pulses_per_second=11,
        decay_seconds=0.05,
    ),
    "Violin, fiddle": Appearance(
        shape=lambda x, y: np.abs(x) < 0.25 + 0.6 * y**2,  # waisted
        hue=0.07,
        partials_hz=harmonics(660, 6),
    ),
    "Frying (food)": Appearance(
        shape=lambda x, y: (x**2 + y**2 < 1) & (x**2 + y**2 > 0.4),  # ring
        hue=0.9,
        noise_hz=(3500, 7500),
    ),
    "Train horn": Appearance(
        shape=lambda x, y: np.maximum(np.abs(x), np.abs(y)) < 0.85,  # square
        hue=0.33,
        partials_hz=(311, 370, 415, 622, 740),
    ),
    "Clock": Appearance(
        shape=lambda x, y: (x**2 + y**2 < 1) & ~((x > 0) & (y < 0)),  # disk without a quarter
        hue=0.48,
        noise_hz=(2000, 4000),
        pulses_per_second=3,
        decay_seconds=0.03,
    ),
}
SIMULATED_CATEGORIES = tuple(APPEARANCES)
