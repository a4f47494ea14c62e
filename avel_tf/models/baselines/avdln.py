"""Audio-visual distance learning network (AVDLN), of cross-modality localization."""

from typing import Any

import keras

from avel_tf.arguments import check_positive_integer
from avel_tf.models.inputs import mean_over_map
from avel_tf.models.similarity import euclidean_distance

HIDDEN_UNITS, UNITS, NEGATIVE_SLOPE = 128, 64, 0.3  # as released


@keras.saving.register_keras_serializable(package="avel_tf")
class AudioVisualDistanceLearning(keras.Model):
    """Brings sound and picture of one second near each other where both are the event.

    One small network a modality; every segment stands for itself, background or not. Scores of
    all pairs let a query of several segments be laid on any candidate position. The visual
    network sees the mean of the map, so that a map of any size will do.

    B: batch, T: segments, H, W: map size.

    Args:
        audio_dim: Integer. Width of the audio features.
        visual_dim: Integer. Width of the visual features, their channels.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row a second.
            `visual_features`: Float tensor (B, T, H, W, visual_dim).
            `event_relevance`: Float tensor (B, T), which every system of the task is given, and
            which this one does not look at.
    Returns:
        Dict of float32 tensors:
        `aligned_distances`: (B, T), Euclidean distance between sound and picture of each second;
        1e-6 where they are equal, so that its gradient is finite.
        `audio_visual_scores`: (B, T, T), minus the distance from audio segment i to visual
        segment j at [b, i, j].
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    model = AudioVisualDistanceLearning()
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
            "event_relevance": np.ones((1, 10)),
        }
    )
    assert outputs["aligned_distances"].shape == (1, 10)
    assert outputs["audio_visual_scores"].shape == (1, 10, 10)
    ```

    Reference: Tian et al., ECCV 2018, section 4.4; Wu et al., ICCV 2019, Table 1.
    """

    def __init__(
        self,
        audio_dim: int = 128,
        visual_dim: int = 512,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        check_positive_integer("audio_dim", audio_dim)
        check_positive_integer("visual_dim", visual_dim)
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        self.audio_layers = _network("audio", policy)
        self.visual_layers = _network("visual", policy)

        # === Functional model ===
        inputs = {
            "audio_features": keras.Input((None, audio_dim), name="audio_features"),
            "visual_features": keras.Input((None, None, None, visual_dim), name="visual_features"),
            "event_relevance": keras.Input((None,), name="event_relevance"),
        }
        audio = inputs["audio_features"]
        visual = mean_over_map(inputs["visual_features"])  # (B, T, C)
        for layer in self.audio_layers:
            audio = layer(audio)  # (B, T, 64)
        for layer in self.visual_layers:
            visual = layer(visual)
        outputs = {
            "aligned_distances": euclidean_distance(audio, visual),
            "audio_visual_scores": -euclidean_distance(audio[:, :, None], visual[:, None]),
        }
        super().__init__(inputs=inputs, outputs=outputs, name=name, trainable=trainable)
        self.dtype_policy = policy

        # === Config ===
        self.audio_dim = audio_dim
        self.visual_dim = visual_dim

    def get_config(self):
        # Without super(): a functional model's own config is its graph, not these arguments.
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "audio_dim": self.audio_dim,
            "visual_dim": self.visual_dim,
        }


def _network(modality, policy):
    """Hidden layer, its activation and output layer of one modality."""
    return [
        keras.layers.Dense(HIDDEN_UNITS, dtype=policy, name=f"{modality}_hidden"),
        keras.layers.LeakyReLU(NEGATIVE_SLOPE, dtype=policy, name=f"{modality}_activation"),
        keras.layers.Dense(UNITS, dtype=policy, name=f"{modality}_embedding"),
    ]
