"""Encoders are large: one of each serves all tests."""

import pytest

from avel_tf.encoders import Vgg19Encoder, VggishEncoder


@pytest.fixture(scope="session")
def vgg19():
    return Vgg19Encoder(weights="random", seed=0)


@pytest.fixture(scope="session")
def vggish():
    return VggishEncoder(weights="random", seed=0)
