import dataclasses

import numpy as np
import pytest

from avel_tf.errors import InputError
from avel_tf.models.baselines import AudioVisualLocalizer
from avel_tf.prediction.system import read_system_for
from avel_tf.presets import save_to_preset
from avel_tf.records import Description


def test_a_preset_predicts_with_its_own_categories(tmp_path):
    description = Description(("horn",), audio_dim=2, visual_shape=(1, 1, 3))
    model = AudioVisualLocalizer(num_categories=1, audio_dim=2, visual_shape=(1, 1, 3), units=2)
    model.trained_on = {
        "source": {"kind": "media"},
        "description": dataclasses.asdict(description),
    }
    save_to_preset(model, tmp_path / "preset")
    system = read_system_for("sel", tmp_path / "preset")
    assert system.source == {"kind": "media"} and system.description == description
    features = {"audio_features": np.ones((1, 4, 2)), "visual_features": np.ones((1, 4, 1, 1, 3))}
    answers = system.signatures["localize_event"](**features)
    names = [description.label_names[label] for label in answers["segment_label"][0]]
    assert [name.decode() for name in answers["segment_label_name"][0]] == names


def test_a_damaged_preset_is_named(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"is not a preset: it lacks model\.weights\.h5"):
        read_system_for("sel", tmp_path)
