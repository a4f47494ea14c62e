"""Contrastive positive sample propagation (CPSP)."""

from typing import Any

import keras
from keras import ops

from avel_tf.layers.similarity import unit_length
from avel_tf.models.followers.psp import PositiveSamplePropagation


@keras.saving.register_keras_serializable(package="avel_tf")
class ContrastivePositiveSamplePropagation(PositiveSamplePropagation):
    """`PositiveSamplePropagation` trained to tell apart segments of a record, and records, too.

    The network and what it decides are the same. Two more losses act on the features that label
    the segments: `SegmentContrastLoss`, of weight 0.01, makes segments of the event more like each
    other than like the record's background, and `RecordTripletLoss`, of weight 1, makes records of
    a category more like each other than like those of other categories. The first needs the
    segments' labels, and is left out under weak supervision.

    The arguments are those of `PositiveSamplePropagation`.

    B: batch, T: segments.

    Call arguments:
        inputs: As of `PositiveSamplePropagation`.
    Returns:
        Dict of the outputs of `PositiveSamplePropagation`, and
        `segment_embeddings`: Float32 tensor (B, T, units) of unit length, zero in padded segments.
        `record_embedding`: Float32 tensor (B, units) of unit length, in the direction of the mean
        over the segments.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    model = ContrastivePositiveSamplePropagation()
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
        }
    )
    assert outputs["record_embedding"].shape == (1, 256)
    ```

    Reference: Zhou et al., Contrastive Positive Sample Propagation along the Audio-Visual Event
    Line, TPAMI 2023.
    """

    @staticmethod
    def _contrasted(features: Any, is_present: Any) -> dict[str, Any]:
        present = ops.cast(features, "float32") * is_present[..., None]
        return {
            "segment_embeddings": unit_length(present),
            "record_embedding": unit_length(ops.sum(present, axis=1)),
        }
