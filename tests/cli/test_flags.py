"""Flags that several programs share reach the field of their name."""

import argparse

import pytest

from avel_tf.cli.flags import absolute, add_encoding, override, weights
from avel_tf.configuration import EncodingConfig, ExtractionConfig


@pytest.fixture
def parse():
    parser = argparse.ArgumentParser()
    add_encoding(parser.add_argument_group("encoding"))
    return lambda *arguments: parser.parse_args(arguments)


def test_flags_reach_fields_at_any_depth(parse):
    config = ExtractionConfig("sel", features_dir="features")
    flags = parse(
        *("--visual_weights", "imagenet", "--audio_weights", "/b", "--frames_per_segment", "4"),
        *("--encoder_precision", "float32", "--max_pixels", "7"),
        *("--max_duration_seconds", "8", "--max_read_seconds", "9"),
    )
    made = override(config, flags).encoding
    assert (made.visual_weights, made.audio_weights, made.frames_per_segment) == (
        "imagenet",
        "/b",
        4,
    )
    assert made.encoder_precision == "float32"
    limits = made.limits
    assert (limits.max_pixels, limits.max_duration_seconds, limits.max_read_seconds) == (7, 8, 9)


def test_what_is_not_given_stays(parse):
    assert override(EncodingConfig(audio_weights="a"), parse()) == EncodingConfig(audio_weights="a")


def test_values_are_checked(parse):
    with pytest.raises(ValueError, match="`max_pixels` must be a positive integer"):
        override(EncodingConfig(), parse("--max_pixels", "0"))


def test_an_empty_path_stays_empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute("") == ""
    assert weights("a.h5") == str(tmp_path / "a.h5") and weights("random") == "random"
    assert absolute("a") == str(tmp_path / "a")
