"""Named configurations: values only."""

import dataclasses

from avel_tf.arguments import check_choice
from avel_tf.ave import CATEGORIES
from avel_tf.configuration import (
    EncodingConfig,
    EvaluationConfig,
    ExtractionConfig,
    InfraValidationConfig,
    ModelConfig,
    TrainingConfig,
    ValidationConfig,
)
from avel_tf.simulation import SimulationConfig
from avel_tf.simulation.categories import SIMULATED_CATEGORIES


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """Everything a run depends on but where its files go.

    Args:
        name: String. Also the name of the pipeline in the lineage and of the served model.
        simulation: `SimulationConfig` of clips to render into `extraction.data_root` first, or
            None.
        extraction: `ExtractionConfig`.
        validation: `ValidationConfig`.
        training: `TrainingConfig`.
        evaluation: `EvaluationConfig`.
        infra_validation: `InfraValidationConfig`.
        keep_versions: Integer from 2. Versions of the served model to keep.
    """

    name: str
    simulation: SimulationConfig | None
    extraction: ExtractionConfig
    validation: ValidationConfig
    training: TrainingConfig
    evaluation: EvaluationConfig
    infra_validation: InfraValidationConfig = InfraValidationConfig()
    keep_versions: int = 5


def demo(
    task: str, data_root: str, system: str = "dam", supervision: str = "full"
) -> PipelineConfig:
    """Simulated clips and untrained encoders: minutes on two cores, and no number means anything.

    One frame a second instead of sixteen, since VGG-19 takes most of the time.
    """
    # Features of untrained encoders vary little around a large mean.
    model = ModelConfig(units=128, normalization="batch") if system == "dam" else ModelConfig()
    simulation = SimulationConfig(num_clips=48, num_categories=3)
    training = TrainingConfig(
        task=task,
        system=system,
        model=model,
        relevance_loss="each" if system == "dam" else "mean",
        supervision=supervision,
        batch_size=16,
        epochs=30,
        patience=15,
    )
    return PipelineConfig(
        name=_name("demo", training),
        simulation=simulation,
        extraction=ExtractionConfig(
            task=task,
            data_root=data_root,
            encoding=EncodingConfig(
                visual_weights="random", audio_weights="random", frames_per_segment=1
            ),
            records_per_shard=16,
        ),
        validation=ValidationConfig(categories=SIMULATED_CATEGORIES[: simulation.num_categories]),
        training=training,
        evaluation=EvaluationConfig(task=task),
    )


SETTINGS = ("ave", "faithful")


def system_training(
    task: str, system: str, settings: str = "ave", supervision: str = "full"
) -> TrainingConfig:
    """How to train a system on AVE.

    Args:
        task: String. `"sel"` or `"cml"`.
        system: String. One of `avel_tf.configuration.SYSTEMS` of the task.
        settings: String. `"ave"` trains the baselines by ordinary cross-entropy and dual
            attention matching with what a search chose on val of simulated features
            (docs/results.md: search again on real ones, with tune.py); `"faithful"`
            is what the papers say, with defaults where they are silent.
        supervision: String. `"full"` or, of some systems, `"weak"`, see `TrainingConfig`.
    Raises:
        ValueError: If an argument is none of these.
    """
    check_choice("settings", settings, SETTINGS)
    training = TrainingConfig(task, system, supervision=supervision)
    if system == "avdln":
        training = dataclasses.replace(training, batch_size=8, epochs=20)
    elif system == "dcca":  # correlations need many pairs
        training = dataclasses.replace(training, batch_size=256)
    if settings == "faithful":
        if system in ("audio", "visual", "audio_visual", "audio_visual_attention"):
            training = dataclasses.replace(training, schedule="drop", epochs=300, patience=300)
            if supervision == "full":
                training = dataclasses.replace(training, segment_loss="soft_margin")
        return training
    training = dataclasses.replace(training, patience=8)
    if system == "dam" and task == "cml":
        return dataclasses.replace(
            training,
            model=ModelConfig(units=128, num_heads=1),
            learning_rate=3e-3,
            batch_size=128,
        )
    if system == "dam":
        return dataclasses.replace(
            training,
            model=ModelConfig(units=128, num_heads=8),
            relevance_loss="each",
            learning_rate=3e-3,
        )
    return training


def ave(
    task: str,
    data_root: str = "",
    features_dir: str = "",
    audio_weights: str = "",
    system: str = "dam",
    settings: str = "ave",
    supervision: str = "full",
) -> PipelineConfig:
    """The AVE dataset, from its videos or from the official features; see `system_training`."""
    allowed = {
        # Known of the official split: other events of the same video.
        "sel": ("shared_video_ids:train:val", "shared_video_ids:train:test"),
        "cml": (
            "shared_video_ids:train:val",
            "shared_video_ids:val:test",
            # That split keeps categories for val and test, to measure unseen ones.
            "missing_category:train:Church bell",
            "missing_category:train:Male speech, man speaking",
            "missing_category:val:*",
        ),
    }
    training = system_training(task, system, settings, supervision)
    return PipelineConfig(
        name=_name("ave", training),
        simulation=None,
        extraction=ExtractionConfig(
            task=task,
            data_root=data_root,
            features_dir=features_dir,
            encoding=EncodingConfig(audio_weights=audio_weights),
        ),
        validation=ValidationConfig(categories=CATEGORIES, allowed_anomalies=allowed[task]),
        training=training,
        evaluation=EvaluationConfig(task=task),
    )


def _name(config: str, training: TrainingConfig) -> str:
    # A model is compared with the last blessed one of its own kind.
    parts = [config, training.task, training.system, training.supervision]
    return "-".join(part for part in parts if part not in ("dam", "full"))
