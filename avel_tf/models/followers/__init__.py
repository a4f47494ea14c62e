"""Later systems on the same features, one per file; they run on every Keras backend."""

from avel_tf.models.followers.cace import CoGuidanceContrastiveEnhancement
from avel_tf.models.followers.cmbs import CrossModalBackgroundSuppression
from avel_tf.models.followers.cpsp import ContrastivePositiveSamplePropagation
from avel_tf.models.followers.psp import PositiveSamplePropagation

__all__ = [
    "CoGuidanceContrastiveEnhancement",
    "ContrastivePositiveSamplePropagation",
    "CrossModalBackgroundSuppression",
    "PositiveSamplePropagation",
]
