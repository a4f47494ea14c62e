"""Generative model of simulated segment features, explained in docs/simulation.md.

A modality shows two objects at any time, before a scene: one in the foreground, which during an
event is the same in both modalities, and a distractor. Nothing in a single modality marks the
event: what is there before and after it is as strong, and changes at other times too.
"""

import dataclasses

import numpy as np

from avel_tf.ave import NUM_CATEGORIES, NUM_SEGMENTS
from avel_tf.simulation.feature_maps import LATENT_WIDTH, Marginal, ResponseMap
from avel_tf.utils.arguments import check_fraction, check_positive

AUDIO_WIDTH, VISUAL_WIDTH, MAP_SIZE = 128, 512, 7
NUM_KINDS = 10 * NUM_CATEGORIES  # of things in the world; the first are AVE's categories
REGION_SHARE = 0.1  # of the visual scene's variance that belongs to single regions


@dataclasses.dataclass(frozen=True)
class ModalityConfig:
    """Strength of each cause of a modality's features, as variance before they are scaled to 1.

    Args:
        event: Float. Of the foreground: the event, and what is there before and after it. In
            pictures, of the regions it occupies.
        distractor: Float. The same of the other object.
        scene: Float. Of the scene behind them.
        noise: Float. Of what is new each second; in pictures in each region.
        private_share: Float in [0, 1]. Share of an object's variance that the other modality does
            not have.
    Raises:
        ValueError: If a value is out of range.
    """

    event: float
    distractor: float
    scene: float
    noise: float
    private_share: float

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            check = check_fraction if name == "private_share" else check_positive
            check(name, value)


