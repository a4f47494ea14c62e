"""Named configurations: values only."""

import dataclasses

from avel_tf.ave import CATEGORIES
from avel_tf.configuration import (
    EncodingConfig,
    EvaluationConfig,
    ExtractionConfig,
    InfraValidationConfig,
    ModelConfig,
    OwnEventsConfig,
    TrainingConfig,
    ValidationConfig,
)
from avel_tf.simulation import SimulationConfig
from avel_tf.simulation.categories import SIMULATED_CATEGORIES
from avel_tf.training.settings import system_training

PUBLISHED = EncodingConfig()  # how AVE's features were made
OWN_ENCODING = EncodingConfig(frames_per_segment=4)  # enough for pictures that are not AVE's
# Fields of `EncodingConfig`, for the demo where their weights can be had in seconds.
LEARNED_ENCODERS = {
    "visual_encoder": "efficientnetv2b0",
    "visual_weights": "imagenet",
    "audio_encoder": "yamnet",
    "audio_weights": "audioset",
}


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """Everything that a run depends on, except where its files go.

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
    """Simulated clips and untrained encoders: minutes on two cores, with meaningless numbers.

    `pipelines.demo` gives it learned encoders where it can. One frame per second instead of
    sixteen, because VGG-19 takes most of the time.
    """
    # Features of untrained encoders vary little around a large mean.
    model = ModelConfig(units=128, normalization="batch") if system == "dam" else ModelConfig()
    simulation = SimulationConfig(num_clips=48, num_categories=3)
    training = TrainingConfig(
        task=task,
        system=system,
        model=model,
        supervision=supervision,
        batch_size=16,
        epochs=30,
        patience=15,
        settings_name="demo",
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


def ave(
    task: str,
    data_root: str = "",
    features_dir: str = "",
    encoding: EncodingConfig = PUBLISHED,
    system: str = "dam",
    settings: str = "ave",
    supervision: str = "full",
) -> PipelineConfig:
    """The AVE dataset, from its videos or from the official features; see `system_training`."""
    allowed = {
        # Known for the official split: other events of the same video.
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
            encoding=encoding,
        ),
        validation=ValidationConfig(categories=CATEGORIES, allowed_anomalies=allowed[task]),
        training=training,
        evaluation=EvaluationConfig(task=task),
    )


def own(
    task: str,
    data_root: str,
    events: str,
    encoding: EncodingConfig,
    system: str = "dam",
    settings: str = "own",
) -> PipelineConfig:
    """Videos of one's own and a list of their events; a few hundred are enough."""
    training = system_training(task, system, settings)
    return PipelineConfig(
        name=_name("own", training),
        simulation=None,
        extraction=ExtractionConfig(
            task=task,
            data_root=data_root,
            encoding=encoding,
            own_events=OwnEventsConfig(events),
            records_per_shard=16,
        ),
        # Splits are drawn so that each has all categories. A row of the list with a slip is common.
        validation=ValidationConfig(categories=(), max_rejected_share=0.1),
        training=training,
        evaluation=EvaluationConfig(task=task),
    )


def _name(config: str, training: TrainingConfig) -> str:
    # A model is only compared with the last blessed one of the same kind.
    parts = [config, training.task, training.system, training.supervision]
    return "-".join(part for part in parts if part not in ("dam", "full"))
