"""Prediction and drawing of a video's events in a notebook."""

import keras
import numpy as np
import pytest

import avel_tf
from avel_tf.configuration import EncodingConfig
from avel_tf.errors import InputError, MediaError
from avel_tf.notebook.dataset import Dataset
from avel_tf.simulation import SimulationConfig, render_dataset

ENCODING = EncodingConfig("random", "random", frames_per_segment=1, encoder_precision="float32")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    render_dataset(folder, SimulationConfig(num_clips=3, num_categories=1))
    return min((folder / "AVE").glob("*.mp4"))


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return avel_tf.SupervisedEventLocalizer(units=8, num_heads=2)


def test_arrays_equal_those_of_the_model(model, video, fake_encoder):
    found = avel_tf.predict(model, video, ENCODING)
    features = found.clip.features
    assert features["audio_features"].shape == (10, 128)
    outputs = model.predict_on_batch({name: array[None] for name, array in features.items()})
    np.testing.assert_array_equal(found.labels, outputs["segment_label"][0])
    relevance = outputs["event_relevance_probabilities"][0]
    np.testing.assert_allclose(1 - found.probabilities[:, 28], found.relevance["event"], rtol=1e-5)
    audio = 1 / (1 + np.exp(-outputs["audio_relevance_logits"][0]))
    np.testing.assert_allclose(found.relevance["audio"], audio, rtol=1e-4)
    assert relevance.shape == (10,) and found.probabilities.shape == (10, 29)
    for event in found.events:
        part = slice(event.start_seconds, event.end_seconds)
        label = avel_tf.CATEGORIES.index(event.category)
        assert (found.labels[part] == label).all()
        assert event.confidence == pytest.approx(found.probabilities[part, label].mean())
    assert sum(each.end_seconds - each.start_seconds for each in found.events) == np.sum(
        found.labels < 28
    )


def test_a_file_predicts_like_the_model(model, video, fake_encoder, tmp_path):
    model.save(tmp_path / "model.keras")
    found = avel_tf.predict(str(tmp_path / "model.keras"), str(video), ENCODING)
    again = avel_tf.predict(model, video, ENCODING)
    np.testing.assert_array_equal(found.labels, again.labels)
    np.testing.assert_allclose(found.probabilities, again.probabilities, rtol=1e-5)


def test_a_notebook_draws_the_time_line(model, video, fake_encoder):
    found = avel_tf.predict(model, video, ENCODING)
    shown = found._repr_html_()
    assert 'class="time-line"' in shown and ".time-line svg" in shown
    assert shown.count("<image ") == 10 and '<polygon class="peaks"' in shown
    assert shown.count("<polyline") == 3
    assert shown.count("<tr>") == 1 + len(found.events)
    for event in found.events:
        assert f"<td>{event.category}</td>" in shown
    assert video.name in shown and "<script" not in shown
    assert repr(found) == f"Prediction of {video}: {found.events}"


def test_what_is_made_up_is_said_wherever_events_are_shown(model, video, fake_encoder):
    source = {"kind": "simulated_features"}
    dataset = Dataset("sel", source, {"train": 0}, lambda split: None)
    found = avel_tf.predict(model, video, ENCODING, trained_on=dataset)
    sentence = "From simulated features: these numbers say nothing about real videos."
    assert repr(found).endswith(sentence)
    assert found._repr_html_().count(sentence) == 1


def test_a_threshold_decides_what_is_an_event(model, video, fake_encoder):
    relevance = avel_tf.predict(model, video, ENCODING).relevance["event"]
    threshold = float(np.median(relevance))
    found = avel_tf.predict(model, video, ENCODING, threshold=threshold)
    np.testing.assert_array_equal(found.labels < 28, relevance >= threshold)
    assert avel_tf.predict(model, video, ENCODING, threshold=1).events == []
    with pytest.raises(ValueError, match="`threshold` must be a number from 0 to 1"):
        avel_tf.predict(model, "none.mp4", ENCODING, threshold=60)


def test_encoders_are_compared_with_the_training_data(model, video, fake_encoder, caplog):
    source = {"kind": "media", "frames_per_segment": 1}
    dataset = Dataset("sel", source, {"train": 0}, lambda split: None)
    avel_tf.predict(model, video, ENCODING, trained_on=dataset)
    assert not caplog.records
    dataset.source["frames_per_segment"] = 16
    with pytest.raises(InputError, match="other encoders: frames_per_segment: 16, 1"):
        avel_tf.predict(model, video, ENCODING, trained_on=dataset)
    avel_tf.predict(model, video, ENCODING)
    assert "trained on features of unknown origin" in caplog.text


def test_unusable_models_are_refused(model, video, fake_encoder, tmp_path):
    localizer = avel_tf.CrossModalityLocalizer(units=8, num_heads=2)
    with pytest.raises(InputError, match=r"has \['audio_to_visual', .* a system for the task sel"):
        avel_tf.predict(localizer, video, ENCODING)
    with pytest.raises(MediaError, match="missing.mp4"):
        avel_tf.predict(model, tmp_path / "missing.mp4", ENCODING)
