"""The categories of a dataset, and the shapes of its features."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from avel_tf.ave import BACKGROUND_NAME, CATEGORIES, NUM_SEGMENTS, Annotation
from avel_tf.choices import PADDING
from avel_tf.records.window import Window


@dataclasses.dataclass(frozen=True)
class Description:
    """The traits that all records of a dataset share; models and signatures get their sizes here.

    Args:
        categories: Tuple of strings. Event categories, whose positions are labels; background is
            the label after the last.
        num_segments: Integer. Segments of the longest record. Shorter ones are padded at the end:
            with features of 0, and `PADDING` as label and relevance.
        audio_dim: Integer. Width of the audio features.
        visual_shape: Tuple of three integers. Height, width and channels of the visual features.
        segment_seconds: Float. Length of a segment.
    """

    categories: tuple[str, ...] = CATEGORIES
    num_segments: int = NUM_SEGMENTS
    audio_dim: int = 128
    visual_shape: tuple[int, int, int] = (7, 7, 512)
    segment_seconds: float = 1.0

    @classmethod
    def from_json(cls, content: Mapping[str, Any] | None) -> Self:
        """Returns the description that `dataclasses.asdict` wrote; AVE's for None."""
        if content is None:  # by version 0.1.0, which knew no other dataset
            return cls()
        tuples = {name: tuple(content[name]) for name in ("categories", "visual_shape")}
        return cls(**{**content, **tuples})

    def with_encoders(self, source: Mapping[str, Any]) -> Self:
        """Returns this description with the sizes of the features that encoders make.

        Args:
            source: `source` of a dataset's `dataset.json`; without encoders, sizes stay.
        """
        sizes = {}
        if "audio_encoder" in source:
            (sizes["audio_dim"],) = source["audio_encoder"]["output_shape"]
        if "visual_encoder" in source:
            sizes["visual_shape"] = tuple(source["visual_encoder"]["output_shape"])
        return dataclasses.replace(self, **sizes)

    @property
    def background(self) -> int:
        """Label of background."""
        return len(self.categories)

    @property
    def label_names(self) -> tuple[str, ...]:
        """Name of each label, background last."""
        return (*self.categories, BACKGROUND_NAME)

    @property
    def feature_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each kind of features of a record of full length, by name."""
        return {
            "audio_features": (self.num_segments, self.audio_dim),
            "visual_features": (self.num_segments, *self.visual_shape),
        }

    @property
    def sizes(self) -> dict[str, Any]:
        """Arguments of systems; each takes some of them."""
        return {
            "num_categories": len(self.categories),
            "audio_dim": self.audio_dim,
            "visual_dim": self.visual_shape[-1],
            "visual_shape": self.visual_shape,
        }

    def labels(self, record: Annotation | Window) -> dict[str, Any]:
        """Returns the labels of a record, padded to `num_segments`.

        Args:
            record: `Annotation` or `Window`, of one of the categories or background.
        Returns:
            Dict of the integers `event_category`, the number of categories for background, and
            `event_length` in segments; and of the lists `event_relevance` and `segment_label`.
        """
        category = self.label_names.index(record.category)
        relevance = record.event_relevance
        labels = [category if event else self.background for event in relevance]
        missing = self.num_segments - len(relevance)
        return {
            "event_category": category,
            "event_length": record.event_length,
            "event_relevance": [*relevance, *[float(PADDING)] * missing],
            "segment_label": [*labels, *[PADDING] * missing],
        }


AVE = Description()
