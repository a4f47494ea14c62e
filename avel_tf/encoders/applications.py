"""Networks of `keras.applications` as visual encoders."""

import os
from collections.abc import Callable

import keras

from avel_tf.encoders import weights as weight_files
from avel_tf.encoders.visual_encoder import POLICIES, VisualEncoder, with_policy
from avel_tf.utils.arguments import check_choice

FRAME_SHAPE = (224, 224, 3)
SOURCE = 'Use "imagenet" to let Keras download the weights, or pass the path of a weights file.'


# Name -> function that makes the network, and module with its preprocessing.
APPLICATIONS = {
    "efficientnetv2b0": (keras.applications.EfficientNetV2B0, keras.applications.efficientnet_v2),
    "convnext_tiny": (keras.applications.ConvNeXtTiny, keras.applications.convnext),
    "resnet50": (keras.applications.ResNet50, keras.applications.resnet),
    "vgg16": (keras.applications.VGG16, keras.applications.vgg16),
}


class ApplicationEncoder(VisualEncoder):
    """The map before the pooling of a network trained on ImageNet.

    Args:
        name: String. One of `APPLICATIONS`.
        weights: `"imagenet"` (downloaded by Keras), `"random"` (for demos and tests; logs a
            warning) or the path of a weights file.
        precision: String. `"float32"` or `"bfloat16"`, see `Vgg19Encoder`.
        seed: Integer. Seed of the random weights.
    Raises:
        ValueError: If the weights file is missing or of another model, or `precision` is neither.
        OSError: If `"imagenet"` cannot be downloaded.
    """

    def __init__(
        self,
        name: str,
        weights: str | os.PathLike[str] = "random",
        precision: str = "float32",
        seed: int = 0,
    ) -> None:
        check_choice("name", name, APPLICATIONS)
        check_choice("precision", precision, POLICIES)
        build, module = APPLICATIONS[name]
        model = _build(build, name, "imagenet" if weights == "imagenet" else None)
        if weights != "imagenet":
            weight_files.fill(model, weights, seed, None, SOURCE)
        if precision != "float32":
            model = with_policy(model, POLICIES[precision])
        super().__init__(
            model,
            module.preprocess_input,
            weight_files.describe(model, weights, seed) | {"name": name},
        )


def _build(build: Callable[..., keras.Model], name: str, weights: str | None) -> keras.Model:
    try:
        return build(include_top=False, weights=weights, input_shape=FRAME_SHAPE)
    except Exception as error:  # Keras's downloader raises bare exceptions
        if weights is None:
            raise
        raise OSError(
            f"Cannot download the ImageNet weights of {name}: {error} Fetch them by other means "
            "and pass their path as `visual_weights`."
        ) from error
