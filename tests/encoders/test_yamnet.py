"""YAMNet, with the released weights where they are."""

import csv
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from avel_tf.encoders import YamnetEncoder, in_graph
from avel_tf.encoders.yamnet import build_yamnet
from avel_tf.errors import InputError
from avel_tf.media import read_clip


@pytest.fixture(scope="module")
def yamnet(real_data):
    return YamnetEncoder(real_data / "encoders" / "yamnet.h5")


@pytest.fixture(scope="module")
def class_names(real_data):
    with (real_data / "encoders" / "yamnet_class_map.csv").open(newline="") as file:
        return np.array([row["display_name"] for row in csv.DictReader(file)])


def sound(path):
    return read_clip(path, modalities=("audio",)).waveform()


def patches(waveform):
    """Cuts sound as the released program does: patches of 0.96 s, each 0.48 s after the last."""
    samples = waveform.reshape(-1)
    starts = range(0, len(samples) - 15600 + 1, 7680)
    return np.stack([np.pad(samples[start : start + 15600], (0, 400)) for start in starts])


def test_it_has_the_released_weights_in_the_released_order():
    model = build_yamnet()
    assert model.count_params() == 3_751_369
    assert [weight.shape for weight in model.weights][:5] == [
        *((3, 3, 1, 32), (32,), (32,), (32,)),
        (3, 3, 32, 1),
    ]
    assert model.get_layer("global_average_pooling2d").output.shape == (None, 1024)


@pytest.mark.parametrize(
    ("clip", "names"),
    [
        ("llp_BjCEufrlXm4.mp4", ["Dog", "Domestic animals, pets", "Animal"]),
        ("torchcodec_nasa_13013.mp4", ["Speech"]),
    ],
)
def test_it_names_what_is_heard(clip, names, yamnet, class_names, real_data):
    scores = yamnet.class_scores(patches(sound(real_data / "clips" / clip))).mean(axis=0)
    assert class_names[np.argsort(-scores)][: len(names)].tolist() == names


def test_it_hears_a_car_from_the_annotated_second_on(yamnet, class_names, real_data):
    scores = yamnet.class_scores(sound(real_data / "clips" / "ave" / "22olCB3wQaA.mp4"))
    names = ("Vehicle", "Car", "Skidding", "Race car, auto racing")
    loudest = scores[:, np.isin(class_names, names)].max(axis=1)
    assert loudest[:5].max() < 0.1 < loudest[5:].min()


def test_the_embedding_is_that_of_the_classifier(yamnet, real_data):
    waveform = sound(real_data / "clips" / "llp_BjCEufrlXm4.mp4")
    features = yamnet(waveform)
    assert features.shape == (10, 1024) and features.dtype == np.float32 and features.min() == 0
    kernel, bias = yamnet._classifier.get_layer("dense").get_weights()
    expected = 1 / (1 + np.exp(-(features @ kernel + bias)))
    np.testing.assert_allclose(yamnet.class_scores(waveform), expected, atol=1e-5)


def test_it_is_the_same_in_a_graph(yamnet, real_data):
    waveform = sound(real_data / "clips" / "torchcodec_nasa_13013.mp4")
    found = tf.function(lambda sound: in_graph.encode_waveform(yamnet, sound))(
        waveform.reshape(2, -1)
    )
    features = yamnet(waveform)
    assert np.abs(found.numpy().reshape(10, 1024) - features).max() < 1e-4 * features.max()


def test_its_metadata_tell_the_weights(yamnet, real_data):
    metadata = yamnet.metadata()
    assert metadata["name"] == "yamnet" and metadata["output_shape"] == [1024]
    assert metadata["path"] == str((real_data / "encoders" / "yamnet.h5").resolve())
    assert len(metadata["weights_sha256"]) == 64
    assert YamnetEncoder("random").metadata()["weights_sha256"] != metadata["weights_sha256"]


def test_random_features_of_different_sounds_differ():
    generator = np.random.default_rng(0)
    waveform = generator.normal(0, [[0.3], [0.03]], (2, 16000)).astype(np.float32)
    features = YamnetEncoder("random", seed=1)(waveform)
    assert np.abs(features[0] - features[1]).max() > 0.1 * features.max() > 0
    np.testing.assert_array_equal(features, YamnetEncoder("random", seed=1)(waveform))


def test_other_weights_are_refused(tmp_path):
    path = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(path)
    with pytest.raises(InputError, match=r"other\.weights\.h5 has no weights of yamnet"):
        YamnetEncoder(path)


def test_a_download_that_fails_says_what_to_do(monkeypatch):
    def fail(**arguments):
        assert arguments["file_hash"].startswith("8e46c7329945")
        raise Exception("URL fetch failure on https://…: None -- Name or service not known")

    monkeypatch.setattr(keras.utils, "get_file", fail)
    with pytest.raises(OSError, match=r"Cannot download \S+yamnet\.h5: .* `audio_weights`"):
        YamnetEncoder("audioset")


def test_a_download_is_checked(tmp_path, monkeypatch):
    """Downloads a file by Keras's own downloader, from a folder in place of the network."""
    download = functools.partial(keras.utils.get_file, cache_dir=str(tmp_path / "keras"))
    monkeypatch.setattr(keras.utils, "get_file", download)
    (tmp_path / "yamnet.h5").write_bytes(b"not the released file")
    monkeypatch.setattr("avel_tf.encoders.yamnet.WEIGHTS_URL", (tmp_path / "yamnet.h5").as_uri())
    with pytest.raises(OSError, match="Cannot download file:"):
        YamnetEncoder("audioset")
