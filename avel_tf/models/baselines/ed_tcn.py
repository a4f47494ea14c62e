"""Event localization by temporal convolutions (SEL)."""

from typing import Any

import keras
from keras import ops

from avel_tf.models.inputs import feature_inputs, mean_over_map, present_segments
from avel_tf.models.localizer import Localizer
from avel_tf.models.outputs import localization_outputs
from avel_tf.utils.arguments import check_positive_integer

FILTERS = (64, 96)
KERNEL_SIZE = 5
EPSILON = 1e-5  # keeps a segment at zero, not NaN, if all its filters are silent


@keras.saving.register_keras_serializable(package="avel_tf")
class EncoderDecoderTCN(Localizer):
    """Labels each segment with an encoder-decoder of temporal convolutions (ED-TCN).

    Both modalities are concatenated. Two encoder levels, with 64 and 96 filters, each consist of
    a convolution, normalized ReLU and max pooling by 2. Two decoder levels, with 96 and 64
    filters, each repeat their input twice and apply a convolution and normalized ReLU. Normalized
    ReLU divides each segment by its largest activation.

    Records may have any number of segments: if it is odd, the last segment is pooled by itself,
    and the decoder crops its repeated input to the encoder's length at that level. Each
    convolution sees zeros beyond both ends. Padded segments, see `present_segments`, are kept at
    zero at every level, so that they are such an end; their label is background.

    Filters are 5 segments long, not tens as in the published system, which labels minutes of
    video: at the inner level they span the ten seconds of a record. There is no dropout.

    B: batch, T: segments, H, W: map size.

    Args:
        num_categories: Integer. Event categories without background, whose label is this number.
        audio_dim: Integer. Width of the audio features.
        visual_dim: Integer. Channels of the visual features.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row per second.
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
        # float32 even under mixed precision: the loss applies a softmax to it.
        self.segment_label = keras.layers.Dense(
            num_categories + 1, dtype="float32", name="segment_label"
        )

        # === Functional model ===
        inputs = feature_inputs(audio_dim, (None, None, visual_dim))
        audio, visual = inputs["audio_features"], inputs["visual_features"]
        is_present = present_segments(audio, visual)  # (B, T)
        x = ops.concatenate([audio, mean_over_map(visual)], axis=-1)
        presence = ops.cast(is_present[..., None], policy.compute_dtype)  # (B, T, 1)
        levels = []
        for convolution in self.encoder:
            levels.append(presence)
            x = normalized_relu(convolution(x)) * presence  # (B, T, 64), (B, T / 2, 96)
            x, presence = self.pooling(x), self.pooling(presence)
        for convolution in self.decoder:
            presence = levels.pop()
            x = self.upsampling(x, presence) * presence  # (B, T / 2, 96), (B, T, 96)
            x = normalized_relu(convolution(x))
        outputs = localization_outputs(self.segment_label(x), is_present)
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.num_categories = num_categories
        self.audio_dim = audio_dim
        self.visual_dim = visual_dim


@keras.saving.register_keras_serializable(package="avel_tf")
class UpSamplingTo(keras.layers.Layer):
    """Repeats each segment twice and crops to the length of another sequence.

    B: batch, T: segments.

    Call arguments:
        inputs: Tensor (B, ceil(T / 2), C).
        target: Tensor (B, T, any width), which sets the length.
    Returns:
        Tensor (B, T, C).
    """

    def call(self, inputs, target):
        return ops.repeat(inputs, 2, axis=1)[:, : ops.shape(target)[1]]

    def compute_output_shape(self, inputs_shape, target_shape):
        return (inputs_shape[0], target_shape[1], inputs_shape[2])


def normalized_relu(x: Any) -> Any:
    """ReLU of (B, T, C), each segment divided by its maximum; zeros where all are silent."""
    x = ops.relu(x)
    return x / (ops.max(x, axis=-1, keepdims=True) + EPSILON)
