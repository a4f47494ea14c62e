"""The offered names match those that exist."""

import pytest

from avel_tf import choices, models
from avel_tf.configuration import ModelConfig, TrainingConfig


def test_systems_match_the_models():
    assert {task: tuple(systems) for task, systems in models.SYSTEMS.items()} == choices.SYSTEMS
    assert tuple(choices.SYSTEMS) == choices.TASKS
    assert set(choices.WEAK_SYSTEMS) < set(choices.SYSTEMS["sel"])
    for task, names in choices.SYSTEMS.items():
        for system in names:
            assert TrainingConfig(task, system).system == system


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("relevance_loss", choices.RELEVANCE_LOSSES),
        ("segment_loss", choices.SEGMENT_LOSSES),
        ("supervision", choices.SUPERVISIONS),
        ("optimizer", choices.OPTIMIZERS),
        ("schedule", choices.SCHEDULES),
        ("kept_epoch", choices.KEPT_EPOCHS),
        ("devices", choices.DEVICES),
        ("precision", choices.PRECISIONS),
    ],
)
def test_training_settings_take_every_choice(name, names):
    system = "audio" if name == "segment_loss" else "dam"
    for value in names:
        assert getattr(TrainingConfig("sel", system, **{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("block", choices.BLOCKS),
        ("normalization", choices.NORMALIZATIONS),
        ("embedding", choices.EMBEDDINGS),
        ("matching", choices.MATCHINGS),
        ("projection", choices.PROJECTIONS),
        ("similarity", choices.SIMILARITIES),
    ],
)
def test_dual_attention_matching_takes_every_choice(name, names):
    for value in names:
        config = ModelConfig(units=8, num_heads=2, **{name: value})
        model = models.SupervisedEventLocalizer(units=8, num_heads=2, **{name: value})
        assert getattr(config, name) == getattr(model, name) == value
