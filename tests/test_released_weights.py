import h5py
import numpy as np
import pytest

from avel_tf.models.baselines.avdln import AudioVisualDistanceLearning
from avel_tf.released_weights import load_released_weights

# Layers of the release: the features they take, and their widths.
SHAPES = {"dense_1": (8, 128), "dense_2": (128, 64), "dense_3": (6, 128), "dense_4": (128, 64)}


@pytest.fixture
def model():
    return AudioVisualDistanceLearning(audio_dim=6, visual_dim=8)


@pytest.fixture
def release(tmp_path):
    """File in the release's layout, with other widths."""
    path, rng = tmp_path / "weights.h5", np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for layer, shape in SHAPES.items():
            file[f"{layer}/{layer}/kernel:0"] = rng.normal(size=shape).astype("float32")
            file[f"{layer}/{layer}/bias:0"] = rng.normal(size=shape[1:]).astype("float32")
    return path


def network(file, features, first, second):
    """Computes dense, LeakyReLU 0.3, dense in float64."""
    for layer in (first, second):
        kernel, bias = (file[f"{layer}/{layer}/{part}:0"][()] for part in ("kernel", "bias"))
        features = features @ kernel.astype("float64") + bias
        if layer == first:
            features = np.maximum(features, 0.3 * features)
    return features


def check_forward_pass(model, path, audio, visual):
    load_released_weights(model, path)
    outputs = model(
        {
            "audio_features": audio,
            "visual_features": visual,
            "event_relevance": np.ones(audio.shape[:2]),
        }
    )
    with h5py.File(path, "r") as file:
        audio = network(file, audio.astype("float64"), "dense_3", "dense_4")
        visual = network(file, visual.astype("float64").mean(axis=(2, 3)), "dense_1", "dense_2")
    expected = np.linalg.norm(audio - visual, axis=-1)
    np.testing.assert_allclose(
        outputs["aligned_distances"], expected, rtol=0, atol=1e-5 * expected.max()
    )
    expected = -np.linalg.norm(audio[:, :, None] - visual[:, None], axis=-1)
    np.testing.assert_allclose(
        outputs["audio_visual_scores"], expected, rtol=0, atol=1e-5 * -expected.min()
    )


def test_every_layer_gets_its_weights(model, release):
    rng = np.random.default_rng(1)
    audio, visual = rng.normal(size=(2, 10, 6)), rng.normal(size=(2, 10, 2, 3, 8))
    check_forward_pass(model, release, audio.astype("float32"), visual.astype("float32"))


def test_the_release_itself(real_data):
    rng = np.random.default_rng(1)
    audio, visual = rng.random((4, 10, 128)), 5 * rng.random((4, 10, 7, 7, 512))
    path = real_data / "ave" / "avdln_released_weights.h5"
    model = AudioVisualDistanceLearning()
    check_forward_pass(model, path, audio.astype("float32"), visual.astype("float32"))


def test_a_missing_layer_is_named_and_nothing_is_set(model, release):
    with h5py.File(release, "a") as file:
        del file["dense_4/dense_4/bias:0"]
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"weights.h5 has no layer 'dense_4/dense_4/bias:0'."):
        load_released_weights(model, release)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_another_size_is_named(release):
    message = r"kernel:0' has shape \(6, 128\), but .* layer \(7, 128\)."
    with pytest.raises(ValueError, match=message):
        load_released_weights(AudioVisualDistanceLearning(audio_dim=7, visual_dim=8), release)


def test_another_file_is_named(model, tmp_path):
    path = tmp_path / "notes.h5"
    path.write_text("no weights")
    with pytest.raises(ValueError, match="notes.h5 is not an HDF5 file."):
        load_released_weights(model, path)
    with pytest.raises(FileNotFoundError, match="absent.h5"):
        load_released_weights(model, tmp_path / "absent.h5")
