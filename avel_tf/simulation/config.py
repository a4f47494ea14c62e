"""Configuration of a simulated dataset."""

import dataclasses

from avel_tf.simulation.categories import SIMULATED_CATEGORIES
from avel_tf.utils import arguments

MIN_CLIPS_PER_CATEGORY = 3  # one in each split
SAMPLE_RATES_HZ = (16000, 22050, 32000, 44100, 48000)  # those of AAC that VGGish's bands need


@dataclasses.dataclass(frozen=True)
class SimulationConfig:
    """Configuration of a simulated dataset; the same values give the same dataset.

    Args:
        num_clips: Integer. Clips in all splits together, spread evenly over the categories.
        num_categories: Integer. How many of `SIMULATED_CATEGORIES` to use, from the first on.
        seed: Integer. Seed of everything drawn at random.
        fps: Integer. Frames per second.
        width: Integer, even. Frame width in pixels.
        height: Integer, even. Frame height in pixels.
        sample_rate_hz: Integer. Sampling rate of the sound, one of `SAMPLE_RATES_HZ`.
    Raises:
        ValueError: If a value is out of range.
    """

    num_clips: int = 96
    num_categories: int = 8
    seed: int = 0
    fps: int = 25
    width: int = 160
    height: int = 120
    sample_rate_hz: int = 16000

    def __post_init__(self) -> None:
        for name in ("num_clips", "num_categories", "fps", "width", "height"):
            arguments.check_positive_integer(name, getattr(self, name))
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(
                f"`seed` must be a non-negative integer. Received: seed={self.seed!r}."
            )
        if self.sample_rate_hz not in SAMPLE_RATES_HZ:
            raise ValueError(
                f"`sample_rate_hz` must be one of {SAMPLE_RATES_HZ}. "
                f"Received: sample_rate_hz={self.sample_rate_hz!r}."
            )
        if self.num_categories > len(SIMULATED_CATEGORIES):
            raise ValueError(
                f"`num_categories` must be at most {len(SIMULATED_CATEGORIES)}. "
                f"Received: num_categories={self.num_categories}."
            )
        if self.num_clips < MIN_CLIPS_PER_CATEGORY * self.num_categories:
            raise ValueError(
                f"`num_clips` must be at least {MIN_CLIPS_PER_CATEGORY} for each of "
                f"{self.num_categories} categories. Received: num_clips={self.num_clips}."
            )
        for name in ("width", "height"):
            size = getattr(self, name)
            if size % 2 or size < 32:
                raise ValueError(
                    f"`{name}` must be an even number of at least 32. Received: {name}={size}."
                )
