import numpy as np
import pytest

from avel_tf.models.baselines import AudioVisualDualNetwork

SMALL = {"num_categories": 4, "audio_dim": 6, "visual_dim": 8, "units": 5}


def make_model():
    model, rng = AudioVisualDualNetwork(**SMALL), np.random.default_rng(1)
    model.set_weights([0.5 * rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def test_sizes():
    # LSTMs of 128 units over 128, 512 and 128 + 512 + 128 features, with two biases.
    lstms = sum(4 * 128 * (width + 128 + 2) for width in (128, 512, 768))
    model = AudioVisualDualNetwork()
    assert model.count_params() == lstms + (256 + 1) * 128 + (128 + 1) * 29
    assert model.input["visual_features"].shape == (None, None, None, None, 512)


def test_parts_are_wired_as_described(make_batch):
    model, features = make_model(), make_batch()[0]
    audio = features["audio_features"]
    visual = features["visual_features"].mean(axis=(2, 3))
    last = [np.asarray(model.audio_encoder(audio)), np.asarray(model.visual_encoder(visual))]
    kernel, bias = model.fusion.get_weights()
    global_feature = np.tanh(np.concatenate(last, axis=-1) @ kernel + bias)
    repeated = np.repeat(global_feature[:, None], 10, axis=1)
    decoded = np.asarray(model.decoder(np.concatenate([audio, visual, repeated], axis=-1)))
    kernel, bias = model.segment_label.get_weights()
    logits = model(features)["segment_label_logits"]
    np.testing.assert_allclose(logits, decoded @ kernel + bias, rtol=1e-4, atol=1e-5)


def changed_by_the_end(model, features):
    """Returns how much the first segment's logits change when the last segment does."""
    other = {name: feature.copy() for name, feature in features.items()}
    for feature in other.values():
        feature[:, -1] *= -3
    outputs = [model.predict_on_batch(each)["segment_label_logits"] for each in (features, other)]
    return np.abs(outputs[0] - outputs[1])[:, 0].max()


def test_the_future_is_seen_only_through_the_global_feature(make_batch):
    model, features = make_model(), make_batch()[0]
    assert changed_by_the_end(model, features) > 1e-2
    model.fusion.set_weights([0 * weight for weight in model.fusion.get_weights()])
    assert changed_by_the_end(model, features) == 0


@pytest.mark.parametrize("wrong", ["visual_dim", "units"])
def test_errors_name_the_argument(wrong):
    with pytest.raises(ValueError, match=f"`{wrong}` must be a positive integer.*{wrong}=-1."):
        AudioVisualDualNetwork(**{wrong: -1})
