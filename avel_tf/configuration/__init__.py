"""Settings of every step, validated when they are made; imports nothing heavy."""

from avel_tf.configuration.dataset import (
    ExtractionConfig,
    OwnEventsConfig,
    ValidationConfig,
    check_folders,
)
from avel_tf.configuration.encoding import SECONDS_A_DAY, EncodingConfig, MediaLimits
from avel_tf.configuration.evaluation import EvaluationConfig, InfraValidationConfig
from avel_tf.configuration.training import ModelConfig, TrainingConfig

__all__ = [
    "SECONDS_A_DAY",
    "EncodingConfig",
    "EvaluationConfig",
    "ExtractionConfig",
    "InfraValidationConfig",
    "MediaLimits",
    "ModelConfig",
    "OwnEventsConfig",
    "TrainingConfig",
    "ValidationConfig",
    "check_folders",
]
