"""Audio-visual distance learning network (AVDLN) for cross-modality localization."""

from typing import Any

import keras

from avel_tf.layers.similarity import euclidean_distance
from avel_tf.models.inputs import feature_inputs, mean_over_map
from avel_tf.models.localizer import Localizer
from avel_tf.utils.arguments import check_positive_integer

HIDDEN_UNITS, UNITS, NEGATIVE_SLOPE = 128, 64, 0.3  # as released


@keras.saving.register_keras_serializable(package="avel_tf")
class AudioVisualDistanceLearning(Localizer):
    """Embeds the sound and the image of one second close together where both are the event.

    One small network per modality embeds each segment independently, background or not. As all
    pairs are scored, a query of several segments can be slid over every candidate position. The
    visual network sees the mean of the map, so a map of any size will do.

    B: batch, T: segments, H, W: map size.

    Args:
        audio_dim: Integer. Width of the audio features.
        visual_dim: Integer. Width of the visual features, their channels.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row per second.
            `visual_features`: Float tensor (B, T, H, W, visual_dim).
            `event_relevance`: Float tensor (B, T), an input of every system for this task;
            ignored here.
    Returns:
        Dict of float32 tensors:
        `aligned_distances`: (B, T), Euclidean distance between the embedded sound and image of
        each second; 1e-6 where they are equal, so that its gradient is finite.
        `audio_visual_scores`: (B, T, T), at [b, i, j] minus the distance from audio segment i
        to visual segment j.
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
        inputs = feature_inputs(audio_dim, (None, None, visual_dim))
        inputs["event_relevance"] = keras.Input((None,), name="event_relevance")
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
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.audio_dim = audio_dim
        self.visual_dim = visual_dim


def _network(modality, policy):
    """Hidden layer, its activation and output layer of one modality."""
    return [
        keras.layers.Dense(HIDDEN_UNITS, dtype=policy, name=f"{modality}_hidden"),
        keras.layers.LeakyReLU(NEGATIVE_SLOPE, dtype=policy, name=f"{modality}_activation"),
        keras.layers.Dense(UNITS, dtype=policy, name=f"{modality}_embedding"),
    ]
