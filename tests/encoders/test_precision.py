import types

import numpy as np
import pytest

from avel_tf import media
from avel_tf.configuration import EncodingConfig
from avel_tf.encoders import PrecisionChoice, choose_precision, precision, with_precision


@pytest.mark.parametrize(
    ("speed_up", "cosine", "expected"),
    [
        (2.0, 0.9999, "bfloat16"),
        (1.2, 0.999, "bfloat16"),
        (1.19, 1.0, "float32"),  # hardly faster
        (7.0, 0.9989, "float32"),  # other features
        (7.0, float("nan"), "float32"),
    ],
)
def test_bfloat16_must_be_faster_and_agree(speed_up, cosine, expected):
    assert precision.decide(speed_up, cosine) == expected


def test_the_worst_map_counts():
    maps = np.array([[[1.0, 0.0]], [[3.0, 4.0]]], np.float32)
    others = np.array([[[2.0, 0.0]], [[4.0, 3.0]]], np.float32)  # cosines 1 and 24 / 25
    assert precision.lowest_cosine(maps, others) == pytest.approx(0.96)
    assert np.isnan(precision.lowest_cosine(maps, 0 * others))


def test_both_precisions_are_measured_after_they_are_compiled(monkeypatch):
    clock = types.SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)

    class Stub:
        def __init__(self, *arguments):
            self.weights, self.precision, self.seed = arguments
            self.seconds = iter([100.0, 5.0, 3.0] if self.precision == "float32" else [1, 2, 9])

        def __call__(self, frames):
            assert (self.weights, self.seed) == ("imagenet", 7)
            clock.now += next(self.seconds)
            return np.array(
                [[24.0, 7.0], [1.0, 0.0]] if self.precision == "float32" else [[1, 0]] * 2
            )

    monkeypatch.setattr(precision, "time", clock)
    monkeypatch.setattr(precision, "Vgg19Encoder", Stub)
    # The better of 5 and 3 seconds against the better of 2 and 9.
    expected = PrecisionChoice("float32", speed_up=1.5, lowest_cosine=0.96)
    assert choose_precision("imagenet", seed=7) == expected


def test_only_vgg19_has_its_precision_chosen(monkeypatch):
    def choose(weights):
        return {"random": "bfloat16"}[weights]

    measured = PrecisionChoice("bfloat16", speed_up=2.0, lowest_cosine=1.0)
    monkeypatch.setattr(precision, "choose_precision", {"random": measured}.get)

    def chosen(*choose, **settings):
        return with_precision(EncodingConfig("random", **settings), *choose).encoder_precision

    assert chosen() == chosen(choose) == "bfloat16"
    assert chosen(lambda weights: "float32") == "float32"
    assert chosen(visual_encoder="resnet50") == "float32"
    assert chosen(lambda weights: "float32", encoder_precision="bfloat16") == "bfloat16"


def test_maps_of_real_pictures_agree(vgg19, vgg19_in_bfloat16, real_data):
    clip = real_data / "clips" / "llp_BjCEufrlXm4.mp4"
    pictures = media.read_frames(clip, frames_per_segment=1)[::4]
    cosine = precision.lowest_cosine(vgg19(pictures), vgg19_in_bfloat16(pictures))
    assert precision.MIN_COSINE < cosine < 1 - 1e-6  # not the same bytes


@pytest.mark.slow
def test_a_choice_for_this_machine(monkeypatch):
    monkeypatch.setattr(precision, "NUM_PICTURES", 2)
    monkeypatch.setattr(precision, "NUM_ROUNDS", 1)
    choice = choose_precision("random")
    assert choice.speed_up > 0
    assert precision.MIN_COSINE < choice.lowest_cosine < 1 - 1e-6  # not the same bytes
    assert choice.precision == ("bfloat16" if choice.speed_up >= 1.2 else "float32")
