"""Trains the systems of the paper and writes its tables, with the published numbers."""

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Sequence

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from avel_tf.cli.flags import (
    absolute,
    add_encoding,
    add_own_events,
    add_settings,
    override,
)
from avel_tf.cli.program import run_command
from avel_tf.configuration import TrainingConfig
from avel_tf.utils.arguments import check_positive_integer
from avel_tf.utils.locks import exclusive
from pipelines import configs, paper
from pipelines.experiments import (
    Data,
    add_data_flags,
    add_training_flags,
    check_data_flags,
    prepare_features,
)
from pipelines.reproduction import PlannedTable, Reproduction, plan_tables

EXAMPLES = """\
examples:
  All tables on the official features:
    avel reproduce --features_dir features
  Without them, on features simulated for AVE's annotations:
    avel reproduce --annotations_dir AVE_Dataset
  One cell of Table 3, one run:
    avel reproduce --features_dir features --tables 3 --rows "DAM, GRU" --runs 1
  Systems compared on videos and events of your own:
    avel reproduce --tables own --data_root videos --events events.csv --audio_encoder yamnet

Every run of every row is kept: the same command resumes where it was stopped, and trains only what
is new. A table is rewritten after every run, with the rows and runs that were last requested.
"""
WHEN_STOPPED = "The same command resumes."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    default = list(paper.OF_THE_PAPER)
    parser.add_argument(
        "--tables",
        nargs="+",
        choices=list(paper.TABLES),
        default=default,
        metavar="TABLE",
        help=f"some of {', '.join(paper.TABLES)} (default: {' '.join(default)}, the paper's)",
    )
    parser.add_argument(
        "--rows",
        nargs="+",
        metavar="NAME",
        help="only rows with these names, written to TABLE-rows, the last compared with the others "
        "(default: all)",
    )
    parser.add_argument(
        "--runs", type=int, default=3, metavar="N", help="with different seeds (default: 3)"
    )
    add_settings(parser)
    parser.add_argument(
        "--output_root",
        type=pathlib.Path,
        default=pathlib.Path("runs/reproduce"),
        metavar="DIR",
        help="where everything goes, the tables in DIR/tables (default: runs/reproduce)",
    )
    parser.add_argument(
        "--lineage",
        metavar="DB",
        help="lineage database, as for local_runner.py (default: OUTPUT_ROOT/lineage.sqlite)",
    )
    add_data_flags(parser)
    add_training_flags(parser)
    own = parser.add_argument_group("videos and events, for --tables own")
    own.add_argument("--data_root", type=absolute, default="", metavar="DIR", help="the videos")
    own.add_argument(
        "--feature_store",
        type=pathlib.Path,
        metavar="DIR",
        help="clips already encoded (default: OUTPUT_ROOT/encoded_clips)",
    )
    add_encoding(own)
    add_own_events(own)


def select(flags: argparse.Namespace) -> list[PlannedTable]:
    """Chooses the tables and rows of the command line, with its training settings.

    Raises:
        ValueError: If a setting is out of range, or no row has one of the names.
    """

    def adjust(training: TrainingConfig) -> TrainingConfig:
        changed = override(training, flags)
        epochs = min(changed.epochs, training.epochs)  # some systems have a published number
        return dataclasses.replace(changed, epochs=epochs, in_memory=True)

    return plan_tables(flags.tables, flags.settings, flags.rows, adjust)


def prepare_data(flags: argparse.Namespace) -> Data:
    """Reads the flags of the data.

    Raises:
        ValueError: If flags contradict each other.
        InputError: If a file or folder does not exist.
    """
    if flags.tables != [paper.OWN_EVENTS]:
        return prepare_features(flags)
    config = own_config(flags)
    store = flags.feature_store or flags.output_root / "encoded_clips"
    description = f"videos of {flags.data_root}, events of {flags.events}."
    return Data(description, lambda task: config, store.resolve())


def own_config(flags: argparse.Namespace) -> configs.PipelineConfig:
    """Makes the configuration of `avel run --config own` with the given flags."""
    encoding = override(configs.OWN_ENCODING, flags)
    config = configs.own("sel", flags.data_root, flags.events, encoding)
    return dataclasses.replace(config, extraction=override(config.extraction, flags))


def check_data(flags: argparse.Namespace) -> None:
    """Checks the flags of the data, before anything is made; errors as for `prepare_data`."""
    check_data_flags(flags)
    is_own = bool(flags.data_root and flags.events)
    if is_own != (paper.OWN_EVENTS in flags.tables) or is_own and len(flags.tables) > 1:
        raise ValueError(
            "`--data_root` and `--events` go together, and with `--tables own` and no other table."
        )
    if is_own:
        if flags.features_dir or flags.annotations_dir or flags.num_records:
            raise ValueError("`--tables own` is for videos: leave the flags of features out.")
        own_config(flags).extraction.check_paths()


def run(flags: argparse.Namespace) -> int:
    """Writes the tables; returns the exit status, 1 if a run failed."""
    from components.lineage import Lineage

    check_positive_integer("runs", flags.runs)
    check_data(flags)
    flags.output_root = flags.output_root.resolve()
    tables = select(flags)
    with exclusive(flags.output_root):
        data = prepare_data(flags)
        lineage = Lineage(flags.lineage or str(flags.output_root / "lineage.sqlite"))
        settings = flags.settings or tables[0].table.settings
        reproduction = Reproduction(data, settings, flags.output_root, lineage, flags.runs)
        failed = reproduction.run(tables)
    folder = flags.output_root / "tables"
    for table in tables:
        print("\n" + (folder / f"{table.key}.md").read_text())
    print(f"Tables: {folder}")
    if failed:
        print(
            f"Failed runs: {failed}. The same command tries them again, but a run that diverged "
            "will diverge again.",
            file=sys.stderr,
        )
    return 1 if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command as a program of its own; returns the exit status."""
    return run_command(sys.modules[__name__], "reproduce.py", arguments)


if __name__ == "__main__":
    sys.exit(main())
