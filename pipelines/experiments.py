"""Flags, features and single trainings, for programs that train many systems."""

import argparse
import dataclasses
import datetime
import functools
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from avel_tf.choices import DEVICES, PRECISIONS
from avel_tf.cli.flags import absolute, override
from avel_tf.configuration import TrainingConfig, check_folders
from components.ave_example_gen import AveExampleGen
from components.component import Component, NoParameters, Pipeline
from components.example_validator import ExampleValidator
from components.statistics_gen import StatisticsGen
from components.trainer import Trainer
from pipelines import configs

if TYPE_CHECKING:
    from components.launcher import Result
    from components.lineage import Lineage


def add_data_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `prepare_features`."""
    data = parser.add_argument_group("data")
    data.add_argument(
        "--features_dir",
        type=absolute,
        default="",
        metavar="DIR",
        help="folder with Annotations.txt, the official features and *_order*.h5 (default: "
        "simulate them, see docs/simulation.md)",
    )
    data.add_argument(
        "--annotations_dir",
        type=absolute,
        default="",
        metavar="DIR",
        help="folder with AVE's Annotations.txt and *_order*.h5 to simulate features for "
        "(default: draw annotations with AVE's statistics)",
    )
    data.add_argument(
        "--num_records",
        type=int,
        metavar="N",
        help="records to simulate, fewer to try it out (default: AVE's 4143)",
    )


def add_training_flags(
    parser: argparse.ArgumentParser, epochs: int | None = None, patience: int | None = None
) -> None:
    """Adds flags of `TrainingConfig` for programs that train many systems.

    Args:
        parser: Parser to add the flags to.
        epochs: Integer. Default of `--epochs`, or None for that of each system's settings.
        patience: The same for `--patience`.
    """
    training = parser.add_argument_group("training")
    training.add_argument(
        "--epochs",
        type=int,
        default=epochs,
        metavar="N",
        help="maximum number of epochs; a row's own maximum applies too "
        f"(default: {epochs or 'as set for a row'})",
    )
    training.add_argument(
        "--patience",
        type=int,
        default=patience,
        metavar="N",
        help="epochs without a better val accuracy after which training stops (default: "
        f"{patience or 'as set for a row'})",
    )
    training.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the first run (default: 0)"
    )
    training.add_argument("--precision", choices=PRECISIONS, help="of the computation")
    training.add_argument("--devices", choices=DEVICES, help="as for local_runner.py")


def check_data_flags(flags: argparse.Namespace) -> None:
    """Checks the flags of `add_data_flags`, before anything is made.

    Raises:
        ValueError: If flags contradict each other.
        InputError: If a given folder does not exist.
    """
    check_folders(flags, "features_dir", "annotations_dir")
    if flags.features_dir and (flags.annotations_dir or flags.num_records):
        raise ValueError(
            "`--annotations_dir` and `--num_records` are for simulated features: leave out either "
            "these or `--features_dir`."
        )


@dataclasses.dataclass(frozen=True)
class Data:
    """Data that many systems are trained on.

    Args:
        description: String. In words, for the tables.
        config: Function from a task to the `PipelineConfig` whose extraction and validation count.
        feature_store: Path. Folder of clips already encoded, for videos.
    """

    description: str
    config: Callable[[str], configs.PipelineConfig]
    feature_store: pathlib.Path = pathlib.Path()


def prepare_features(flags: argparse.Namespace) -> Data:
    """Reads the flags of `add_data_flags`, and simulates features if none are given."""
    from avel_tf.simulation import FeatureSimulationConfig, read_simulation, simulate_features

    folder = flags.features_dir
    if not folder:
        config = override(FeatureSimulationConfig(annotations_dir=flags.annotations_dir), flags)
        config = dataclasses.replace(config, seed=0)  # `--seed` is the training's
        folder = str(simulate_features(flags.output_root / "features", config))
    simulation = read_simulation(folder)
    description = f"features of {folder}."
    if simulation is not None:
        annotations = "given" if simulation.get("annotations_dir") else "simulated"
        description = f"simulated features (docs/simulation.md), {annotations} annotations."
    return Data(description, functools.partial(configs.ave, features_dir=folder))


def train_only(data: Data, training: TrainingConfig) -> tuple[Component, ...]:
    """Makes the components from features to a trained system, the Trainer last."""
    config = data.config(training.task)
    example_gen = AveExampleGen(config.extraction, (), data.feature_store)
    examples = example_gen.outputs["examples"]
    statistics_gen = StatisticsGen(NoParameters(), examples=examples)
    validator = ExampleValidator(
        config.validation, examples=examples, statistics=statistics_gen.outputs["statistics"]
    )
    trainer = Trainer(training, examples=examples, anomalies=validator.outputs["anomalies"])
    return example_gen, statistics_gen, validator, trainer


def run_afresh(pipeline: Pipeline, output_root: pathlib.Path, lineage: "Lineage") -> "list[Result]":
    """Runs a pipeline as if it were the first in this process."""
    import keras

    from components.launcher import run_pipeline

    keras.backend.clear_session()  # of the run before
    return run_pipeline(
        pipeline,
        pipeline_root=output_root / "artifacts",
        lineage=lineage,
        run_id=f"{pipeline.name}-{datetime.datetime.now():%Y%m%d-%H%M%S-%f}",
    )
