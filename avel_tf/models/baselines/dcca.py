"""Deep canonical correlation analysis (DCCA) for cross-modality localization."""

from typing import Any

import keras
from keras import ops

from avel_tf.canonical_correlation import CanonicalProjection
from avel_tf.layers.similarity import cosine_similarity
from avel_tf.models.inputs import feature_inputs, mean_over_map
from avel_tf.models.localizer import Localizer
from avel_tf.utils.arguments import check_positive_integer


@keras.saving.register_keras_serializable(package="avel_tf")
class DeepCanonicalCorrelation(Localizer):
    """Projects sound and image onto the directions in which they are most correlated.

    Two networks are trained with `CanonicalCorrelationLoss` on the segments of events, each
    segment independently. Segments are compared by their cosine in the canonical space, whose
    running statistics are updated during training. The visual network sees the mean of the map,
    so a map of any size will do.

    B: batch, T: segments, H, W: map size.

    Args:
        audio_dim: Integer. Width of the audio features.
        visual_dim: Integer. Width of the visual features, their channels.
        hidden_units: Integer. Width of the ReLU layer of each network.
        units: Integer. Canonical dimensions; far fewer than the event segments in a batch.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row per second.
            `visual_features`: Float tensor (B, T, H, W, visual_dim).
            `event_relevance`: Float tensor (B, T), weight of each segment in the running
            statistics during training; otherwise without effect on the outputs.
    Returns:
        Dict of float32 tensors:
        `projections`: (B, T, 2 * units), concatenated outputs of both networks, for the loss.
        `audio_visual_scores`: (B, T, T), at [b, i, j] the cosine of audio segment i and visual
        segment j in the canonical space. Without gradient.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    model = DeepCanonicalCorrelation()
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
            "event_relevance": np.ones((1, 10)),
        }
    )
    assert outputs["projections"].shape == (1, 10, 64)
    assert outputs["audio_visual_scores"].shape == (1, 10, 10)
    ```

    Reference: Andrew et al., ICML 2013; Wu et al., ICCV 2019, Table 1.
    """

    def __init__(
        self,
        audio_dim: int = 128,
        visual_dim: int = 512,
        hidden_units: int = 256,
        units: int = 32,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        check_positive_integer("audio_dim", audio_dim)
        check_positive_integer("visual_dim", visual_dim)
        check_positive_integer("hidden_units", hidden_units)
        check_positive_integer("units", units)
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        hidden = {"units": hidden_units, "activation": "relu", "dtype": policy}
        self.audio_hidden = keras.layers.Dense(**hidden, name="audio_hidden")
        self.visual_hidden = keras.layers.Dense(**hidden, name="visual_hidden")
        # float32 even under mixed precision: their covariances are computed and inverted.
        self.audio_projection = keras.layers.Dense(units, dtype="float32", name="audio_projection")
        self.visual_projection = keras.layers.Dense(
            units, dtype="float32", name="visual_projection"
        )
        self.canonical_projection = CanonicalProjection(
            units, dtype="float32", name="canonical_projection"
        )

        # === Functional model ===
        inputs = feature_inputs(audio_dim, (None, None, visual_dim))
        inputs["event_relevance"] = keras.Input((None,), name="event_relevance")
        visual = mean_over_map(inputs["visual_features"])  # (B, T, C)
        audio = self.audio_projection(self.audio_hidden(inputs["audio_features"]))
        visual = self.visual_projection(self.visual_hidden(visual))  # (B, T, units)
        projections = ops.concatenate([audio, visual], axis=-1)  # (B, T, 2 * units)
        audio, visual = self.canonical_projection(projections, inputs["event_relevance"])
        outputs = {
            "projections": projections,
            "audio_visual_scores": cosine_similarity(audio[:, :, None], visual[:, None]),
        }
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.audio_dim = audio_dim
        self.visual_dim = visual_dim
        self.hidden_units = hidden_units
        self.units = units
