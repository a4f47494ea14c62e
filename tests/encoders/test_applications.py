"""Networks of `keras.applications` as encoders, without their weights, which are not here."""

import functools

import keras
import numpy as np
import pytest

from avel_tf.choices import AUDIO_ENCODERS, VISUAL_ENCODERS
from avel_tf.configuration import EncodingConfig
from avel_tf.encoders import choosing
from avel_tf.encoders.applications import APPLICATIONS, ApplicationEncoder
from tests.eager import eagerly

SHAPES = {
    "vgg16": (7, 7, 512),
    "resnet50": (7, 7, 2048),
    "efficientnetv2b0": (7, 7, 1280),
    "convnext_tiny": (7, 7, 768),
}


@functools.cache
def make_encoder(name):
    """An encoder in float32, which takes long to make."""
    return choosing.visual_encoder(
        EncodingConfig("random", "random", 2, "float32", visual_encoder=name)
    )


def test_names_are_those_of_the_settings():
    assert choosing.VISUAL_ENCODERS.keys() == set(VISUAL_ENCODERS)
    assert choosing.AUDIO_ENCODERS.keys() == set(AUDIO_ENCODERS)
    assert APPLICATIONS.keys() == SHAPES.keys()


@pytest.mark.slow
@eagerly()
@pytest.mark.parametrize("name", SHAPES)
def test_pictures_become_the_map_before_the_pooling(name):
    encoder = make_encoder(name)
    assert encoder.feature_shape == SHAPES[name]
    assert encoder.metadata()["name"] == name
    frames = np.random.default_rng(0).integers(0, 256, (1, 2, 224, 224, 3), np.uint8)
    found = encoder(frames)
    build, module = APPLICATIONS[name]
    network = build(include_top=False, weights=None, input_shape=(224, 224, 3))
    network.set_weights(encoder.model.get_weights())
    pixels = module.preprocess_input(frames[0].astype(np.float32))
    expected = network.predict_on_batch(pixels).mean(axis=0)
    assert np.isfinite(found).all() and found.std() > 0
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
@eagerly()
@pytest.mark.parametrize("name", ["efficientnetv2b0", "convnext_tiny"])
def test_networks_compute_in_bfloat16_too(name):
    frames = np.random.default_rng(0).integers(0, 256, (1, 1, 224, 224, 3), np.uint8)
    encoders = {
        "float32": make_encoder(name),
        "bfloat16": ApplicationEncoder(name, "random", "bfloat16"),
    }
    for precision, encoder in encoders.items():
        assert encoder.metadata()["precision"] == precision
    cosine = np.corrcoef(*(encoder(frames).ravel() for encoder in encoders.values()))[0, 1]
    assert 0.99 < cosine < 1


def test_a_failed_download_does_not_become_random_weights(monkeypatch):
    def fail(**arguments):
        raise Exception(f"URL fetch failure with {arguments['weights']}")

    monkeypatch.setitem(APPLICATIONS, "vgg16", (fail, keras.applications.vgg16))
    with pytest.raises(OSError, match=r"weights of vgg16: .*failure with imagenet.*visual_weights"):
        ApplicationEncoder("vgg16", "imagenet")
