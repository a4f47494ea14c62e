"""Audio, visual and audio-visual event localization (SEL)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from avel_tf.layers import AudioGuidedAttention
from avel_tf.layers.bidirectional import bidirectional_lstm
from avel_tf.models.inputs import (
    check_visual_shape,
    feature_inputs,
    mean_over_map,
    present_segments,
)
from avel_tf.models.localizer import Localizer
from avel_tf.models.outputs import localization_outputs
from avel_tf.utils.arguments import check_choice, check_positive_integer

MODALITIES = ("audio", "visual", "audio_visual")
HIDDEN_UNITS = 64


@keras.saving.register_keras_serializable(package="avel_tf")
class AudioVisualLocalizer(Localizer):
    """Labels each segment with one bidirectional LSTM per modality.

    The four systems of Tian et al. in Table 2: audio, visual, audio-visual, and audio-visual
    with attention. The LSTMs' outputs are concatenated, and two dense layers label each segment
    independently, with background as one more label. Both modalities are always inputs; a
    single-modality system ignores the other one. The LSTMs pass over padded segments, see
    `present_segments`, in both directions, and their label is background.

    With the default sizes and attention, the model has 1,335,246 parameters, as published.

    B: batch, T: segments.

    Args:
        modalities: `"audio"`, `"visual"` or `"audio_visual"`.
        attention: Boolean. Whether to pool the map of visual features by audio-guided attention
            instead of by its mean; needs both modalities.
        num_categories: Integer. Event categories without background, whose label is this number.
        audio_dim: Integer. Width of the audio features.
        visual_shape: Tuple of three integers. Height, width and channels of the visual features.
            Without attention, the map may have any size, such as 1 x 1 if already pooled.
        units: Integer. Width of each direction of the LSTMs.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row per second.
            `visual_features`: Float tensor (B, T, *visual_shape).
    Returns:
        Dict of
        `segment_label_logits`: Float32 tensor (B, T, num_categories + 1), background last.
        `segment_label`: Int32 tensor (B, T), the decision.
        `event_category_logits`: Float32 tensor (B, num_categories), see `localization_outputs`.
    Raises:
        ValueError: If an argument is out of range, or attention lacks a modality.
    Example:

    ```python
    model = AudioVisualLocalizer(attention=True)
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
        }
    )
    assert outputs["segment_label_logits"].shape == (1, 10, 29)
    ```

    Reference: Tian et al., ECCV 2018; Wu et al., ICCV 2019, Table 2.
    """

    def __init__(
        self,
        modalities: str = "audio_visual",
        attention: bool = False,
        num_categories: int = 28,
        audio_dim: int = 128,
        visual_shape: Sequence[int] = (7, 7, 512),
        units: int = 128,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        check_choice("modalities", modalities, MODALITIES)
        check_choice("attention", attention, (False, True))
        if attention and modalities != "audio_visual":
            raise ValueError(
                "`attention` needs both modalities. "
                f"Received: attention={attention}, modalities={modalities!r}."
            )
        check_positive_integer("num_categories", num_categories)
        check_positive_integer("audio_dim", audio_dim)
        visual_shape = check_visual_shape(visual_shape)
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        if attention:
            self.audio_guided_attention = AudioGuidedAttention(
                dtype=policy, name="audio_guided_attention"
            )
        if modalities != "visual":
            self.audio_encoder = bidirectional_lstm(units, policy, "audio_encoder")
        if modalities != "audio":
            self.visual_encoder = bidirectional_lstm(units, policy, "visual_encoder")
        self.hidden = keras.layers.Dense(
            HIDDEN_UNITS, activation="relu", dtype=policy, name="hidden"
        )
        # float32 even under mixed precision: the loss applies a softmax to it.
        self.segment_label = keras.layers.Dense(
            num_categories + 1, dtype="float32", name="segment_label"
        )

        # === Functional model ===
        map_shape = visual_shape[:2] if attention else (None, None)
        inputs = feature_inputs(audio_dim, (*map_shape, visual_shape[-1]))
        audio, visual = inputs["audio_features"], inputs["visual_features"]
        is_present = present_segments(audio, visual)  # (B, T)
        mask = is_present > 0
        encoded = []  # (B, T, 2 * units) of each modality
        if modalities != "visual":
            encoded.append(self.audio_encoder(audio, mask=mask))
        if attention:
            visual = self.audio_guided_attention(audio, visual)  # (B, T, C)
        elif modalities != "audio":
            visual = mean_over_map(visual)
        if modalities != "audio":
            encoded.append(self.visual_encoder(visual, mask=mask))
        hidden = self.hidden(ops.relu(ops.concatenate(encoded, axis=-1)))
        outputs = localization_outputs(self.segment_label(hidden), is_present)
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.modalities = modalities
        self.attention = attention
        self.num_categories = num_categories
        self.audio_dim = audio_dim
        self.visual_shape = visual_shape
        self.units = units
