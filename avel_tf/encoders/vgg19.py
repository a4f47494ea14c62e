"""VGG-19: frames of a segment -> its visual features."""

import os

import keras
import numpy as np

from avel_tf.arguments import check_choice
from avel_tf.encoders import weights as weight_files

FRAME_SHAPE = (224, 224, 3)
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}  # precision -> Keras's name
BATCH = 16  # frames; 8 take longer each, 32 take no less and need more memory
INPUT_SCALE = 64.0  # under random weights; features then average about 0.6
WEIGHTS_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
SOURCE = (
    f'Use "imagenet" to let Keras download the official weights, or download {WEIGHTS_URL} and '
    "give its path."
)


class Vgg19Encoder:
    """Visual features of one-second segments: VGG-19's last feature map, averaged over frames.

    The output of `block5_pool` for each frame (RGB to BGR, ImageNet mean subtracted), then the
    mean over the frames of a segment, in float32. Frames go through in batches, so memory does
    not grow with the clip. The attribute `model` is the network alone, from preprocessed pixels to
    one frame's map. T: segments, F: frames a segment.

    Args:
        weights: `"random"` (for demos and tests, said loudly), `"imagenet"` (downloaded by
            Keras) or the path of a local file: `.weights.h5`, or Keras's own
            `vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5`.
        precision: String. `"float32"` or `"bfloat16"`: what the layers compute in, whatever
            Keras's global dtype policy. The weights themselves stay float32.
        seed: Integer. Seed of the random weights.
    Call arguments:
        frames: uint8 array (T, F, 224, 224, 3), RGB.
    Returns:
        float32 array (T, 7, 7, 512), non-negative.
    Raises:
        ValueError: If the weights file is missing or another model's, `precision` is
            neither of the two, or `frames` is not such an array.
        OSError: If `"imagenet"` cannot be downloaded.
    Reference: Simonyan and Zisserman, ICLR 2015; Wu et al., ICCV 2019, section 4.1.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str] = "random",
        precision: str = "float32",
        seed: int = 0,
    ) -> None:
        check_choice("precision", precision, POLICIES)
        if weights == "imagenet":
            model = _download()
        else:
            model = _build(weights=None)
            weight_files.fill(model, weights, seed, INPUT_SCALE, SOURCE)
        self.model = _with_policy(model, POLICIES[precision])
        self._metadata = weight_files.describe(self.model, weights, seed)

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        if frames.ndim != 5 or frames.shape[2:] != FRAME_SHAPE or frames.dtype != np.uint8:
            raise ValueError(
                f"`frames` must be a uint8 array of shape (T, F, 224, 224, 3). "
                f"Received: {frames.dtype} {frames.shape}."
            )
        flat = frames.reshape(-1, *FRAME_SHAPE)
        maps = np.concatenate(
            [self._encode(flat[i : i + BATCH]) for i in range(0, len(flat), BATCH)]
        )  # (T * F, 7, 7, 512)
        return maps.reshape(*frames.shape[:2], *maps.shape[1:]).mean(axis=1)

    def metadata(self) -> dict[str, object]:
        """What made the features: plain values, ready for JSON."""
        return dict(self._metadata)

    def _encode(self, frames: np.ndarray) -> np.ndarray:
        pixels = keras.applications.vgg19.preprocess_input(frames.astype(np.float32))
        return self.model.predict_on_batch(pixels).astype(np.float32)


def _build(weights: str | None) -> keras.Model:
    return keras.applications.VGG19(include_top=False, weights=weights, input_shape=FRAME_SHAPE)


def _with_policy(model: keras.Model, policy: str) -> keras.Model:
    """The same model with a dtype policy of its own, which Keras's applications do not offer."""

    def in_policy(layer: keras.layers.Layer) -> keras.layers.Layer:
        return layer.from_config(layer.get_config() | {"dtype": policy})

    clone = keras.models.clone_model(model, clone_function=in_policy)
    clone.set_weights(model.get_weights())
    return clone


def _download() -> keras.Model:
    try:
        return _build("imagenet")
    except Exception as error:  # Keras's downloader raises bare exceptions
        raise OSError(
            f"Cannot download VGG-19's ImageNet weights: {error}. Fetch {WEIGHTS_URL} by other "
            "means and give its path as `weights`."
        ) from error
