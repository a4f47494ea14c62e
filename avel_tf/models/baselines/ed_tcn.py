"""Localization of events by temporal convolutions (SEL)."""

from typing import Any

import keras
from keras import ops

from avel_tf.arguments import check_positive_integer
from avel_tf.models.baselines.outputs import localization_outputs
from avel_tf.models.inputs import mean_over_map

FILTERS = (64, 96)
KERNEL_SIZE = 5
EPSILON = 1e-5  # keeps a segment whose filters are all silent at zero


@keras.saving.register_keras_serializable(package="avel_tf")
class EncoderDecoderTCN(keras.Model):
    """Labels each segment by temporal convolutions over ever longer units, and back (ED-TCN).

    Both modalities are concatenated. Two levels of encoder, each a convolution of 64 and then 96
    filters, normalized ReLU and max pooling by 2; two of decoder, each repeating its input
    twice, a convolution of 96 and then 64 filters, and normalized ReLU. Normalized ReLU divides
    each segment by its largest activation.

    Any number of segments: of an odd number, the last is pooled alone, and the decoder crops
    what it repeats to the length the encoder had there. Nothing is ever padded but by the zeros
    that each convolution sees beyond both ends.

    Unlike the published one, which labels minutes of video, filters are 5 segments long, not
    tens: at the inner level they span the ten seconds of a record. No dropout.

    B: batch, T: segments, H, W: map size.

    Args:
        num_categories: Integer. Event categories without background, whose label is this number.
        audio_dim: Integer. Width of the audio features.
        visual_dim: Integer. Channels of the visual features.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row a second.
            `visual_features`: Float tensor (B, T, H, W, visual_dim), a map of any size.
    Returns:
        Dict of
        `segment_label_logits`: Float32 tensor (B, T, num_categories + 1), background last.
        `segment_label`: Int32 tensor (B, T), the decision.
        `event_category_logits`: Float32 tensor (B, num_categories), see `localization_outputs`.
    Raises:
        ValueError: If an argument is not a positive integer.
    Example:

    ```python
    model = EncoderDecoderTCN()
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
        }
    )
    assert outputs["segment_label_logits"].shape == (1, 10, 29)
    ```

    Reference: Lea et al., CVPR 2017, section 2.1; Wu et al., ICCV 2019, Table 2.
    """

    def __init__(
        self,
        num_categories: int = 28,
        audio_dim: int = 128,
        visual_dim: int = 512,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        check_positive_integer("num_categories", num_categories)
        check_positive_integer("audio_dim", audio_dim)
        check_positive_integer("visual_dim", visual_dim)
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        self.encoder = [
            keras.layers.Conv1D(
                filters, KERNEL_SIZE, padding="same", dtype=policy, name=f"encoder_{level}"
            )
            for level, filters in enumerate(FILTERS)
        ]
        self.pooling = keras.layers.MaxPooling1D(2, padding="same", dtype=policy, name="pooling")
        self.upsampling = UpSamplingTo(dtype=policy, name="upsampling")
        self.decoder = [
            keras.layers.Conv1D(
                filters, KERNEL_SIZE, padding="same", dtype=policy, name=f"decoder_{level}"
            )
            for level, filters in enumerate(reversed(FILTERS))
        ]
        # float32 under mixed precision too: the softmax of the loss is taken of it.
        self.segment_label = keras.layers.Dense(
            num_categories + 1, dtype="float32", name="segment_label"
        )

        # === Functional model ===
        inputs = {
            "audio_features": keras.Input((None, audio_dim), name="audio_features"),
            "visual_features": keras.Input((None, None, None, visual_dim), name="visual_features"),
        }
        visual = mean_over_map(inputs["visual_features"])  # (B, T, C)
        x = ops.concatenate([inputs["audio_features"], visual], axis=-1)
        levels = []
        for convolution in self.encoder:
            levels.append(normalized_relu(convolution(x)))
            x = self.pooling(levels[-1])  # (B, T / 2, 64), (B, T / 4, 96)
        for convolution in self.decoder:
            x = self.upsampling(x, levels.pop())  # (B, T / 2, 96), (B, T, 96)
            x = normalized_relu(convolution(x))
        outputs = localization_outputs(self.segment_label(x))
        super().__init__(inputs=inputs, outputs=outputs, name=name, trainable=trainable)
        self.dtype_policy = policy

        # === Config ===
        self.num_categories = num_categories
        self.audio_dim = audio_dim
        self.visual_dim = visual_dim

    def get_config(self):
        # Without super(): a functional model's own config is its graph, not these arguments.
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "num_categories": self.num_categories,
            "audio_dim": self.audio_dim,
            "visual_dim": self.visual_dim,
        }


@keras.saving.register_keras_serializable(package="avel_tf")
class UpSamplingTo(keras.layers.Layer):
    """Repeats each segment twice, up to the length of another sequence.

    B: batch, T: segments.

    Call arguments:
        inputs: Tensor (B, ceil(T / 2), C).
        target: Tensor (B, T, any width), whose length is taken.
    Returns:
        Tensor (B, T, C).
    """

    def call(self, inputs, target):
        return ops.repeat(inputs, 2, axis=1)[:, : ops.shape(target)[1]]

    def compute_output_shape(self, inputs_shape, target_shape):
        return (inputs_shape[0], target_shape[1], inputs_shape[2])


def normalized_relu(x: Any) -> Any:
    """ReLU of (B, T, C), divided by the largest of each segment; zeros where all are silent."""
    x = ops.relu(x)
    return x / (ops.max(x, axis=-1, keepdims=True) + EPSILON)
