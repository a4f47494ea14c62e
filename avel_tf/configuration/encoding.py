"""Settings of decoding and encoding media files."""

import dataclasses
import pathlib

from avel_tf.choices import (
    AUDIO_ENCODERS,
    ENCODING_PRECISIONS,
    MODEL_SUFFIX,
    NAMED_WEIGHTS,
    RESIZES,
    VISUAL_ENCODERS,
)
from avel_tf.errors import InputError
from avel_tf.utils.arguments import check_choice, check_positive, check_positive_integer

SECONDS_A_DAY = 86400


@dataclasses.dataclass(frozen=True)
class MediaLimits:
    """Limits on the cost of a media file; one that exceeds them is rejected.

    Args:
        max_pixels: Integer. Pixels of one picture.
        max_duration_seconds: Float. Length of a file.
        max_read_seconds: Float. Time to decode one clip of ten seconds; at most a day.
    Raises:
        ValueError: If a limit is not positive, or the last one is over a day.
    """

    max_pixels: int = 8192 * 4320
    max_duration_seconds: float = 3600.0
    max_read_seconds: float = 60.0

    def __post_init__(self):
        check_positive_integer("max_pixels", self.max_pixels)
        check_positive("max_duration_seconds", self.max_duration_seconds)
        check_positive("max_read_seconds", self.max_read_seconds)
        if self.max_read_seconds > SECONDS_A_DAY:  # the wait counts milliseconds in 32 bits
            raise ValueError(
                f"`max_read_seconds` must be at most {SECONDS_A_DAY}. "
                f"Received: max_read_seconds={self.max_read_seconds!r}."
            )


@dataclasses.dataclass(frozen=True)
class EncodingConfig:
    """Settings that turn media files into segment features.

    Args:
        visual_weights: String. `"imagenet"`, `"random"` or a weights file; not for a model file,
            which has its own, here and below.
        audio_weights: String. `"audioset"`, `"random"` or a weights file.
        frames_per_segment: Integer. Frames averaged for each second; 16 in the published
            features.
        encoder_precision: String. Precision of the visual encoder: `"float32"`, `"bfloat16"`, or
            `"auto"`: for VGG-19 bfloat16 where it is faster and its features agree, for others
            float32.
        resize: String. `"bilinear"` as in the published extraction, whose pixels alias where
            pictures shrink, or `"antialiased"`.
        visual_encoder: String. One of `avel_tf.choices.VISUAL_ENCODERS`, or a Keras model file, see
            `FileVisualEncoder`.
        audio_encoder: String. One of `avel_tf.choices.AUDIO_ENCODERS`, or a Keras model file, see
            `FileAudioEncoder`.
        limits: `MediaLimits`.
    Raises:
        ValueError: If a value is out of range.
    """

    visual_weights: str = "imagenet"
    audio_weights: str = "audioset"
    frames_per_segment: int = 16
    encoder_precision: str = "auto"
    resize: str = "bilinear"
    visual_encoder: str = "vgg19"
    audio_encoder: str = "vggish"
    limits: MediaLimits = MediaLimits()

    def __post_init__(self):
        for name, names in (("visual", VISUAL_ENCODERS), ("audio", AUDIO_ENCODERS)):
            encoder = getattr(self, f"{name}_encoder")
            if not encoder.endswith(MODEL_SUFFIX) and encoder not in names:
                raise ValueError(
                    f"`{name}_encoder` must be one of {names} or a file ending in {MODEL_SUFFIX}. "
                    f"Received: {name}_encoder={encoder!r}."
                )
        check_positive_integer("frames_per_segment", self.frames_per_segment)
        check_choice("encoder_precision", self.encoder_precision, ENCODING_PRECISIONS)
        check_choice("resize", self.resize, RESIZES)

    @property
    def weights_paths(self) -> list[pathlib.Path]:
        """Weights files among the arguments."""
        return [*self._weights_files().values()]

    def check_weights(self) -> None:
        """Checks that weights files exist, before other weights are downloaded or loaded.

        Raises:
            InputError: If one does not.
        """
        for name, path in self._weights_files().items():
            if not path.is_file():
                raise InputError(f"`{name}`: {path} does not exist. Give another file.")

    def _weights_files(self) -> dict[str, pathlib.Path]:
        files = {}
        for kind in ("visual", "audio"):
            encoder, weights = getattr(self, f"{kind}_encoder"), getattr(self, f"{kind}_weights")
            if encoder.endswith(MODEL_SUFFIX):
                files[f"{kind}_encoder"] = pathlib.Path(encoder)
            elif weights not in NAMED_WEIGHTS:
                files[f"{kind}_weights"] = pathlib.Path(weights)
        return files
