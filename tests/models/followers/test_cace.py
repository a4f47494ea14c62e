import keras
import numpy as np
import pytest

from avel_tf.choices import PADDING
from avel_tf.losses import EventContrastLoss, localization_losses, localization_targets
from avel_tf.models import CoGuidanceContrastiveEnhancement
from avel_tf.models.followers import suppression
from avel_tf.models.followers.cace import guided
from avel_tf.models.followers.suppression import Suppression
from avel_tf.presets import from_preset, save_to_preset
from tests.models.followers.test_cmbs import SMALL, cmbs_size, dense, zeroed


def test_size_of_the_description():
    guiding = 2 * dense(512, 128) + dense(512, 512)  # its normalization is shared
    sound = 3 * dense(128, 128) + 2 * 128
    guide = dense(512, 128) + 2 * dense(128, 128)
    size = cmbs_size(512) + guiding + sound + guide + dense(256, 256)
    model = CoGuidanceContrastiveEnhancement()
    assert sum(weight.numpy().size for weight in model.trainable_weights) == size
    assert len(model.non_trainable_weights) == 1  # of `LateStart`


def test_known_answer(make_batch):
    model = CoGuidanceContrastiveEnhancement(**SMALL)
    layers = zeroed(model)
    layers["visual_interaction_norm"].beta.assign([3] * 4)
    layers["audio_interaction_norm"].beta.assign([5] * 4)
    layers["contrast"].bias.assign([3, 4, -5, 0])
    layers["event_relevance"].kernel.assign([[0.25]] * 4)
    layers["event_category"].kernel.assign(0.5 * np.eye(4)[[1] * 4])
    features, _ = make_batch(batch=1, segments=5)
    for values in features.values():
        values[:, 4] = 0  # padding
    for is_open, relevance, view in (
        # Of f = (4, 4, 4, 4) and z = (3, 4, 0, 0), a quarter of the sum of f + 0.6 z.
        (1, (16 + 0.6 * 7) / 4, [0.6, 0.8, 0, 0]),
        (0, 16 / 4, [0, 0, 0, 0]),
    ):
        layers["contrast_start"].is_open.assign(is_open)
        outputs = model.predict_on_batch(features)
        expected = {
            "event_category_logits": [[0, 8, 0, 0]],  # of f alone
            "event_relevance_logits": [[relevance] * 5],
            "contrast_views": [[view + view] * 4 + [[0] * 8]],
            "segment_label": [[1] * 4 + [4]],
        }
        for name, values in expected.items():
            np.testing.assert_allclose(outputs[name], values, rtol=1e-5, err_msg=name)


def test_sound_is_guided_by_what_the_pictures_find_in_it():
    parts = Suppression(4, 4, feedforward=8, threshold=0.5, dtype=keras.dtype_policies.get(None))
    inputs = [keras.Input((None, width)) for width in (2, 1)] + [keras.Input((None,))]
    model = keras.Model(inputs, guided(parts, *inputs))
    layers = zeroed(model)
    layers["sound_norm"].gamma.assign([1, 1])  # leaves these values as they are
    audio = np.array([[[1, -1], [-1, 1], [1, -1]]])
    layers["guide_query"].kernel.assign([[1, 0]])
    layers["guide_key"].kernel.assign([[np.log(3) / 2, 0], [0, 0]])  # weights 3/4 and 1/4
    layers["guide_value"].kernel.assign(2 * np.log(3) * np.eye(2))  # times (1/2, -1/2)
    result = model([audio, np.ones((1, 3, 1)), np.array([[1, 1, 0]])])
    # σ(log 3) is 3/4, σ(-log 3) is 1/4.
    expected = audio * [1 + 0.3 * 0.75, 1 + 0.3 * 0.25]
    np.testing.assert_allclose(result, expected, rtol=1e-4)


def test_contrast_of_events_with_background():
    loss = EventContrastLoss(temperature=0.5)
    one, other, none = [1, 0], [0, 1], [0, 0]
    views = np.array([[one + other, one + other, other + one]], "float32")
    # Each view is like one other, product 1 / 0.5, and unlike two.
    total = np.log(np.exp(2) + 2)
    for relevance, expected in (
        ([[1, 0, PADDING]], total),  # the second view of the segment is unlike
        ([[1, 1, PADDING]], total - 2 / 3),  # one of three positives is like
    ):
        assert float(loss(np.array(relevance), views)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(np.array([[1, 1, 0]]), np.array([[none + none] * 3], "float32"))) == 0


def test_one_step_trains_what_is_added_to_cmbs(make_batch, monkeypatch):
    monkeypatch.setattr(suppression, "NUM_ENCODERS", 1)  # the second is like the first
    keras.utils.set_random_seed(0)
    model = CoGuidanceContrastiveEnhancement(**SMALL)
    features, labels = make_batch()
    first, second = np.split(model(features, training=True)["contrast_views"], 2, axis=-1)
    assert np.abs(first - second).max() > 1e-3
    losses, weights = localization_losses(model.output)
    assert (losses["contrast_views"].temperature, weights["contrast_views"]) == (0.01, 1)
    eagerly = keras.config.backend() == "tensorflow"
    model.compile(keras.optimizers.SGD(0.1), losses, weights, run_eagerly=eagerly)
    added = [
        weight
        for weight in model.trainable_weights
        if weight.path.startswith(("guiding_", "sound_", "guide_", "contrast"))
        and weight.path.endswith("kernel")
    ]
    assert len(added) == 10
    before = [keras.ops.convert_to_numpy(weight) for weight in added]
    model.train_on_batch(features, localization_targets(model.output, labels))
    for weight, old in zip(added, before, strict=True):
        assert np.abs(keras.ops.convert_to_numpy(weight) - old).max() > 1e-7, weight.path


def test_a_preset_is_of_before_the_contrast_or_after(tmp_path):
    model = CoGuidanceContrastiveEnhancement(**SMALL, threshold=0.3)
    is_open = model.get_layer("contrast_start").is_open
    assert float(is_open) == 1
    for value in (0, 1):
        is_open.assign(value)
        save_to_preset(model, tmp_path / str(value))
        loaded = from_preset(tmp_path / str(value))
        assert loaded.get_config() == model.get_config() and loaded.threshold == 0.3
        assert float(loaded.get_layer("contrast_start").is_open) == value
        for weight, old in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, old)
