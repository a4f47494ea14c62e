"""Small models and batches for all tests of models."""

import numpy as np
import pytest

AUDIO_DIM, VISUAL_SHAPE, NUM_CATEGORIES = 6, (2, 3, 8), 4


@pytest.fixture
def arguments():
    """Constructor arguments that both localizers share."""
    return {"audio_dim": AUDIO_DIM, "visual_shape": VISUAL_SHAPE, "units": 8, "num_heads": 2}


@pytest.fixture
def make_batch():
    """Function that returns features and labels; from 3 segments on, with some background."""

    def make(batch=4, segments=10):
        rng = np.random.default_rng(0)
        event_relevance = np.zeros((batch, segments), "float32")
        event_relevance[:, segments // 3 : -(segments // 4) or None] = 1
        event_category = np.arange(batch) % NUM_CATEGORIES
        labels = {
            "event_relevance": event_relevance,
            "event_category": event_category,
            "segment_label": np.where(event_relevance, event_category[:, None], NUM_CATEGORIES),
        }
        features = {
            "audio_features": rng.normal(size=(batch, segments, AUDIO_DIM)).astype("float32"),
            "visual_features": rng.normal(size=(batch, segments, *VISUAL_SHAPE)).astype("float32"),
        }
        return features, labels

    return make


@pytest.fixture
def randomize():
    """Function that sets all weights of a model to distinct values, biases included."""

    def set_random_weights(model):
        rng = np.random.default_rng(1)
        # Positive, as the variances of batch normalization must be.
        model.set_weights([rng.uniform(0.01, 0.5, size=w.shape) for w in model.get_weights()])
        return model

    return set_random_weights
