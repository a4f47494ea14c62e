import numpy as np
import pytest

from avel_tf.losses import localization_losses
from avel_tf.models import PositiveSamplePropagation
from avel_tf.models.followers.psp import positive_connections


def test_size_of_the_description():
    projections = 128 * 256 + 256 * 128 + 512 * 256 + 256 * 128
    attention = (512 + 1) * 512 + (128 + 1) * 512 + 2 * 512 * 49 + 49
    lstm = 2 * 4 * 128 * (128 + 128 + 2)  # a row for every input, and two biases
    propagation = 4 * 256 * 256
    decision = 2 * (256 + 1) * 256 + 2 * 256 + (256 + 1) * 64 + (64 + 1) * 29
    size = projections + attention + 2 * lstm + propagation + decision
    assert PositiveSamplePropagation().count_params() == size


def test_only_strong_connections_are_kept():
    products = np.array([[[8.0, 1.9, 0.1, -3.0, 90.0], [-1.0] * 5]], "float32")
    weights = positive_connections(products, np.array([[1, 1, 1, 1, 0]], "float32"))
    # Of 8, 1.9 and 0.1, whose sum is 10, the last is at most 0.099; then the sum is 9.9.
    expected = [[[8 / 9.9, 1.9 / 9.9, 0, 0, 0], [0] * 5]]
    np.testing.assert_allclose(weights, expected, rtol=1e-5)


def test_known_answer(make_batch):
    model = PositiveSamplePropagation(
        num_categories=4, audio_dim=6, visual_shape=(2, 3, 8), units=4
    )
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    layers = {layer.name: layer for layer in model.layers}
    # Behind the propagation each modality has what its bias says; one normalization for both.
    layers["audio_output"].bias.assign([3, 1, 1, 3])  # to 1, -1, -1, 1
    layers["visual_output"].bias.assign([3, 1, 3, 1])  # to 1, -1, 1, -1
    layers["norm"].gamma.assign([1, 1, 1, 1])
    layers["norm"].beta.assign([1, 1, 1, 1])  # to 2, 0, 0, 2 and 2, 0, 2, 0: the mean 2, 0, 1, 1
    layers["hidden"].kernel.assign([[1], [5], [2], [-4]])  # 2 + 2 - 4 = 0, and -3 by the bias
    layers["hidden"].bias.assign([-3])
    layers["segment_label"].kernel.assign([[-1, 2, 0, 0, 1]])
    outputs = model.predict_on_batch(make_batch(batch=1, segments=3)[0])
    np.testing.assert_allclose(
        outputs["segment_label_logits"], [[[3, -6, 0, 0, -3]] * 3], atol=1e-4
    )
    np.testing.assert_allclose(outputs["pair_similarities"], [[0.5] * 3], rtol=1e-4)  # 4 of 8
    np.testing.assert_array_equal(outputs["segment_label"], [[0] * 3])


def test_modalities_take_up_each_other(make_batch):
    model = PositiveSamplePropagation(
        num_categories=4, audio_dim=6, visual_shape=(2, 3, 8), units=4
    )
    features = make_batch()[0]
    before = model.predict_on_batch(features)["segment_label_logits"]
    layers = {layer.name: layer for layer in model.layers}
    for name in ("audio_value", "visual_value"):
        layers[name].kernel.assign(-1 * layers[name].kernel)
        after = model.predict_on_batch(features)["segment_label_logits"]
        assert np.abs(after - before).max() > 1e-4, name
        before = after


def test_similarity_is_compared_with_the_relevance():
    losses, weights = localization_losses(PositiveSamplePropagation(units=4).output)
    assert weights["pair_similarities"] == 100
    # Shares 0.25, 0.75 and 0; of the event 0.5, 0, 0.5; the second record is half padding.
    similarities = np.array([[0.2, 0.6, 0.0], [0.5, 0.0, 0.0]], "float32")
    relevance = np.array([[1, 0, 1], [1, 0, -1]], "float32")
    loss = losses["pair_similarities"](relevance, similarities)
    expected = (0.25**2 + 0.75**2 + 0.5**2) / 3
    assert float(loss) == pytest.approx((expected + 0) / 2)
