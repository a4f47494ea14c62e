"""Generative model of simulated segment features, explained in docs/simulation.md.

The content of a record is a point in a latent space, which each modality sees through its own
nonlinear map. Every feature is a monotone function of a standard normal variable, so that its
distribution is exactly the specified one, whatever the content.
"""

import dataclasses

import numpy as np
from scipy import special

from avel_tf.ave import NUM_CATEGORIES, NUM_SEGMENTS
from avel_tf.utils.arguments import check_fraction, check_positive

AUDIO_WIDTH, VISUAL_WIDTH, MAP_SIZE = 128, 512, 7
LATENT_WIDTH = 24  # of content, of the part private to a modality, and of scenes
HIDDEN_WIDTH = 96  # of the maps to features
REGION_SHARE = 0.1  # of the visual scene's variance that belongs to single regions
SCALE_SPREAD = 0.25  # of the scale's logarithm, among equally active features
WEIBULL_POWER = 0.88


@dataclasses.dataclass(frozen=True)
class FeatureModelConfig:
    """Strength of each cause of the features, relative to the scene's variance of 1.

    Args:
        category_share: Float in [0, 1]. Share of the content's variance that comes from the
            category; the rest is specific to the record.
        audio_private_share: Float in [0, 1]. Share of the event's variance in the sound that the
            image does not share.
        visual_private_share: Float in [0, 1]. The same for the image.
        audio_event: Float. Variance that the event adds to the sound while it is heard.
        visual_event: Float. Variance that it adds to the regions it occupies while it is seen.
        outside: Float in [0, 1]. Strength of the event in other regions, relative to those it
            occupies.
        audio_noise: Float. Variance that is new each second.
        visual_noise: Float. Variance that is new each second in each region.
        drift: Float in [0, 1]. Share of all content that changes slowly within a record.
        heard_only: Float in [0, 1]. Probability that the object is only heard in the background
            on one side of an event.
        seen_only: Float in [0, 1]. Probability that it is only seen there; otherwise it is
            neither.
    Raises:
        ValueError: If a value is out of range.
    """

    category_share: float = 0.6
    audio_private_share: float = 0.49
    visual_private_share: float = 0.53
    audio_event: float = 3.5
    visual_event: float = 1.2
    outside: float = 0.5
    audio_noise: float = 1.8
    visual_noise: float = 0.2
    drift: float = 0.2
    heard_only: float = 0.35
    seen_only: float = 0.35

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            check = check_positive if name.endswith(("event", "noise")) else check_fraction
            check(name, value)


