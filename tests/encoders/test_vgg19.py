import h5py
import keras
import numpy as np
import pytest

from avel_tf import media
from avel_tf.encoders import Vgg19Encoder, visual_encoder


@pytest.fixture(scope="module")
def frames():
    return np.random.default_rng(0).integers(0, 256, (2, 2, 224, 224, 3), np.uint8)


def test_a_segment_is_the_mean_of_its_frames(vgg19_in_bfloat16, frames):
    features = vgg19_in_bfloat16(frames)
    assert features.shape == (2, 7, 7, 512)
    alone = vgg19_in_bfloat16(frames.reshape(4, 1, 224, 224, 3)).astype(np.float32)
    expected = alone.reshape(2, 2, 7, 7, 512).mean(axis=1)  # not in bfloat16
    np.testing.assert_array_equal(features, expected)
    assert features.min() >= 0
    assert 0.05 < features.mean() < 5


def test_segments_keep_their_order_across_batches(vgg19, frames, monkeypatch):
    monkeypatch.setattr(visual_encoder, "BATCH", 3)
    together = vgg19(frames)  # batches of three frames and of one
    np.testing.assert_allclose(together[1:], vgg19(frames[1:]), atol=1e-4 * together.max())


@pytest.mark.slow
def test_equals_an_independent_computation(vgg19, with_biases, reference, frames):
    weights = with_biases(vgg19)
    expected = reference.vgg19(weights, frames[:1])
    # float32 compared with float64, relative to the largest feature.
    assert np.abs(vgg19(frames[:1]) - expected).max() < 1e-4 * expected.max()


def test_is_vgg19_up_to_block5_pool(vgg19):
    assert vgg19.model.count_params() == 20_024_384
    assert vgg19.model.layers[-1].name == "block5_pool"
    metadata = vgg19.metadata()
    assert metadata["name"] == "vgg19"
    assert metadata["weights"] == "random(seed=0)"
    assert metadata["output_shape"] == [7, 7, 512]


def test_precision_applies_to_layers_not_to_weights(vgg19, vgg19_in_bfloat16, frames):
    assert vgg19.metadata()["precision"] == "float32"
    assert vgg19_in_bfloat16.metadata() == vgg19.metadata() | {"precision": "bfloat16"}
    exact, half = vgg19(frames[:1, :1]), vgg19_in_bfloat16(frames[:1, :1])
    assert half.dtype == np.float32
    # bfloat16 has 8 significant bits.
    assert 1e-4 < np.abs(half - exact).max() / exact.max() < 3e-2


def test_the_global_policy_changes_nothing(vgg19):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert Vgg19Encoder().metadata() == vgg19.metadata()
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("precision", ["auto", "mixed_bfloat16"])
def test_precision_is_one_of_two(precision):
    with pytest.raises(ValueError, match=rf"`precision` must be one of .*precision='{precision}'"):
        Vgg19Encoder(precision=precision)


def test_a_missing_file_names_the_official_one():
    with pytest.raises(ValueError, match=r"absent\.h5, .*https://storage\.googleapis\.com/.*notop"):
        Vgg19Encoder(weights="absent.h5")


def test_weights_in_keras_own_layout_are_loaded(vgg19, frames, tmp_path):
    path = tmp_path / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    with h5py.File(path, "w") as file:
        names = [layer.name for layer in vgg19.model.layers]
        file.attrs["layer_names"] = np.array(names, "S")
        for layer in vgg19.model.layers:
            group = file.create_group(layer.name)
            arrays = dict(zip(["W_1:0", "b_1:0"], layer.get_weights(), strict=False))
            group.attrs["weight_names"] = np.array([f"{layer.name}_{n}" for n in arrays], "S")
            for name, array in arrays.items():
                group[f"{layer.name}_{name}"] = array
    loaded = Vgg19Encoder(weights=path)
    assert loaded.metadata() == vgg19.metadata() | {"weights": path.name, "path": str(path)}
    np.testing.assert_array_equal(loaded(frames[:1, :1]), vgg19(frames[:1, :1]))


def test_a_failed_download_does_not_become_random_weights(monkeypatch):
    def fail(**arguments):
        raise Exception(f"URL fetch failure with {arguments['weights']}")

    monkeypatch.setattr(keras.applications, "VGG19", fail)
    with pytest.raises(OSError, match=r"failure with imagenet.*https://.*notop\.h5.*pass its path"):
        Vgg19Encoder(weights="imagenet")


@pytest.mark.parametrize(
    "frames",
    [np.zeros((1, 224, 224, 3), np.uint8), np.zeros((1, 1, 224, 224, 3), np.float32)],
)
def test_frames_must_be_bytes_of_224_by_224(vgg19, frames):
    with pytest.raises(ValueError, match="`frames` must be a uint8 array"):
        vgg19(frames)


def test_random_weights_tell_pictures_apart(vgg19, real_data):
    clips = {"decord_flipping_a_pancake.mkv": 10, "torchcodec_nasa_13013.mp4": 10}
    pictures = np.concatenate(
        [
            media.read_frames(real_data / "clips" / name, frames_per_segment=1)[:8:4]
            for name in clips
        ]
    )
    glorot = keras.applications.VGG19(include_top=False, weights=None, input_shape=(224, 224, 3))
    keras.utils.set_random_seed(0)
    plain = glorot.predict_on_batch(
        keras.applications.vgg19.preprocess_input(pictures[:, 0].astype(np.float32))
    )
    assert mean_cosine(vgg19(pictures)) < mean_cosine(plain) - 0.15


def mean_cosine(features):
    rows = features.reshape(len(features), -1)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows @ rows.T)[np.triu_indices(len(rows), 1)].mean()
