import h5py
import keras
import numpy as np
import pytest

from avel_tf import media
from avel_tf.encoders import Vgg19Encoder


@pytest.fixture(scope="module")
def frames():
    return np.random.default_rng(0).integers(0, 256, (2, 2, 224, 224, 3), np.uint8)


def test_a_segment_is_the_mean_of_its_frames(vgg19, frames):
    features = vgg19(frames)
    assert features.shape == (2, 7, 7, 512)
    assert features.dtype == np.float32
    alone = vgg19(frames.reshape(4, 1, 224, 224, 3)).reshape(2, 2, 7, 7, 512)
    np.testing.assert_allclose(features, alone.mean(axis=1), rtol=1e-3, atol=1e-5)
    assert features.min() >= 0
    assert 0.05 < features.mean() < 5


def test_pixels_are_preprocessed_as_for_imagenet(vgg19, frames, monkeypatch):
    seen = []
    monkeypatch.setattr(
        vgg19._model, "predict_on_batch", lambda x: (seen.append(x), np.zeros((2, 7, 7, 512)))[1]
    )
    vgg19(frames[:1])
    blue_green_red = frames[0][..., ::-1].astype(np.float32)
    np.testing.assert_allclose(seen[0], blue_green_red - [103.939, 116.779, 123.68], rtol=1e-4)


def test_it_is_vgg19_up_to_block5_pool(vgg19):
    assert vgg19._model.count_params() == 20_024_384
    assert vgg19._model.layers[-1].name == "block5_pool"
    metadata = vgg19.metadata()
    assert metadata["name"] == "vgg19"
    assert metadata["weights"] == "random(seed=0)"
    assert metadata["output_shape"] == [7, 7, 512]


def test_weights_in_keras_own_layout_are_loaded(vgg19, frames, tmp_path):
    path = tmp_path / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    with h5py.File(path, "w") as file:
        names = [layer.name for layer in vgg19._model.layers]
        file.attrs["layer_names"] = np.array(names, "S")
        for layer in vgg19._model.layers:
            group = file.create_group(layer.name)
            arrays = dict(zip(["W_1:0", "b_1:0"], layer.get_weights(), strict=False))
            group.attrs["weight_names"] = np.array([f"{layer.name}_{n}" for n in arrays], "S")
            for name, array in arrays.items():
                group[f"{layer.name}_{name}"] = array
    loaded = Vgg19Encoder(weights=path)
    assert loaded.metadata() == vgg19.metadata() | {"weights": path.name}
    np.testing.assert_array_equal(loaded(frames[:1, :1]), vgg19(frames[:1, :1]))


def test_a_failed_download_does_not_become_random_weights(monkeypatch):
    def fail(**arguments):
        raise Exception(f"URL fetch failure with {arguments['weights']}")

    monkeypatch.setattr(keras.applications, "VGG19", fail)
    with pytest.raises(OSError, match=r"URL fetch failure with imagenet.*give its path"):
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