@dataclasses.dataclass(frozen=True)
class FeatureModelConfig:
    """Both modalities, and what they have in common.

    Args:
        audio: `ModalityConfig`.
        visual: `ModalityConfig`.
        category_share: Float in [0, 1]. Share of an object's content that comes from its
            category; the rest is its own.
        atypical: Float in [0, 1]. Probability that an object has nothing of its category.
        drift: Float in [0, 1]. Share of all content that changes slowly within a record.
        onsets: Float in [0, 1]. Probability each second that another distractor begins.
        cuts: Float in [0, 1]. Probability each second of a cut of the modality.
        scene_cut_share: Float in [0, 1]. Share of the scene that is new after a cut.
        private_cut_share: Float in [0, 1]. The same of the objects' private parts.
        gain_spread: Float in [0, 1]. Of the logarithm of an object's loudness or size.
        noise_spread: Float in [0, 1]. The same of the noise of a second.
        outside: Float in [0, 1]. Strength of an object in other regions, relative to those it
            occupies.
    Raises:
        ValueError: If a value is out of range.
    """

    audio: ModalityConfig = ModalityConfig(1.85, 1.6, 6.0, 2.75, 0.0)
    visual: ModalityConfig = ModalityConfig(1.25, 1.4, 4.0, 0.24, 0.16)
    category_share: float = 0.9
    atypical: float = 0.09
    drift: float = 0.1
    onsets: float = 0.2
    cuts: float = 0.3
    scene_cut_share: float = 0.3
    private_cut_share: float = 0.5
    gain_spread: float = 0.3
    noise_spread: float = 0.3
    outside: float = 0.55

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if field.type is float:
                check_fraction(field.name, getattr(self, field.name))


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
        kinds = random.standard_normal((NUM_KINDS, LATENT_WIDTH), np.float32)
        # Of one length, or some would be louder than others.
        self._kinds = kinds * np.sqrt(LATENT_WIDTH) / np.linalg.norm(kinds, axis=1, keepdims=True)
        # Fitted to 178 clips of AVE, see docs/simulation.md.
        self._audio_marginal = Marginal(AUDIO_WIDTH, (0.68, 1.3), -1.96, 1.5)
        # Assumed: three quarters zeros, positive values around 1.
        self._visual_marginal = Marginal(VISUAL_WIDTH, (1.0, 3.0), -0.3, 1.0)
        self._audio_object, self._audio_scene = (
            ResponseMap(self._audio_marginal, random) for _ in range(2)
        )
        self._visual_object, self._visual_scene = (
            ResponseMap(self._visual_marginal, random) for _ in range(2)
        )

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
            heard, seen = self._others(random), self._others(random)
        else:
            event = self._content(category, random)
            # Sound and image are out of sync by up to a second.
            lag = random.uniform(-1, 1)
            heard, seen = (
                self._with_others(event, category, start_seconds, end_seconds, late, random)
                for late in (max(lag, 0), max(-lag, 0))
            )
        return self._audio(heard, random), self._visual(seen, random)

    def _content(self, kind: int, random: np.random.Generator) -> np.ndarray:
        """Draws (T, latent): the category's part and the object's own, which drifts."""
        is_typical = random.random() >= self._config.atypical
        share = self._config.category_share * is_typical
        return np.sqrt(share) * self._kinds[kind] + np.sqrt(1 - share) * self._drifting(random)

    def _with_others(
        self,
        event: np.ndarray,
        category: int,
        start: int,
        end: int,
        late: float,
        random: np.random.Generator,
    ) -> np.ndarray:
        """Puts objects of other categories before and after the event: (T, latent).

        What begins comes `late`, a fraction of a second.
        """
        kinds = np.delete(np.arange(NUM_KINDS), category)
        before, after = (self._content(random.choice(kinds), random) for _ in range(2))
        seconds = np.arange(NUM_SEGMENTS)
        number = (seconds >= start).astype(int) + (seconds >= end)
        content = np.stack([before, event, after])[number, seconds]
        for second in np.flatnonzero(np.diff(number)) + 1:
            mixed = (1 - late) * content[second] + late * content[second - 1]
            content[second] = mixed / np.hypot(1 - late, late)
        return content

    def _others(self, random: np.random.Generator) -> np.ndarray:
        """Draws (T, latent): one object after the other."""
        number = _changes(self._config.onsets, random)
        contents = [
            self._content(random.integers(NUM_KINDS), random) for _ in range(number[-1] + 1)
        ]
        return np.stack(contents)[number, np.arange(NUM_SEGMENTS)]

    def _drifting(self, random: np.random.Generator) -> np.ndarray:
        """Draws (T, latent) of unit variance: constant except for a slowly changing part."""
        fixed = random.standard_normal((1, LATENT_WIDTH), np.float32)
        walk = np.cumsum(random.standard_normal((NUM_SEGMENTS, LATENT_WIDTH), np.float32), axis=0)
        walk /= np.sqrt(np.arange(1, NUM_SEGMENTS + 1, dtype=np.float32))[:, None]
        return np.sqrt(1 - self._config.drift) * fixed + np.sqrt(self._config.drift) * walk

    def _cut(self, share: float, cuts: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Draws (T, latent) of which a share is new after each cut."""
        new = random.standard_normal((cuts[-1] + 1, LATENT_WIDTH), np.float32)[cuts]
        return np.sqrt(1 - share) * self._drifting(random) + np.sqrt(share) * new

    def _views(
        self,
        foreground: np.ndarray,
        private_share: float,
        cuts: np.ndarray,
        random: np.random.Generator,
    ) -> np.ndarray:
        """Shows foreground and distractor, with a part that is private to the modality.

        Returns:
            Float array (2, T, latent).
        """
        contents = np.stack([foreground, self._others(random)])
        private = np.stack(
            [self._cut(self._config.private_cut_share, cuts, random) for _ in contents]
        )
        return np.sqrt(1 - private_share) * contents + np.sqrt(private_share) * private

    def _audio(self, foreground: np.ndarray, random: np.random.Generator) -> np.ndarray:
        config = self._config
        cuts = _changes(config.cuts, random)
        objects = self._audio_object(
            self._views(foreground, config.audio.private_share, cuts, random)
        )
        scene = self._audio_scene(self._cut(config.scene_cut_share, cuts, random))
        everywhere = np.ones((2, NUM_SEGMENTS, 1), np.float32)
        mixed = self._mixture(config.audio, objects, everywhere, scene[:, None], random)
        return self._audio_marginal(mixed[:, 0])

    def _visual(self, foreground: np.ndarray, random: np.random.Generator) -> np.ndarray:
        config = self._config
        cuts = _changes(config.cuts, random)
        objects = self._visual_object(
            self._views(foreground, config.visual.private_share, cuts, random)
        )
        scene = self._visual_scene(self._cut(config.scene_cut_share, cuts, random))
        # Parts of the scene stay in their regions.
        places = random.standard_normal((MAP_SIZE**2, LATENT_WIDTH), np.float32)
        scene = np.sqrt(1 - REGION_SHARE) * scene[:, None] + np.sqrt(
            REGION_SHARE
        ) * self._visual_scene(places)
        occupied = np.stack([self._occupied(cuts, random) for _ in objects])
        mixed = self._mixture(config.visual, objects, occupied, scene, random)
        features = self._visual_marginal(mixed)
        return features.reshape(NUM_SEGMENTS, MAP_SIZE, MAP_SIZE, VISUAL_WIDTH)

    def _mixture(
        self,
        config: ModalityConfig,
        objects: np.ndarray,
        occupied: np.ndarray,
        scene: np.ndarray,
        random: np.random.Generator,
    ) -> np.ndarray:
        """Adds objects (2, T, D), where they are (2, T, R), scene (T, R, D) and noise.

        Returns:
            Float32 array (T, R, D) of unit variance, whatever is in it.
        """
        strengths = np.array([config.event, config.distractor], np.float32)
        gains = _spread(self._config.gain_spread, (2, NUM_SEGMENTS), random)
        weights = (np.sqrt(strengths)[:, None] * gains)[..., None] * occupied
        level = np.sqrt(config.noise, dtype=np.float32) * _spread(
            self._config.noise_spread, (NUM_SEGMENTS, 1, 1), random
        )
        mixed = np.einsum("otr,otd->trd", weights, objects, optimize=True)
        mixed += np.float32(np.sqrt(config.scene)) * scene
        mixed += level * random.standard_normal(mixed.shape, np.float32)
        variance = np.square(weights).sum(axis=0)[..., None] + config.scene + level**2
        return mixed / np.sqrt(variance)

    def _occupied(self, cuts: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Draws (T, 49): 1 in the object's regions, `outside` elsewhere; a cut moves them."""
        size = random.integers(2, 5, (cuts[-1] + 1, 2))
        start, end = random.uniform(0, MAP_SIZE - size, (2, *size.shape))
        way = np.linspace(0, 0.5, NUM_SEGMENTS)[:, None]
        corner = (start[cuts] + way * (end - start)[cuts]).round().astype(int)[..., None]
        places = np.arange(MAP_SIZE)
        inside = (places >= corner) & (places < corner + size[cuts][..., None])  # (T, axis, 7)
        inside = inside[:, 0, :, None] & inside[:, 1, None, :]
        occupied = np.where(inside, 1.0, self._config.outside)
        return occupied.reshape(NUM_SEGMENTS, MAP_SIZE**2).astype(np.float32)


def _changes(probability: float, random: np.random.Generator) -> np.ndarray:
    """Draws (T,): how often something has changed, by each second."""
    changes = random.random(NUM_SEGMENTS) < probability
    changes[0] = False
    return np.cumsum(changes)


def _spread(deviation: float, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Draws factors whose logarithm has this deviation, and whose mean square is 1."""
    return np.exp(deviation * random.standard_normal(shape, np.float32) - deviation**2)
