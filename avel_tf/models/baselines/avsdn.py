"""Sequence-to-sequence event localization with both modalities (SEL)."""

from typing import Any

import keras
from keras import ops

from avel_tf.layers import TwoBiasLSTMCell
from avel_tf.models.inputs import feature_inputs, mean_over_map, present_segments
from avel_tf.models.localizer import Localizer
from avel_tf.models.outputs import localization_outputs
from avel_tf.utils.arguments import check_positive_integer


@keras.saving.register_keras_serializable(package="avel_tf")
class AudioVisualDualNetwork(Localizer):
    """Labels each segment with an LSTM that also reads a summary of the whole record (AVSDN).

    One LSTM per modality reads the record; their last outputs are fused into a global feature. A
    third LSTM, the decoder, reads the local features of both modalities together with the global
    feature, and labels the segments one by one. Padded segments, see `present_segments`, have no
    effect on others, and their label is background.

    The description leaves some choices open, which are decided here: all widths are 128, as in
    the other LSTM systems; one dense tanh layer fuses the two last outputs; the global feature is
    an input at each segment, not the decoder's initial state; local features are the inputs, not
    the encoders' outputs; the visual map is pooled by its mean.

    B: batch, T: segments, H, W: map size.

    Args:
        num_categories: Integer. Event categories without background, whose label is this number.
        audio_dim: Integer. Width of the audio features.
        visual_dim: Integer. Channels of the visual features.
        units: Integer. Width of each LSTM and of the global feature.
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
    model = AudioVisualDualNetwork()
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
        }
    )
    assert outputs["segment_label_logits"].shape == (1, 10, 29)
    ```

    Reference: Lin et al., ICASSP 2019; Wu et al., ICCV 2019, Table 2.
    """

    def __init__(
        self,
        num_categories: int = 28,
        audio_dim: int = 128,
        visual_dim: int = 512,
        units: int = 128,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        check_positive_integer("num_categories", num_categories)
        check_positive_integer("audio_dim", audio_dim)
        check_positive_integer("visual_dim", visual_dim)
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        # An RNN over a cell, not `keras.layers.LSTM`, whose export from a GPU runs only on GPUs.
        self.audio_encoder = keras.layers.RNN(
            TwoBiasLSTMCell(units, dtype=policy, name="cell"), dtype=policy, name="audio_encoder"
        )
        self.visual_encoder = keras.layers.RNN(
            TwoBiasLSTMCell(units, dtype=policy, name="cell"), dtype=policy, name="visual_encoder"
        )
        self.fusion = keras.layers.Dense(units, activation="tanh", dtype=policy, name="fusion")
        self.decoder = keras.layers.RNN(
            TwoBiasLSTMCell(units, dtype=policy, name="cell"),
            return_sequences=True,
            dtype=policy,
            name="decoder",
        )
        # float32 even under mixed precision: the loss applies a softmax to it.
        self.segment_label = keras.layers.Dense(
            num_categories + 1, dtype="float32", name="segment_label"
        )

        # === Functional model ===
        inputs = feature_inputs(audio_dim, (None, None, visual_dim))
        audio, visual = inputs["audio_features"], inputs["visual_features"]
        is_present = present_segments(audio, visual)  # (B, T)
        mask = is_present > 0
        visual = mean_over_map(visual)  # (B, T, C)
        last = [self.audio_encoder(audio, mask=mask), self.visual_encoder(visual, mask=mask)]
        global_feature = self.fusion(ops.concatenate(last, axis=-1))  # (B, units)
        repeated = ops.ones_like(audio[:, :, :1]) * global_feature[:, None, :]  # (B, T, units)
        # Without a mask: padding is at the end, which no earlier segment sees.
        decoded = self.decoder(ops.concatenate([audio, visual, repeated], axis=-1))
        outputs = localization_outputs(self.segment_label(decoded), is_present)
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.num_categories = num_categories
        self.audio_dim = audio_dim
        self.visual_dim = visual_dim
        self.units = units
