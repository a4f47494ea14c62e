"""Writes simulated data that can stand in for AVE's: segment features, or clips."""

import argparse
import pathlib
import shutil
import sys
from collections.abc import Sequence

from avel_tf.configuration import TASKS
from avel_tf.flags import absolute, override
from avel_tf.locks import exclusive
from avel_tf.screen import quiet
from avel_tf.simulation import (
    FeatureSimulationConfig,
    SimulationConfig,
    render_dataset,
    simulate_features,
)

EXAMPLES = """\
examples:
  Features of AVE's size, in the files of its feature release (2.1 GB):
    python -m avel_tf.simulation features simulated_features
  A small dataset of TFRecords for supervised localization:
    python -m avel_tf.simulation features simulated_sel --format tfrecord --task sel \\
        --num_records 500

docs/simulation.md says how they are made, and what they are good for.
"""


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m avel_tf.simulation",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    features = kinds.add_parser("features", help="segment features of audio and picture")
    clips = kinds.add_parser("clips", help="ten-second videos with sound")
    for kind in (features, clips):
        kind.add_argument("folder", type=pathlib.Path, metavar="DIR", help="new or empty folder")
        kind.add_argument("--seed", type=int, metavar="N", help="same seed, same data (default: 0)")
    features.add_argument(
        "--format",
        choices=("hdf5", "tfrecord"),
        default="hdf5",
        help="hdf5: the files of AVE's feature release (default); tfrecord: a dataset to train on",
    )
    features.add_argument(
        "--task", choices=TASKS, help="whose splits, for --format tfrecord (default: sel)"
    )
    features.add_argument(
        "--annotations_dir",
        type=absolute,
        metavar="DIR",
        help="folder with AVE's Annotations.txt and *_order*.h5 (default: drawn like them)",
    )
    features.add_argument(
        "--num_records", type=int, metavar="N", help="without --annotations_dir (default: 4143)"
    )
    features.add_argument(
        "--dtype",
        choices=("float16", "float32", "float64"),
        help="of the HDF5 files (default: float16; the official ones are float64)",
    )
    clips.add_argument("--num_clips", type=int, metavar="N", help="in all splits (default: 96)")
    clips.add_argument(
        "--num_categories", type=int, metavar="N", help="different events (default: 8)"
    )
    return parser.parse_args(arguments)


def run(flags: argparse.Namespace) -> pathlib.Path:
    """Makes the data; returns its folder."""
    if flags.kind == "clips":
        return render_dataset(flags.folder, override(SimulationConfig(), flags))
    config = override(FeatureSimulationConfig(), flags)
    if flags.format == "hdf5":
        if flags.task:
            raise ValueError("`--task` is for `--format tfrecord`: the HDF5 files serve both.")
        return simulate_features(flags.folder, config)
    if flags.dtype:
        raise ValueError("`--dtype` is for `--format hdf5`: records are always half precision.")
    from avel_tf.extraction.job import extract_simulated

    folder = flags.folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty. Name a new folder.")
    with exclusive(folder.with_name(f".{folder.name}.working")) as home:
        for part in ("output", "shards"):
            shutil.rmtree(home / part, ignore_errors=True)  # of a run that was killed
            (home / part).mkdir()
        extract_simulated(config, flags.task or "sel", home / "output", home / "shards")
        (home / "output").replace(folder)
        shutil.rmtree(home)
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the data; returns the exit status."""
    flags = parse_arguments(arguments)
    quiet()
    try:
        print(f"Simulated {flags.kind}: {run(flags)}")
    except (ValueError, RuntimeError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
