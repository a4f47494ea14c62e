"""The AVE dataset: categories, annotations, splits, official features."""

from avel_tf.ave.annotations import Annotation, read_annotations
from avel_tf.ave.categories import (
    BACKGROUND,
    BACKGROUND_NAME,
    CATEGORIES,
    NUM_CATEGORIES,
    NUM_SEGMENTS,
)
from avel_tf.ave.fingerprint import fingerprint
from avel_tf.ave.official_features import OfficialFeatures, count_background_clips
from avel_tf.ave.splits import SPLITS, read_splits

__all__ = [
    "BACKGROUND",
    "BACKGROUND_NAME",
    "CATEGORIES",
    "NUM_CATEGORIES",
    "NUM_SEGMENTS",
    "SPLITS",
    "Annotation",
    "OfficialFeatures",
    "count_background_clips",
    "fingerprint",
    "read_annotations",
    "read_splits",
]
