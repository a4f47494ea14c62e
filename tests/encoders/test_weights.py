import logging

import keras
import numpy as np
import pytest

from avel_tf.encoders import weights as weight_files

SOURCE = "The official weights are at the moon."


def small_network(width=8, name="small"):
    inputs = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(width, 3, activation="relu", name="first")(inputs)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(4, activation="relu", name="last")(x), name=name)


def fill(model, weights, seed=0):
    weight_files.fill(model, weights, seed, 2.0, SOURCE)
    return weight_files.describe(model, weights, seed)


def test_random_weights_depend_on_the_seed(caplog):
    with caplog.at_level(logging.WARNING):
        first = fill(small_network(), "random", seed=1)
    assert "small has RANDOM WEIGHTS (seed 1)" in caplog.text
    assert first == fill(small_network(), "random", seed=1)
    other = fill(small_network(), "random", seed=2)
    assert first["weights_sha256"] != other["weights_sha256"]
    assert other["weights"] == "random(seed=2)"


def test_under_random_weights_a_relu_loses_nothing():
    model = small_network(width=64)
    fill(model, "random")
    kernel, bias, last, _ = model.get_weights()
    np.testing.assert_array_equal(kernel[..., 32:], -kernel[..., :32])
    np.testing.assert_array_equal(bias, 0)
    # The last layer sees each z = ReLU(z) - ReLU(-z), so it is linear before its own ReLU:
    # doubled inputs double its output exactly, and negated ones negate it.
    inputs = np.random.default_rng(0).normal(size=(2, 12, 12, 3)).astype(np.float32)
    first, second = model.predict_on_batch(inputs), model.predict_on_batch(-inputs)
    pairs = first - second  # ReLU(y) - ReLU(-y)
    np.testing.assert_allclose(pairs[:, :2], -pairs[:, 2:], atol=1e-5)
    z = model.get_layer("first").convolution_op(inputs, kernel)
    expected = np.asarray(z)[..., :32].reshape(2, -1) @ last.reshape(100, 64, 4)[:, :32].reshape(
        -1, 4
    )
    np.testing.assert_allclose(pairs, expected, atol=1e-4)


def test_random_weights_keep_the_scale():
    model = small_network(width=64)
    fill(model, "random")
    kernel, _, last, _ = model.get_weights()
    np.testing.assert_allclose(kernel.var() * 27, 2 / 2.0**2, rtol=0.1)  # He-normal, scaled
    np.testing.assert_allclose(last.var() * 6400, 2, rtol=0.1)


def test_a_file_and_its_loaded_copy_agree(tmp_path):
    model = small_network()
    made = fill(model, "random")
    model.save_weights(tmp_path / "made.weights.h5")
    path = tmp_path / "made.weights.h5"
    loaded = fill(small_network(), path)
    assert loaded == made | {"weights": path.name, "path": str(path)}
    assert loaded["output_shape"] == [4]
    assert loaded["precision"] == "float32"


def test_the_precision_is_stated():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert fill(small_network(), "random")["precision"] == "bfloat16"
    finally:
        keras.config.set_dtype_policy(before)


def test_a_missing_file_does_not_become_random_weights(tmp_path):
    with pytest.raises(
        ValueError, match=r"absent\.weights\.h5, for the weights of small, does not exist\. .*moon"
    ):
        fill(small_network(), tmp_path / "absent.weights.h5")


@pytest.mark.parametrize("content", ["other model", "other shapes", "no weights"])
def test_a_file_of_another_model_is_refused(tmp_path, content):
    path = tmp_path / "other.weights.h5"
    if content == "other model":
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(path)
    elif content == "other shapes":
        small_network(width=9).save_weights(path)
    else:
        path.write_bytes(b"not HDF5")
    with pytest.raises(
        ValueError, match=r"other\.weights\.h5 has no weights of small: .*moon"
    ) as error:
        fill(small_network(), path)
    assert len(str(error.value)) < 600
