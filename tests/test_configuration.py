"""Settings are checked on construction."""

import dataclasses
import json
import pathlib

import pytest

from avel_tf.choices import WEAK_SYSTEMS
from avel_tf.configuration import (
    EncodingConfig,
    EvaluationConfig,
    ExtractionConfig,
    MediaLimits,
    ModelConfig,
    TrainingConfig,
    ValidationConfig,
)

EXTRACTION = {
    "task": "sel",
    "data_root": "videos",
    "encoding": EncodingConfig(audio_weights="random"),
}


@pytest.mark.parametrize(
    ("config", "arguments", "problem"),
    [
        (ExtractionConfig, {"task": "SEL"}, "`task` must be one of ('sel', 'cml')."),
        (MediaLimits, {"max_pixels": 0}, "`max_pixels` must be a positive integer."),
        (MediaLimits, {"max_duration_seconds": 0}, "`max_duration_seconds` must be a positive"),
        (MediaLimits, {"max_read_seconds": -1.0}, "`max_read_seconds` must be a positive number."),
        (MediaLimits, {"max_read_seconds": 1e9}, "`max_read_seconds` must be at most 86400."),
        (EncodingConfig, {"frames_per_segment": 0}, "`frames_per_segment` must be a positive"),
        (EncodingConfig, {"encoder_precision": "half"}, "`encoder_precision` must be one of"),
        (ExtractionConfig, {"records_per_shard": 2.5}, "`records_per_shard` must be a positive"),
        (ValidationConfig, {"max_rejected_share": 1.5}, "`max_rejected_share` must be a number"),
        (ModelConfig, {"units": 0}, "`units` must be a positive integer."),
        (ModelConfig, {"num_heads": 1.5}, "`num_heads` must be a positive integer."),
        (
            ModelConfig,
            {"block": "deep"},
            "`block` must be one of ('equations', 'plain', 'residual', 'full').",
        ),
        (ModelConfig, {"dropout": -0.1}, "`dropout` must be a number from 0 to 1."),
        (ModelConfig, {"normalization": "layer"}, "`normalization` must be one of ('none', "),
        (ModelConfig, {"embedding": "mean"}, "`embedding` must be one of ('self_attention', "),
        (ModelConfig, {"matching": "both"}, "`matching` must be one of ('cross', 'self', 'none')."),
        (TrainingConfig, {"task": ""}, "`task` must be one of ('sel', 'cml')."),
        (TrainingConfig, {"relevance_loss": "sum"}, "`relevance_loss` must be one of ('each', "),
        (TrainingConfig, {"system": "avdln"}, "`system` must be one of ('dam', 'audio', "),
        (TrainingConfig, {"segment_loss": "mse"}, "`segment_loss` must be one of ('cross_entropy'"),
        (TrainingConfig, {"supervision": "no"}, "`supervision` must be one of ('full', 'weak')."),
        (
            TrainingConfig,
            {"optimizer": "rmsprop"},
            "`optimizer` must be one of ('adam', 'pytorch_adam', 'sgd').",
        ),
        (TrainingConfig, {"schedule": "step"}, "`schedule` must be one of ('constant', 'cosine', "),
        (TrainingConfig, {"devices": "tpu"}, "`devices` must be one of ('auto', "),
        (TrainingConfig, {"precision": "float16"}, "`precision` must be one of ('float32', "),
        (TrainingConfig, {"batch_size": 0}, "`batch_size` must be a positive integer."),
        (TrainingConfig, {"epochs": -1}, "`epochs` must be a positive integer."),
        (TrainingConfig, {"patience": None}, "`patience` must be a positive integer."),
        (TrainingConfig, {"event_category_weight": 2}, "`event_category_weight` must be a number"),
        (TrainingConfig, {"learning_rate": 0}, "`learning_rate` must be a positive number."),
        (TrainingConfig, {"learning_rate": float("nan")}, "`learning_rate` must be a positive"),
        (TrainingConfig, {"seed": -1}, "`seed` must be an integer from 0 to 2**32 - 1."),
        (TrainingConfig, {"seed": 2**32}, "`seed` must be an integer from 0 to 2**32 - 1."),
        (TrainingConfig, {"seed": 0.5}, "`seed` must be an integer from 0 to 2**32 - 1."),
        (TrainingConfig, {"settings_name": "a/b"}, "`settings_name` must consist of letters, "),
        (TrainingConfig, {"settings_name": ""}, "`settings_name` must consist of letters, "),
        (EvaluationConfig, {"task": "both"}, "`task` must be one of ('sel', 'cml')."),
        (EvaluationConfig, {"max_regression": -0.1}, "`max_regression` must be a number from"),
    ],
)
def test_value_out_of_range_is_named(config, arguments, problem):
    others = {ExtractionConfig: EXTRACTION, ValidationConfig: {"categories": ()}}
    others |= dict.fromkeys((ModelConfig, EncodingConfig, MediaLimits), {})
    others = others.get(config, {"task": "sel"})
    with pytest.raises(ValueError) as error:
        config(**others | arguments)
    ((name, value),) = arguments.items()
    assert str(error.value).startswith(problem)
    assert str(error.value).endswith(f" Received: {name}={value!r}.")


