"""Writes simulated data that can replace AVE's, and audits what features give away."""

import argparse
import pathlib
import shutil

from avel_tf.choices import TASKS
from avel_tf.cli.flags import absolute, override
from avel_tf.configuration import check_folders
from avel_tf.simulation import (
    FeatureSimulationConfig,
    SimulationConfig,
    render_dataset,
    simulate_features,
)
from avel_tf.utils.locks import exclusive

EXAMPLES = """\
examples:
  Features of AVE's size, in the files of its feature release (2.1 GB):
    avel simulate features simulated_features
  A small dataset of TFRecords for supervised localization:
    avel simulate features simulated_sel --format tfrecord --task sel \\
        --num_records 500
  What features tell about events without matching sound and picture:
    avel simulate audit simulated_sel

docs/simulation.md explains how they are made and what they are good for.
"""
WHEN_STOPPED = "Nothing was written."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    features = kinds.add_parser("features", help="segment features of audio and video")
    clips = kinds.add_parser("clips", help="ten-second videos with sound")
    audited = kinds.add_parser("audit", help="what any features give away")
    audited.add_argument(
        "folder",
        type=pathlib.Path,
        metavar="DIR",
        help="a labelled dataset, or official or simulated HDF5 features",
    )
    audited.add_argument(
        "--task", choices=TASKS, help="whose splits, for HDF5 features (default: sel)"
    )
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


def run(flags: argparse.Namespace) -> int:
    """Makes the data, or audits it; returns the exit status."""
    if flags.kind == "audit":
        print("\n".join(_audit(flags.folder.resolve(), flags.task)))
        return 0
    print(f"Simulated {flags.kind}: {_simulate(flags)}")
    return 0


def _simulate(flags: argparse.Namespace) -> pathlib.Path:
    """Makes the data; returns its folder."""
    if flags.kind == "clips":
        return render_dataset(flags.folder, override(SimulationConfig(), flags))
    check_folders(flags, "annotations_dir")
    config = override(FeatureSimulationConfig(), flags)
    if flags.format == "hdf5":
        if flags.task:
            raise ValueError("`--task` is for `--format tfrecord`: the HDF5 files are for both.")
        return simulate_features(flags.folder, config)
    if flags.dtype:
        raise ValueError("`--dtype` is for `--format hdf5`: records are always half precision.")
    from avel_tf.extraction.job import extract_simulated

    folder = flags.folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty. Choose a new folder.")
    with exclusive(folder.with_name(f".{folder.name}.working")) as home:
        for part in ("output", "shards"):
            shutil.rmtree(home / part, ignore_errors=True)  # leftovers of a killed run
            (home / part).mkdir()
        extract_simulated(config, flags.task or "sel", home / "output", home / "shards")
        (home / "output").replace(folder)
        shutil.rmtree(home)
    return folder


def _audit(folder: pathlib.Path, task: str | None) -> list[str]:
    """Returns what the features of a folder give away."""
    from avel_tf.cli.train import open_labelled
    from avel_tf.evaluation.audited_records import read_dataset, read_official
    from avel_tf.simulation.audit import audit

    if (folder / "Annotations.txt").is_file():
        return audit(read_official(folder, task or "sel")).lines()
    if task:
        raise ValueError("`--task` is for HDF5 features: a dataset has the splits of one task.")
    return audit(read_dataset(open_labelled(folder)[0])).lines()