class FeatureModel:
    """Draws the segment features of one record at a time, determined by the seed and its row.

    Args:
        seed: Integer. Seed of the maps and of every record.
        config: `FeatureModelConfig`.
    """

    def __init__(self, seed: int, config: FeatureModelConfig = FeatureModelConfig()):
        self._seed = seed
        self._config = config
        random = np.random.default_rng([seed, 0])
        self._categories = random.standard_normal((NUM_CATEGORIES, LATENT_WIDTH), np.float32)
        self._audio_event = _Map(AUDIO_WIDTH, random)
        self._visual_event = _Map(VISUAL_WIDTH, random)
        self._audio_scene = _Map(AUDIO_WIDTH, random)
        self._visual_scene = _Map(VISUAL_WIDTH, random)
        # Fitted to 178 clips of AVE, see docs/simulation.md.
        self._audio_marginal = _Marginal(AUDIO_WIDTH, (0.68, 1.3), -1.96, 1.5)
        # Assumed: three quarters zeros, positive values around 1.
        self._visual_marginal = _Marginal(VISUAL_WIDTH, (1.0, 3.0), -0.3, 1.0)

    def record(
        self, row: int, category: int | None, start_seconds: int, end_seconds: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws the segment features of one record.

        Args:
            row: Integer. Number of the record.
            category: Integer, or None for a clip without an event, whose sound and image are
                unrelated.
            start_seconds: Integer. First second of the event.
            end_seconds: Integer. Second after its last.
        Returns:
            Float32 arrays (10, 128) and (10, 7, 7, 512).
        """
        random = np.random.default_rng([self._seed, 1, row])
        if category is None:
            heard, seen = (np.full(NUM_SEGMENTS, random.integers(2)) for _ in range(2))
            content, other = (
                self._content(random.integers(NUM_CATEGORIES), random) for _ in range(2)
            )
        else:
            heard, seen = self._presence(start_seconds, end_seconds, random)
            content = other = self._content(category, random)
        return self._audio(content, heard, random), self._visual(other, seen, random)

    def _content(self, category: int, random: np.random.Generator) -> np.ndarray:
        """Draws (T, latent): the category's part and the record's own, which drifts."""
        share = self._config.category_share
        own = self._drifting(LATENT_WIDTH, random)
        return np.sqrt(share) * self._categories[category] + np.sqrt(1 - share) * own

    def _view(
        self, content: np.ndarray, private_share: float, random: np.random.Generator
    ) -> np.ndarray:
        """Mixes (T, latent): the content, and a part private to one modality."""
        private = self._drifting(LATENT_WIDTH, random)
        return np.sqrt(1 - private_share) * content + np.sqrt(private_share) * private

    def _drifting(self, width: int, random: np.random.Generator) -> np.ndarray:
        """Draws (T, width) of unit variance: constant except for a slowly changing part."""
        fixed = random.standard_normal((1, width), np.float32)
        walk = np.cumsum(random.standard_normal((NUM_SEGMENTS, width), np.float32), axis=0)
        walk /= np.sqrt(np.arange(1, NUM_SEGMENTS + 1, dtype=np.float32))[:, None]
        return np.sqrt(1 - self._config.drift) * fixed + np.sqrt(self._config.drift) * walk

    def _presence(
        self, start: int, end: int, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws the share of each second in which the event is heard and seen: (T,) each.

        Sound and image are out of sync by up to a second. In the background on either side of the
        event, the object is only heard, only seen, or neither.
        """
        seconds = np.arange(NUM_SEGMENTS)
        is_event = (seconds >= start) & (seconds < end)
        only = {"heard": np.zeros(NUM_SEGMENTS), "seen": np.zeros(NUM_SEGMENTS)}
        for side in (seconds < start, seconds >= end):
            draw = random.random()
            if draw < self._config.heard_only:
                only["heard"][side] = 1
            elif draw < self._config.heard_only + self._config.seen_only:
                only["seen"][side] = 1
        lag = random.uniform(-1, 1)
        heard, seen = is_event + only["heard"], is_event + only["seen"]
        return (heard, _delayed(seen, lag)) if lag > 0 else (_delayed(heard, -lag), seen)

    def _audio(
        self, content: np.ndarray, heard: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        config = self._config
        event = self._audio_event(self._view(content, config.audio_private_share, random))
        scene = self._audio_scene(self._drifting(LATENT_WIDTH, random))
        noise = random.standard_normal(scene.shape, np.float32)
        weights = np.sqrt(config.audio_event) * heard[:, None]
        mixed = weights * event + scene + np.sqrt(config.audio_noise) * noise
        return self._audio_marginal(mixed / np.sqrt(weights**2 + 1 + config.audio_noise))

    def _visual(
        self, content: np.ndarray, seen: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        config = self._config
        event = self._visual_event(self._view(content, config.visual_private_share, random))
        scene = self._visual_scene(self._drifting(LATENT_WIDTH, random))
        # Parts of the scene stay in their regions, (1, 49, 512).
        places = random.standard_normal((1, MAP_SIZE**2, LATENT_WIDTH), np.float32)
        scene = np.sqrt(1 - REGION_SHARE) * scene[:, None] + np.sqrt(
            REGION_SHARE
        ) * self._visual_scene(places)
        noise = random.standard_normal((*scene.shape[:2], VISUAL_WIDTH), np.float32)
        weights = np.sqrt(config.visual_event) * seen[:, None, None] * self._occupied(random)
        mixed = weights * event[:, None] + scene + np.sqrt(config.visual_noise) * noise
        mixed /= np.sqrt(weights**2 + 1 + config.visual_noise)
        features = self._visual_marginal(mixed)
        return features.reshape(NUM_SEGMENTS, MAP_SIZE, MAP_SIZE, VISUAL_WIDTH)

    def _occupied(self, random: np.random.Generator) -> np.ndarray:
        """Draws (T, 49, 1): 1 in the object's regions, `outside` elsewhere."""
        size = random.integers(2, 5, 2)
        corner = random.uniform(0, MAP_SIZE - size, (2, 2))  # at the start and at the end
        path = np.linspace(corner[0], corner[0] + 0.5 * (corner[1] - corner[0]), NUM_SEGMENTS)
        path = path.round().astype(int)[:, :, None]  # (T, axis, 1)
        places = np.arange(MAP_SIZE)
        inside = (places >= path) & (places < path + size[:, None])  # (T, axis, 7)
        inside = inside[:, 0, :, None] & inside[:, 1, None, :]
        occupied = np.where(inside, 1.0, self._config.outside)
        return occupied.reshape(NUM_SEGMENTS, MAP_SIZE**2, 1).astype(np.float32)


def _delayed(presence: np.ndarray, lag: float) -> np.ndarray:
    """Delays presence (T,) by `lag` seconds, a fraction of one."""
    before = np.concatenate([presence[:1], presence[:-1]])
    return (1 - lag) * presence + lag * before


class _Map:
    """Fixed random map from a standard normal latent point to features of unit variance."""

    def __init__(self, width: int, random: np.random.Generator):
        first = random.standard_normal((LATENT_WIDTH, HIDDEN_WIDTH), np.float32)
        self._first = 1.5 * first / np.linalg.norm(first, axis=0)
        self._last = random.standard_normal((HIDDEN_WIDTH, width), np.float32)
        sample = random.standard_normal((4096, LATENT_WIDTH), np.float32)
        self._last /= (np.tanh(sample @ self._first) @ self._last).std(axis=0)

    def __call__(self, latent: np.ndarray) -> np.ndarray:
        return np.tanh(latent @ self._first) @ self._last


class _Marginal:
    """Turns standard normal variables into features after a ReLU: zeros, and Weibull values above.

    Features differ widely in how often and how strongly they respond. These properties of each
    feature are the same for every seed.

    Args:
        width: Integer. Number of features.
        activity: Tuple of floats. Beta distribution of a feature's share of values above zero.
        offset: Float. Logarithm of the scale of those values for a feature that is never active.
        slope: Float. Increase of this logarithm with the activity.
    """

    def __init__(self, width: int, activity: tuple[float, float], offset: float, slope: float):
        random = np.random.default_rng(0)
        quantiles = (np.arange(width) + 0.5) / width
        shares = random.permutation(special.betaincinv(*activity, quantiles)).clip(1e-3, 1 - 1e-3)
        spread = SCALE_SPREAD * random.permutation(special.ndtri(quantiles))
        self._log_activity = np.log(shares).astype(np.float32)
        self._scale = np.exp(offset + slope * shares + spread).astype(np.float32)

    def __call__(self, normal: np.ndarray) -> np.ndarray:
        share_above = special.ndtr(-normal.astype(np.float32))  # uniform; the smaller, the stronger
        exponential = np.maximum(self._log_activity - np.log(share_above), 0)
        return self._scale * exponential**WEIBULL_POWER
