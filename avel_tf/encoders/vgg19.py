"""VGG-19: frames of a segment -> its visual features."""

import os

import keras

from avel_tf.encoders import weights as weight_files
from avel_tf.encoders.visual_encoder import POLICIES, VisualEncoder, with_policy
from avel_tf.utils.arguments import check_choice

FRAME_SHAPE = (224, 224, 3)
INPUT_SCALE = 64.0  # under random weights; features then average about 0.6
WEIGHTS_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
SOURCE = (
    f'Use "imagenet" to let Keras download the official weights, or download {WEIGHTS_URL} and '
    "pass its path."
)


class Vgg19Encoder(VisualEncoder):
    """Computes visual features of one-second segments: VGG-19's last feature map, frame-averaged.

    The output of `block5_pool` for each frame (RGB to BGR, ImageNet mean subtracted), then the
    mean over the frames of a segment, in float32. Frames are encoded in batches, so memory does
    not grow with the clip. The attribute `model` is only the network, from preprocessed pixels to
    one frame's map. T: segments, F: frames per segment.

    Args:
        weights: `"random"` (for demos and tests; logs a warning), `"imagenet"` (downloaded by
            Keras) or the path of a local file: `.weights.h5`, or Keras's own
            `vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5`.
        precision: String. `"float32"` or `"bfloat16"`: compute dtype of the layers, whatever
            Keras's global dtype policy. The weights themselves stay float32.
        seed: Integer. Seed of the random weights.
    Call arguments:
        frames: uint8 array (T, F, 224, 224, 3), RGB.
    Returns:
        float32 array (T, 7, 7, 512), non-negative.
    Raises:
        ValueError: If the weights file is missing or of another model, `precision` is neither of
            the two, or `frames` has another shape or dtype.
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
        model = with_policy(model, POLICIES[precision])
        metadata = weight_files.describe(model, weights, seed)
        super().__init__(model, keras.applications.vgg19.preprocess_input, metadata)


def _build(weights: str | None) -> keras.Model:
    return keras.applications.VGG19(include_top=False, weights=weights, input_shape=FRAME_SHAPE)


def _download() -> keras.Model:
    try:
        return _build("imagenet")
    except Exception as error:  # Keras's downloader raises bare exceptions
        raise OSError(
            f"Cannot download VGG-19's ImageNet weights: {error}. Fetch {WEIGHTS_URL} by other "
            "means and pass its path as `visual_weights`."
        ) from error
