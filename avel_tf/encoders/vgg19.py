"""VGG-19: frames of a segment -> its visual features."""

import os

import keras
import numpy as np

from avel_tf.encoders import weights as weight_files

FRAME_SHAPE = (224, 224, 3)
BATCH = 16  # frames; single ones take twice as long each
INPUT_SCALE = 64.0  # under random weights; features then average about 0.6
SOURCE = (
    'Use "imagenet" to let Keras download the official weights, or the file '
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 of Keras's applications."
)


class Vgg19Encoder:
    """Visual features of one-second segments: VGG-19's last feature map, averaged over frames.

    The output of `block5_pool` for each frame (RGB to BGR, ImageNet mean subtracted), then the
    mean over the frames of a segment. Frames go through in batches, so memory does not grow with
    the clip. Computes in Keras's dtype policy at construction, which `metadata()` records.
    T: segments, F: frames a segment.

    Args:
        weights: `"random"` (for demos and tests, said loudly), `"imagenet"` (downloaded by
            Keras) or the path of a local file: `.weights.h5`, or Keras's own
            `vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5`.
        seed: Integer. Seed of the random weights.
    Call arguments:
        frames: uint8 array (T, F, 224, 224, 3), RGB.
    Returns:
        float32 array (T, 7, 7, 512), non-negative.
    Raises:
        ValueError: If the weights file is missing or another model's, or `frames` is not such
            an array.
        OSError: If `"imagenet"` cannot be downloaded.
    Reference: Simonyan and Zisserman, ICLR 2015; Wu et al., ICCV 2019, section 4.1.
    """

    def __init__(self, weights: str | os.PathLike[str] = "random", seed: int = 0) -> None:
        if weights == "imagenet":
            self._model = _download()
        else:
            self._model = _build(weights=None)
            weight_files.fill(self._model, weights, seed, INPUT_SCALE, SOURCE)
        self._metadata = weight_files.describe(self._model, weights, seed)

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
        return self._model.predict_on_batch(pixels).astype(np.float32)


def _build(weights: str | None) -> keras.Model:
    return keras.applications.VGG19(include_top=False, weights=weights, input_shape=FRAME_SHAPE)


def _download() -> keras.Model:
    try:
        return _build("imagenet")
    except Exception as error:  # Keras's downloader raises bare exceptions
        raise OSError(
            f"Cannot download VGG-19's ImageNet weights: {error}. Fetch "
            "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 of Keras's applications by other "
            "means and give its path as `weights`."
        ) from error
