import dataclasses

import numpy as np
import pytest

from avel_tf.errors import InputError
from avel_tf.models import SupervisedEventLocalizer
from avel_tf.models.baselines import AudioVisualLocalizer
from avel_tf.prediction.system import read_system_for
from avel_tf.presets import save_to_preset
from avel_tf.records import Description
from avel_tf.serving.export import export_model
from avel_tf.serving.provenance import DECISION

DESCRIPTION = Description(("horn",), audio_dim=2, visual_shape=(1, 1, 3))


def test_a_preset_predicts_with_its_own_categories(tmp_path):
    model = AudioVisualLocalizer(num_categories=1, audio_dim=2, visual_shape=(1, 1, 3), units=2)
    model.trained_on = {
        "source": {"kind": "media"},
        "description": dataclasses.asdict(DESCRIPTION),
    }
    save_to_preset(model, tmp_path / "preset")
    system = read_system_for("sel", tmp_path / "preset")
    assert system.source == {"kind": "media"} and system.description == DESCRIPTION
    assert system.threshold is None
    features = {"audio_features": np.ones((1, 4, 2)), "visual_features": np.ones((1, 4, 1, 1, 3))}
    answers = system.signatures["localize_event"](**features)
    names = [DESCRIPTION.label_names[label] for label in answers["segment_label"][0]]
    assert [name.decode() for name in answers["segment_label_name"][0]] == names


def test_a_threshold_is_kept_with_its_system(tmp_path):
    model = SupervisedEventLocalizer(
        num_categories=1, audio_dim=2, visual_shape=(1, 1, 3), units=2, num_heads=1, threshold=0.3
    )
    save_to_preset(model, tmp_path / "preset")
    model.save(tmp_path / "model.keras")
    export_model(model, tmp_path / "saved", {"kind": "media"}, DESCRIPTION)
    random = np.random.default_rng(0)
    features = {
        "audio_features": random.normal(size=(8, 4, 2)),
        "visual_features": random.normal(size=(8, 4, 1, 1, 3)),
    }
    for path in (tmp_path / "preset", tmp_path / "model.keras", tmp_path / "saved"):
        system = read_system_for("sel", path)
        assert system.threshold == 0.3
        answers = system.signatures["localize_event"](**features)
        relevance = answers["event_relevance_probabilities"]
        assert ((relevance >= 0.3) & (relevance < 0.5)).any()
        np.testing.assert_array_equal(answers["segment_label"] == 0, relevance >= 0.3)
    (tmp_path / "saved" / DECISION).unlink()  # as version 0.1.0
    assert read_system_for("sel", tmp_path / "saved").threshold == 0.5


def test_a_damaged_preset_is_named(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"is not a preset: it lacks model\.weights\.h5"):
        read_system_for("sel", tmp_path)
