"""Behaviour shared by visual encoders, on a network whose features are known."""

import keras
import numpy as np
import pytest
from keras import layers

from avel_tf.encoders import VisualEncoder, visual_encoder


@pytest.fixture(scope="module")
def network():
    """A map of 2 x 2 quarters: the mean of each colour, from 0 to 1."""
    return keras.Sequential(
        [keras.Input((4, 6, 3)), layers.Rescaling(1 / 255), layers.AvgPool2D((2, 3))]
    )


@pytest.fixture
def encoded():
    """Pictures that an encoder of the fixture `encoder` was given, by their first red pixel."""
    return []


@pytest.fixture
def encoder(network, encoded):
    def preprocess(pixels):
        encoded.extend(pixels[:, 0, 0, 0])
        return pixels

    return VisualEncoder(network, preprocess, {})


def pictures(*numbers):
    """Frames of one colour each."""
    return np.array(numbers, np.uint8)[..., None, None, None] * np.ones((4, 6, 3), np.uint8)


@pytest.mark.parametrize("batch", [16, 2])
def test_a_picture_that_comes_again_is_encoded_once(encoder, encoded, monkeypatch, batch):
    monkeypatch.setattr(visual_encoder, "BATCH", batch)
    frames = pictures([30, 90, 30], [30, 30, 30], [90, 210, 60])
    maps = encoder(frames)
    assert encoded == [30, 90, 210, 60]
    expected = frames.mean(axis=(1, 2, 3, 4)) / 255
    np.testing.assert_allclose(maps, np.broadcast_to(expected[:, None, None, None], (3, 2, 2, 3)))


def test_pictures_that_differ_in_one_pixel_are_two(encoder, encoded):
    frames = pictures([50, 50])
    frames[0, 1, -1, -1, -1] = 51
    maps = encoder(frames)
    assert encoded == [50, 50]
    assert maps[0, 1, 1, 2] > maps[0, 0, 0, 2]
