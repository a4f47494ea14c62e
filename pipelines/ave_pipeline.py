"""The wiring of the pipeline: no I/O, no values."""

import pathlib
from collections.abc import Sequence

from components.ave_example_gen import AveExampleGen
from components.component import LatestBlessed, Pipeline
from components.evaluator import Evaluator
from components.example_validator import ExampleValidator
from components.infra_validator import InfraValidator
from components.pusher import Pusher, PusherParameters
from components.statistics_gen import NoParameters, StatisticsGen
from components.trainer import Trainer
from pipelines.configs import PipelineConfig


def create_pipeline(
    config: PipelineConfig,
    destination: pathlib.Path,
    feature_store: pathlib.Path,
    beam_args: Sequence[str] = (),
) -> Pipeline:
    """AVE videos or features to a pushed model.

    Args:
        config: `PipelineConfig`.
        destination: Base path of the served model.
        feature_store: Folder of clips already encoded.
        beam_args: Beam's own options for the extraction. Statistics and evaluation take seconds
            and need transforms that not every runner has.
    """
    example_gen = AveExampleGen(config.extraction, beam_args, feature_store)
    statistics_gen = StatisticsGen(NoParameters(), examples=example_gen.outputs["examples"])
    example_validator = ExampleValidator(
        config.validation,
        examples=example_gen.outputs["examples"],
        statistics=statistics_gen.outputs["statistics"],
    )
    trainer = Trainer(
        config.training,
        examples=example_gen.outputs["examples"],
        anomalies=example_validator.outputs["anomalies"],
    )
    evaluator = Evaluator(
        config.evaluation,
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=LatestBlessed(trainer.outputs["model"]),
    )
    infra_validator = InfraValidator(config.infra_validation, model=trainer.outputs["model"])
    pusher = Pusher(
        PusherParameters(str(destination), config.keep_versions),
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        infra_blessing=infra_validator.outputs["infra_blessing"],
    )
    return Pipeline(
        config.name,
        (
            *(example_gen, statistics_gen, example_validator),
            *(trainer, evaluator, infra_validator, pusher),
        ),
    )
