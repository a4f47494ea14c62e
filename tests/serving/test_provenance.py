import dataclasses

import pytest

from avel_tf.configuration import EncodingConfig
from avel_tf.errors import InputError
from avel_tf.models.baselines import AudioVisualLocalizer
from avel_tf.records import Description
from avel_tf.records.description import AVE
from avel_tf.serving.provenance import (
    PATH,
    caution,
    check_encoders,
    describe_data,
    encoded_like,
    is_encoded,
    read_description,
    read_origin,
    write_origin,
)

SOURCE = {
    "kind": "media",
    "visual_encoder": {"weights": "a.h5", "weights_sha256": "1", "precision": "bfloat16"},
    "audio_encoder": {"weights": "b.h5", "weights_sha256": "2"},
    "frames_per_segment": 4,
    "code": "1f",
}


@pytest.fixture
def saved_model(tmp_path):
    """SavedModel where the Trainer puts it."""
    folder = tmp_path / "model" / "Format-Serving"
    (folder / PATH.parent).mkdir(parents=True)
    return folder


def test_a_saved_model_and_its_keras_file_state_the_origin(saved_model, tmp_path):
    keras_file = tmp_path / "model" / "Format-Keras" / "model.keras"
    assert read_origin(saved_model) is None and read_origin(keras_file) is None
    write_origin(saved_model, SOURCE)
    assert read_origin(saved_model) == read_origin(keras_file) == SOURCE
    assert read_origin(tmp_path / "model.keras") is None


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_damaged_note_is_named(saved_model, text):
    (saved_model / PATH).write_text(text)
    with pytest.raises(InputError, match=r"features\.json is damaged\. Export the model again"):
        read_origin(saved_model)


def test_the_same_weights_under_another_name_are_the_same():
    renamed = {"weights": "other.h5", "weights_sha256": "2"}
    check_encoders(SOURCE, {**SOURCE, "audio_encoder": renamed, "code": "2e"})
    check_encoders(SOURCE, {"audio_encoder": renamed})  # missing names are not compared


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"audio_encoder": {"weights_sha256": "3"}}, "audio_encoder.weights_sha256: 2, 3"),
        ({"frames_per_segment": 16}, "frames_per_segment: 4, 16"),
    ],
)
def test_other_encoders_are_refused(changed, difference):
    with pytest.raises(InputError, match=f"other encoders: {difference}. Use the same"):
        check_encoders(SOURCE, {**SOURCE, **changed})


@pytest.mark.parametrize(
    ("source", "named"),
    [(None, "features of unknown origin"), ({"kind": "official_features"}, "official features")],
)
def test_unknown_encoders_log_a_warning(source, named, caplog):
    assert not is_encoded(source)
    check_encoders(source, SOURCE)
    assert f"The model was trained on {named}, so" in caplog.text


UNTRAINED = {"weights": "random(seed=0)"}
NOTHING_REAL = "From {}: these numbers say nothing about real videos."


@pytest.mark.parametrize(
    ("source", "words", "made_up"),
    [
        (None, "features of unknown origin", ""),
        ({"kind": "official_features"}, "official features", ""),
        ({"kind": "media", "visual_encoder": {"weights": "imagenet"}}, "media files", ""),
        ({"kind": "simulated_features"}, "simulated features", "simulated features"),
        (
            {"kind": "media", "visual_encoder": UNTRAINED},
            "media files, untrained encoders",
            "untrained encoders",
        ),
        (
            {"kind": "media", "audio_encoder": UNTRAINED},
            "media files, untrained encoders",
            "untrained encoders",
        ),
        ({"kind": "media", "simulated_clips": True}, "simulated clips", "simulated clips"),
        (
            {"kind": "media", "simulated_clips": True, "audio_encoder": UNTRAINED},
            "simulated clips, untrained encoders",
            "simulated clips and untrained encoders",
        ),
    ],
)
def test_data_in_words(source, words, made_up):
    assert describe_data(source) == words
    assert caution(source) == (NOTHING_REAL.format(made_up) if made_up else "")


def test_what_any_of_several_sources_made_up_is_said_once():
    sources = {"kind": "simulated_features"}, {"kind": "media", "audio_encoder": UNTRAINED}
    both = NOTHING_REAL.format("simulated features and untrained encoders")
    assert caution(*sources, None, sources[0]) == both


def test_where_clips_come_from_does_not_matter_to_encoders():
    check_encoders({**SOURCE, "simulated_clips": True}, SOURCE)


def test_settings_are_those_of_other_features_without_their_weights():
    settings = EncodingConfig(frames_per_segment=4, encoder_precision="bfloat16", resize="bilinear")
    assert encoded_like({**SOURCE, "resize": "bilinear"}) == settings
    assert encoded_like(SOURCE).resize == "antialiased"  # what datasets did before they said so
    for source in (None, {"kind": "official_features"}):
        assert encoded_like(source) == EncodingConfig()


def test_encoders_of_earlier_features_are_found_again(tmp_path):
    weights, network = tmp_path / "yamnet.h5", tmp_path / "network.keras"
    source = {
        "kind": "media",
        "frames_per_segment": 4,
        "audio_encoder": {"name": "yamnet", "weights": "yamnet.h5", "path": str(weights)},
        "visual_encoder": {"name": "x", "path": str(network), "is_model_file": True},
    }
    found = encoded_like(source)
    assert (found.audio_encoder, found.audio_weights) == ("yamnet", "audioset")  # it has moved
    assert (found.visual_encoder, found.frames_per_segment) == (str(network), 4)
    weights.touch()
    assert encoded_like(source).audio_weights == str(weights)
    source["audio_encoder"] = {"name": "vggish", "weights": "random(seed=0)"}
    found = encoded_like(source)
    assert (found.audio_encoder, found.audio_weights) == ("vggish", "random")


def test_a_keras_file_carries_its_origin(tmp_path):
    model = AudioVisualLocalizer(num_categories=1, audio_dim=2, visual_shape=(1, 1, 3), units=2)
    model.save(tmp_path / "plain.keras")
    assert read_origin(tmp_path / "plain.keras") is None
    assert read_description(tmp_path / "plain.keras") == AVE
    description = Description(("horn",), audio_dim=2, visual_shape=(1, 1, 3))
    model.trained_on = {"source": SOURCE, "description": dataclasses.asdict(description)}
    model.save(tmp_path / "model.keras")
    assert read_origin(tmp_path / "model.keras") == SOURCE
    assert read_description(tmp_path / "model.keras") == description
