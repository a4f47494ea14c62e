"""The systems, one a file; they run on every Keras backend."""

from avel_tf.models.cross_modality_localizer import CrossModalityLocalizer
from avel_tf.models.dual_attention_matching import DualAttentionMatching
from avel_tf.models.event_localizer import SupervisedEventLocalizer

TASKS = {"sel": SupervisedEventLocalizer, "cml": CrossModalityLocalizer}

__all__ = [
    "TASKS",
    "CrossModalityLocalizer",
    "DualAttentionMatching",
    "SupervisedEventLocalizer",
]
