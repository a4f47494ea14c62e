import numpy as np

from avel_tf.localization import segment_probabilities
from avel_tf.models.outputs import localization_outputs


def test_known_answer():
    # Two categories and background in two segments; the categories average to 0.3 and 0.475.
    probabilities = np.array([[[0.5, 0.25, 0.25], [0.1, 0.7, 0.2]]], "float32")
    logits = np.log(probabilities) + 3  # softmax cancels the 3
    outputs = localization_outputs(logits, np.ones((1, 2), "float32"))
    np.testing.assert_allclose(
        outputs["event_category_logits"], np.log([[0.3, 0.475]]), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(outputs["segment_label"], [[0, 1]])
    assert np.asarray(outputs["segment_label"]).dtype == np.int32
    np.testing.assert_array_equal(outputs["segment_label_logits"], np.log(probabilities) + 3)


def test_record_that_is_all_background_still_has_a_category():
    # float32 cannot hold e^-200 or e^-300, but can hold their logarithms. The first category is
    # in only one of the two segments: the logarithm of half of e^-200.
    logits = np.array([[[-200, -300, 0], [-400, -300, 0]]], "float32")
    outputs = localization_outputs(logits, np.ones((1, 2), "float32"))
    np.testing.assert_array_equal(outputs["segment_label"], [[2, 2]])
    expected = [[-200 + np.log(0.5), -300]]
    np.testing.assert_allclose(outputs["event_category_logits"], expected, rtol=1e-6)


def test_order_of_segments_does_not_matter_to_the_category():
    logits = np.random.default_rng(0).normal(size=(3, 10, 5)).astype("float32")
    outputs, backwards = (
        localization_outputs(each, np.ones((3, 10), "float32"))
        for each in (logits, logits[:, ::-1])
    )
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    expected = np.log(probabilities[:, :, :-1].mean(axis=1))
    for result in (outputs, backwards):
        np.testing.assert_allclose(result["event_category_logits"], expected, rtol=1e-4)
    np.testing.assert_array_equal(backwards["segment_label"], outputs["segment_label"][:, ::-1])


def test_padded_segments_are_background_and_not_in_the_category():
    # Without the padded third segment, the categories average to 0.3 and 0.475, as above.
    probabilities = np.array([[[0.5, 0.25, 0.25], [0.1, 0.7, 0.2], [0.9, 0.05, 0.05]]], "float32")
    outputs = localization_outputs(np.log(probabilities), np.array([[1.0, 1.0, 0.0]], "float32"))
    np.testing.assert_allclose(
        outputs["event_category_logits"], np.log([[0.3, 0.475]]), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(outputs["segment_label"], [[0, 1, 2]])
    labels = np.asarray(segment_probabilities(outputs))
    np.testing.assert_array_equal(labels[0, 2], [0, 0, 1])
