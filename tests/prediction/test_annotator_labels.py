import numpy as np
import pytest

from avel_tf.prediction.annotator_labels import audacity_labels, web_vtt
from avel_tf.prediction.events import Localization

NAMES = ("dog <small> & cat", "rain\tand wind", "Background")


@pytest.fixture
def found():
    """An hour of background, two seconds of the first event, three of the second."""
    labels = np.array([2] * 3600 + [0] * 2 + [1] * 3)
    probabilities = np.eye(3, dtype="float32")[labels] * 0.75
    return Localization(labels, probabilities, {}, NAMES)


def test_captions(found):
    assert web_vtt(found) == (
        "WEBVTT\n\n"
        "01:00:00.000 --> 01:00:02.000\ndog &lt;small&gt; &amp; cat 75%\n\n"
        "01:00:02.000 --> 01:00:05.000\nrain\tand wind 75%\n"
    )
    assert web_vtt(found, "From a --> b.").startswith("WEBVTT\n\nNOTE\nFrom a --&gt; b.\n\n01:")


def test_labels_for_audacity(found):
    assert audacity_labels(found) == (
        "3600.000000\t3602.000000\tdog <small> & cat\n3602.000000\t3605.000000\train and wind\n"
    )


def test_nothing_happens(found):
    silent = Localization(found.labels[:9], found.probabilities[:9], {}, NAMES)
    assert web_vtt(silent) == "WEBVTT\n\n" and audacity_labels(silent) == ""
