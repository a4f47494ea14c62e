"""Deep canonical correlation analysis (DCCA), of cross-modality localization."""

from typing import Any

import keras
from keras import ops

from avel_tf.arguments import check_positive_integer
from avel_tf.canonical_correlation import CanonicalProjection
from avel_tf.models.inputs import mean_over_map
from avel_tf.models.similarity import cosine_similarity


@keras.saving.register_keras_serializable(package="avel_tf")
class DeepCanonicalCorrelation(keras.Model):
    """Finds what sound and picture of an event have in common, as far as it is correlated.

    Two networks, trained by `CanonicalCorrelationLoss` on the segments of events; every segment
    stands for itself. Segments are compared by their cosine in the canonical space, whose
    statistics run along with the training. The visual network sees the mean of the map, so that
    a map of any size will do.

    B: batch, T: segments, H, W: map size.

    Args:
        audio_dim: Integer. Width of the audio features.
        visual_dim: Integer. Width of the visual features, their channels.
        hidden_units: Integer. Width of the ReLU layer of each network.
        units: Integer. Canonical dimensions; many fewer than a batch has segments of events.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row a second.
            `visual_features`: Float tensor (B, T, H, W, visual_dim).
            `event_relevance`: Float tensor (B, T), weight of each segment in the running
            statistics in training; of no effect on the outputs otherwise.
    Returns:
        Dict of float32 tensors:
        `projections`: (B, T, 2 * units), outputs of both networks side by side, for the loss.
        `audio_visual_scores`: (B, T, T), cosine of audio segment i and visual segment j in the
        canonical space at [b, i, j]. Without gradient.
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
        # float32 under mixed precision too: covariances are taken of them, and inverted.
        self.audio_projection = keras.layers.Dense(units, dtype="float32", name="audio_projection")
        self.visual_projection = keras.layers.Dense(
            units, dtype="float32", name="visual_projection"
        )
        self.canonical_projection = CanonicalProjection(
            units, dtype="float32", name="canonical_projection"
        )

        # === Functional model ===
        inputs = {
            "audio_features": keras.Input((None, audio_dim), name="audio_features"),
            "visual_features": keras.Input((None, None, None, visual_dim), name="visual_features"),
            "event_relevance": keras.Input((None,), name="event_relevance"),
        }
        visual = mean_over_map(inputs["visual_features"])  # (B, T, C)
        audio = self.audio_projection(self.audio_hidden(inputs["audio_features"]))
        visual = self.visual_projection(self.visual_hidden(visual))  # (B, T, units)
        projections = ops.concatenate([audio, visual], axis=-1)  # (B, T, 2 * units)
        audio, visual = self.canonical_projection(projections, inputs["event_relevance"])
        outputs = {
            "projections": projections,
            "audio_visual_scores": cosine_similarity(audio[:, :, None], visual[:, None]),
        }
        super().__init__(inputs=inputs, outputs=outputs, name=name, trainable=trainable)
        self.dtype_policy = policy

        # === Config ===
        self.audio_dim = audio_dim
        self.visual_dim = visual_dim
        self.hidden_units = hidden_units
        self.units = units

    def get_config(self):
        # Without super(): a functional model's own config is its graph, not these arguments.
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "audio_dim": self.audio_dim,
            "visual_dim": self.visual_dim,
            "hidden_units": self.hidden_units,
            "units": self.units,
        }
