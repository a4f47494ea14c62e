"""Named configurations: values only."""

import dataclasses

from avel_tf.ave import CATEGORIES
from avel_tf.configuration import (
    EncodingConfig,
    EvaluationConfig,
    ExtractionConfig,
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
    """

    name: str
    simulation: SimulationConfig | None
    extraction: ExtractionConfig
    validation: ValidationConfig
    training: TrainingConfig
    evaluation: EvaluationConfig


def demo(task: str, data_root: str) -> PipelineConfig:
    """Simulated clips and untrained encoders: minutes on two cores, and no number means anything.

    One frame a second instead of sixteen, since VGG-19 takes most of the time.
    """
    simulation = SimulationConfig(num_clips=48, num_categories=3)
    return PipelineConfig(
        name=f"demo-{task}",
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
        training=TrainingConfig(
            task=task,
            # Features of untrained encoders vary little around a large mean.
            model=ModelConfig(units=128, normalization="batch"),
            relevance_loss="each",
            batch_size=16,
            epochs=30,
            patience=15,
        ),
        evaluation=EvaluationConfig(task=task),
    )


def ave(
    task: str, data_root: str = "", features_dir: str = "", audio_weights: str = ""
) -> PipelineConfig:
    """The AVE dataset, from its videos or from the official features.

    The model is the paper's; where the paper is silent the values are defaults not yet tuned.
    """
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
    return PipelineConfig(
        name=f"ave-{task}",
        simulation=None,
        extraction=ExtractionConfig(
            task=task,
            data_root=data_root,
            features_dir=features_dir,
            encoding=EncodingConfig(audio_weights=audio_weights),
        ),
        validation=ValidationConfig(categories=CATEGORIES, allowed_anomalies=allowed[task]),
        training=TrainingConfig(task=task),
        evaluation=EvaluationConfig(task=task),
    )
