import pytest

from avel_tf.ave import DataError
from avel_tf.feature_origin import PATH, check_encoders, is_encoded, read_origin, write_origin

SOURCE = {
    "kind": "media",
    "visual_encoder": {"weights": "a.h5", "weights_sha256": "1", "precision": "bfloat16"},
    "audio_encoder": {"weights": "b.h5", "weights_sha256": "2"},
    "frames_per_segment": 4,
    "code": "1f",
}


@pytest.fixture
def saved_model(tmp_path):
    """Where the Trainer puts it."""
    folder = tmp_path / "model" / "Format-Serving"
    (folder / PATH.parent).mkdir(parents=True)
    return folder


def test_a_saved_model_tells_and_so_does_the_keras_file_beside_it(saved_model, tmp_path):
    keras_file = tmp_path / "model" / "Format-Keras" / "model.keras"
    assert read_origin(saved_model) is None and read_origin(keras_file) is None
    write_origin(saved_model, SOURCE)
    assert read_origin(saved_model) == read_origin(keras_file) == SOURCE
    assert read_origin(tmp_path / "model.keras") is None


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_damaged_note_is_named(saved_model, text):
    (saved_model / PATH).write_text(text)
    with pytest.raises(DataError, match=r"features\.json is damaged\. Export the model again"):
        read_origin(saved_model)


def test_the_same_weights_under_another_name_are_the_same():
    renamed = {"weights": "other.h5", "weights_sha256": "2"}
    check_encoders(SOURCE, {**SOURCE, "audio_encoder": renamed, "code": "2e"})
    check_encoders(SOURCE, {"audio_encoder": renamed})  # what is not there is not compared


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"audio_encoder": {"weights_sha256": "3"}}, "audio_encoder.weights_sha256: 2, 3"),
        ({"frames_per_segment": 16}, "frames_per_segment: 4, 16"),
    ],
)
def test_other_encoders_are_refused(changed, difference):
    with pytest.raises(DataError, match=f"other encoders: {difference}. Give the same"):
        check_encoders(SOURCE, {**SOURCE, **changed})


@pytest.mark.parametrize(
    ("source", "named"),
    [(None, "features it does not tell of"), ({"kind": "official_features"}, "official features")],
)
def test_what_cannot_be_checked_is_said(source, named, caplog):
    assert not is_encoded(source)
    check_encoders(source, SOURCE)
    assert f"The model learned on {named}: whether" in caplog.text
