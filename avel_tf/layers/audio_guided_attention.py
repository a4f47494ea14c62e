"""Attention over the regions of the image, guided by the sound."""

import math
from typing import Any

import keras
from keras import ops
from keras.layers import Dense

from avel_tf.utils.arguments import check_positive_integer


@keras.saving.register_keras_serializable(package="avel_tf")
class AudioGuidedAttention(keras.layers.Layer):
    """Pools each segment's map of visual features, weighting the regions by its sound.

    With V the R x C map of a segment, R = H * W, and a its audio features:

        C = relu(V W_p + b_p) W_v + (relu(a W_q + b_q) W_g)^T 1^T    (R x R)
        weights = softmax(tanh(C) w_h)                               (R)
        output = sum_i weights_i V_i                                 (C)

    The second term adds g_i, the audio's score of region i, to row i of the first product. Kernels
    start Glorot-uniform, biases at zero. Each segment is pooled independently, background or not.

    For supervised localization only: in cross-modality localization, a visual candidate pooled
    by this layer would already have seen the audio query.

    B: batch, T: segments, H, W: map size, C: channels.

    Args:
        units: Integer. Width of the two ReLU projections.
    Call arguments:
        audio_features: Float tensor (B, T, audio width).
        visual_features: Float tensor (B, T, H, W, C).
        return_attention_weights: Boolean. Whether to return the weights as well.
    Returns:
        Float tensor (B, T, C); with `return_attention_weights`, also the weights (B, T, H, W),
        which sum to 1 over each map.
    Raises:
        ValueError: If `units` is not positive, or the map in `visual_features` has no fixed size.
    Example:

    ```python
    layer = AudioGuidedAttention()
    audio_features, visual_features = np.ones((1, 10, 128)), np.ones((1, 10, 7, 7, 512))
    assert layer(audio_features, visual_features).shape == (1, 10, 512)
    ```

    Reference: Tian et al., ECCV 2018; Wu et al., ICCV 2019, section 3.4.
    """

    def __init__(self, units: int = 512, **kwargs: Any):
        check_positive_integer("units", units)
        super().__init__(**kwargs)
        self.units = units
        policy = self.dtype_policy  # otherwise sublayers would use the global one
        self.visual_projection = Dense(
            units, activation="relu", dtype=policy, name="visual_projection"
        )
        self.audio_projection = Dense(
            units, activation="relu", dtype=policy, name="audio_projection"
        )
        self.region_score = Dense(1, use_bias=False, dtype=policy, name="region_score")

    def build(self, audio_features_shape, visual_features_shape):
        if len(visual_features_shape) != 5 or None in visual_features_shape[2:]:
            raise ValueError(
                "`visual_features` must have shape (batch, segments, height, width, channels) "
                f"with the last three fixed. Received: shape={tuple(visual_features_shape)}."
            )
        self.map_shape = tuple(visual_features_shape[2:4])
        self.num_regions = math.prod(self.map_shape)
        # One unit per region; the number of regions is not known before this point.
        wide = {"units": self.num_regions, "use_bias": False, "dtype": self.dtype_policy}
        self.visual_regions = Dense(**wide, name="visual_regions")
        self.audio_regions = Dense(**wide, name="audio_regions")
        self.visual_projection.build((None, visual_features_shape[-1]))
        self.audio_projection.build(audio_features_shape)
        self.visual_regions.build((None, self.units))
        self.audio_regions.build((None, self.units))
        self.region_score.build((None, self.num_regions))

    def call(self, audio_features, visual_features, return_attention_weights=False):
        num_segments = ops.shape(visual_features)[1]
        channels = visual_features.shape[-1]
        by_region = (-1, num_segments, self.num_regions)
        # One row per region: a single matrix product for any batch size and length.
        regions = ops.reshape(visual_features, (-1, channels))
        visual = self.visual_regions(self.visual_projection(regions))
        visual = ops.reshape(visual, (*by_region, self.num_regions))
        audio = self.audio_regions(self.audio_projection(audio_features))  # (B, T, R)
        scores = self.region_score(ops.tanh(visual + audio[..., None]))  # (B, T, R, 1)
        scores = ops.cast(ops.reshape(scores, by_region), "float32")
        weights = ops.cast(ops.softmax(scores), self.compute_dtype)
        regions = ops.reshape(visual_features, (*by_region, channels))
        attended = ops.squeeze(ops.matmul(weights[..., None, :], regions), axis=-2)
        if return_attention_weights:
            return attended, ops.reshape(weights, (-1, num_segments, *self.map_shape))
        return attended

    def get_config(self):
        return {**super().get_config(), "units": self.units}