def test_a_training_is_named_by_what_tells_it_from_others():
    config = TrainingConfig("sel", "audio", supervision="weak", seed=7, settings_name="ave")
    assert config.run_name == "audio-sel-ave-weak-seed7"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [({"units": 250}, 4), ({"units": 255, "embedding": "blstm"}, 2)],
)
def test_units_that_cannot_be_shared(arguments, parts):
    with pytest.raises(ValueError, match=f"`units` must be divisible by {parts} .*Received: "):
        ModelConfig(**arguments)
    assert ModelConfig(**arguments | {"embedding": "gru"}).units == arguments["units"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            {"task": "sel", "system": "ed_tcn", "model": ModelConfig(units=8)},
            "`model` only applies to the system 'dam'. Received: task='sel', system='ed_tcn', ",
        ),
        (
            {"task": "cml", "system": "avdln", "relevance_loss": "mean"},
            "`relevance_loss` only applies to the system 'dam'. Received: task='cml', system='avdl",
        ),
        (
            {"task": "cml", "event_category_weight": 0.9},
            "`event_category_weight` only applies to the system 'dam' of 'sel'. Received: task='cm",
        ),
        (
            {"task": "sel", "segment_loss": "soft_margin"},
            "`segment_loss` only applies to the systems ('audio', 'visual', ",
        ),
        (
            {"task": "cml", "system": "dcca", "examples": "segments"},
            "`examples` only applies to the system 'avdln'. Received: task='cml', system='dcca'",
        ),
        (
            {"task": "cml", "model": ModelConfig(matching="none")},
            "`matching` must be 'cross' or 'self' in cross-modality localization. Received: ",
        ),
        *(
            (
                {"supervision": "weak", **arguments},
                "`supervision` 'weak' needs the task 'sel', a sys",
            )
            for arguments in (
                {"task": "cml"},
                {"task": "cml", "system": "avdln"},
                {"task": "sel", "system": "avsdn"},
                {"task": "sel", "system": "ed_tcn"},
                {"task": "sel", "model": ModelConfig(matching="none")},
            )
        ),
    ],
)
def test_settings_that_do_not_suit_the_system(arguments, problem):
    with pytest.raises(ValueError) as error:
        TrainingConfig(**arguments)
    assert str(error.value).startswith(problem)


@pytest.mark.parametrize("system", WEAK_SYSTEMS)
def test_weak_supervision_of_the_systems_that_can(system):
    assert TrainingConfig("sel", system, supervision="weak").supervision == "weak"


def test_extraction_needs_a_folder():
    with pytest.raises(ValueError, match="`data_root` or `features_dir` must be given: "):
        ExtractionConfig("sel")
    ExtractionConfig("sel", data_root="videos")
    ExtractionConfig("sel", features_dir="features")


def test_only_what_is_read_counts_as_input(tmp_path):
    """Checks that results in the same folder do not make its input look changed."""
    videos, features = tmp_path / "videos", tmp_path / "features"
    for file in (
        *("videos/Annotations.txt", "videos/trainSet.txt", "videos/runs/lineage.sqlite"),
        *("features/audio_feature.h5", "features/visual_feature.h5", "features/train_order.h5"),
        *("features/labels.h5", "features/train_order_match.h5"),
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()

    def names(encoding, **folders):
        config = ExtractionConfig("sel", encoding=encoding, **folders)
        return [str(path).removeprefix(f"{tmp_path}/") for path in config.input_paths]

    files = EncodingConfig(visual_weights="vgg.h5", audio_weights="vggish.weights.h5")
    texts = ["videos/Annotations.txt", "videos/trainSet.txt"]
    clips = [*texts, "videos/AVE"]
    assert names(files, data_root=str(videos)) == [*clips, "vgg.h5", "vggish.weights.h5"]
    assert names(EncodingConfig(audio_weights="random"), data_root=str(videos)) == clips
    assert names(files, features_dir=str(features), data_root=str(videos)) == [
        "features/train_order.h5",
        "features/train_order_match.h5",
        *texts,
        "features/audio_feature.h5",
        "features/visual_feature.h5",
    ]
    assert ExtractionConfig("sel", features_dir="a", data_root="b").folders == [
        pathlib.Path("a"),
        pathlib.Path("b"),
    ]


@pytest.mark.parametrize(
    "config",
    [
        ExtractionConfig(**EXTRACTION),
        ValidationConfig(("Bark",), ("train:video_id",)),
        TrainingConfig("cml"),
        TrainingConfig("sel", "avsdn", optimizer="sgd", schedule="cosine", in_memory=True),
        EvaluationConfig("cml"),
    ],
    ids=lambda config: type(config).__name__,
)
def test_configurations_are_frozen_and_json(config):
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.task = "sel"
    values = dataclasses.asdict(config)
    lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
    assert json.loads(json.dumps(values)) == values | lists
