"""Simulated dataset in the folder format of AVE's video release."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence

import numpy as np
import tqdm

from avel_tf.ave import CATEGORIES, NUM_SEGMENTS, SPLITS, Annotation
from avel_tf.errors import InputError
from avel_tf.media import write_clip
from avel_tf.simulation.categories import APPEARANCES, SIMULATED_CATEGORIES
from avel_tf.simulation.code_digest import code_digest
from avel_tf.simulation.config import SimulationConfig
from avel_tf.simulation.release_files import draw_video_id, write_annotations, write_order
from avel_tf.simulation.scenes import draw_frames, draw_presence, draw_waveform
from avel_tf.utils.atomic import whole_folder

CONFIG_FILE = "simulation.json"
CODE = ("categories.py", "dataset.py", "release_files.py", "scenes.py", "../media/writing.py")
SHORT_SHARE = 0.6  # of the events: enough for cross-modality localization, which needs short ones
HELD_OUT_SHARE = 1 / 6  # of a category's clips, for val and for test each
MIN_LENGTH = 2  # seconds of the shortest event, as in AVE


def render_dataset(folder: str | os.PathLike[str], config: SimulationConfig) -> pathlib.Path:
    """Renders a small dataset that can replace AVE's video release.

    Each ten-second clip has one event: an object that is both seen and heard, in whole seconds. In
    other seconds it may be only seen, only heard, or neither. The folder appears atomically, and
    one that already holds this configuration is reused::

        folder/
            AVE/<VideoID>.mp4
            Annotations.txt
            trainSet.txt, valSet.txt, testSet.txt
            train_order.h5, val_order.h5, test_order.h5
            train_order_match.h5, val_order_match.h5, test_order_match.h5
            simulation.json

    Args:
        folder: String or path. The dataset's folder.
        config: `SimulationConfig`.
    Returns:
        Path of the folder.
    Raises:
        InputError: If the folder holds anything but a dataset of this configuration.
    """
    folder = pathlib.Path(folder).resolve()
    if folder.exists() and any(folder.iterdir()):
        _check_rendered(folder, config)
        return folder
    with whole_folder(folder) as partial:
        _write_dataset(partial, config)
    return folder


def draw_annotations(config: SimulationConfig) -> list[Annotation]:
    """Draws the records of a dataset, grouped by category as in AVE.

    Args:
        config: `SimulationConfig`.
    Returns:
        List of `Annotation`, one per clip.
    """
    generator = np.random.default_rng([config.seed, config.num_clips])
    names = sorted(SIMULATED_CATEGORIES[: config.num_categories], key=CATEGORIES.index)
    shares = np.array_split(np.arange(config.num_clips), config.num_categories)
    annotations = []
    for category, rows in zip(names, shares, strict=True):
        num_short = round(SHORT_SHARE * len(rows))
        lengths = np.full(len(rows), NUM_SEGMENTS)
        lengths[:num_short] = generator.integers(MIN_LENGTH, NUM_SEGMENTS, num_short)
        for row, length in zip(rows, generator.permutation(lengths), strict=True):
            start = int(generator.integers(0, NUM_SEGMENTS - length, endpoint=True))
            video_id = draw_video_id(generator)
            # YouTube's ids may begin like a command-line option, so the first ones do.
            video_id = {0: "-", 1: "_"}.get(row, video_id[0]) + video_id[1:]
            annotations.append(Annotation(int(row), category, video_id, start, start + int(length)))
    return annotations


def draw_splits(
    annotations: Sequence[Annotation], seed: int, *, only_short: bool
) -> dict[str, list[int]]:
    """Splits the records at random, with every category in every split.

    Args:
        annotations: All records.
        seed: Integer.
        only_short: Boolean. Whether val and test only have events shorter than the clip, as in
            the cross-modality split.
    Returns:
        Dict from `train`, `val` and `test` to rows.
    """
    generator = np.random.default_rng([seed, only_short])
    splits = {split: [] for split in SPLITS}
    for category in dict.fromkeys(item.category for item in annotations):
        items = [item for item in annotations if item.category == category]
        num_held_out = max(1, round(HELD_OUT_SHARE * len(items)))
        generator.shuffle(items)
        if only_short:
            items.sort(key=lambda item: item.event_length == NUM_SEGMENTS)  # short ones first
        rows = [item.row for item in items]
        splits["val"] += rows[:num_held_out]
        splits["test"] += rows[num_held_out : 2 * num_held_out]
        splits["train"] += rows[2 * num_held_out :]
    return {split: generator.permutation(rows).tolist() for split, rows in splits.items()}


def _check_rendered(folder: pathlib.Path, config: SimulationConfig) -> None:
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise InputError(
            f"{folder} holds files but no simulated dataset. Choose a new or empty folder."
        )
    found, wanted = json.loads(path.read_text()), _description(config)
    differing = [name for name in wanted if found.get(name) != wanted[name]]
    if differing == ["made_of"]:
        raise InputError(
            f"{folder} holds clips drawn by other code. Choose another folder, or remove this one."
        )
    if differing:
        raise InputError(
            f"{folder} holds a dataset of another configuration: "
            + ", ".join(
                f"{name}={found.get(name)}, not {wanted[name]}"
                for name in differing
                if name != "made_of"
            )
            + ". Choose another folder, or remove this one."
        )


def _description(config: SimulationConfig) -> dict:
    """Describes the configuration, and everything else that determines the clips, as a digest."""
    return {**dataclasses.asdict(config), "made_of": code_digest(CODE)}


def _write_dataset(folder: pathlib.Path, config: SimulationConfig) -> None:
    annotations = draw_annotations(config)
    write_annotations(folder / "Annotations.txt", annotations, header=True)
    for split, rows in draw_splits(annotations, config.seed, only_short=False).items():
        write_annotations(folder / f"{split}Set.txt", [annotations[row] for row in rows])
        write_order(folder / f"{split}_order.h5", rows)
    for split, rows in draw_splits(annotations, config.seed, only_short=True).items():
        write_order(folder / f"{split}_order_match.h5", rows)
    (folder / "AVE").mkdir()
    # `disable=None`: no progress bar unless on a terminal.
    for annotation in tqdm.tqdm(annotations, "Simulating", unit="clip", disable=None):
        _write_clip(folder / "AVE" / f"{annotation.video_id}.mp4", annotation, config)
    (folder / CONFIG_FILE).write_text(json.dumps(_description(config), indent=2))


def _write_clip(path: pathlib.Path, annotation: Annotation, config: SimulationConfig) -> None:
    generator = np.random.default_rng([config.seed, config.num_clips, annotation.row])
    for_presence, for_frames, for_sound = generator.spawn(3)
    appearance = APPEARANCES[annotation.category]
    seen, heard = draw_presence(annotation, for_presence)
    write_clip(
        path,
        draw_frames(appearance, seen, config, for_frames),
        size=(config.height, config.width),
        fps=config.fps,
        waveform=draw_waveform(appearance, heard, config, for_sound),
        sample_rate_hz=config.sample_rate_hz,
    )
