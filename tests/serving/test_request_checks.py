"""Checks of requests in a session that, like a server, feeds arrays of any shape."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from avel_tf.serving.request_checks import checked

SHAPES = {"audio": (None, None, 4), "visual": (None, None, 3, 3, 2)}


@pytest.fixture(scope="module")
def serve():
    """Function that sums the numbers of a request."""
    with tf.Graph().as_default():
        inputs = {
            name: tf.compat.v1.placeholder(tf.float32, shape) for name, shape in SHAPES.items()
        }
        sums = [tf.reduce_sum(each) for each in checked(inputs, SHAPES, num_shared=2).values()]
        options = config_pb2.CallableOptions(
            feed=[each.name for each in inputs.values()], fetch=[each.name for each in sums]
        )
        with tf.compat.v1.Session() as session:  # all public ways to feed it compare shapes
            yield session._make_callable_from_options(options)


def request(audio=(2, 5, 4), visual=(2, 5, 3, 3, 2)):
    return np.ones(audio, np.float32), np.ones(visual, np.float32)


def test_a_sound_request_passes(serve):
    assert serve(*request()) == [40, 180]
    assert serve(*request((0, 5, 4), (0, 5, 3, 3, 2))) == [0, 0]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"audio": (2, 5, 1)}, r"`audio` must have the shape \(any, any, 4\); .* Received:.*2 5 1"),
        ({"audio": (2, 5)}, r"`audio` must have the shape \(any, any, 4\); .* Received:.*2 5"),
        ({"visual": (2, 5, 6, 6, 2)}, r"`visual` must have the shape \(any, any, 3, 3, 2\)"),
        ({"visual": (1, 5, 3, 3, 2)}, "`audio` and `visual` must agree in their first 2 axes"),
        ({"audio": (2, 1, 4)}, "`audio` and `visual` must agree in their first 2 axes"),
        ({"audio": (2, 0, 4), "visual": (2, 0, 3, 3, 2)}, "only its first axis may be empty"),
    ],
)
def test_other_shapes_are_refused(serve, shapes, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        serve(*request(**shapes))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 65536, -65536])
def test_what_a_dataset_cannot_hold_is_refused(serve, value):
    audio, visual = request()
    visual[1, 2, 0, 0, 0] = value
    with pytest.raises(tf.errors.InvalidArgumentError, match="`visual` must hold finite numbers"):
        serve(audio, visual)


def test_the_largest_number_of_a_dataset_passes(serve):
    audio, visual = request()
    audio[0, 0, 0] = np.finfo(np.float16).max
    assert serve(audio, visual) == [39 + 65504, 180]
