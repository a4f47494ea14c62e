"""Simulated segment features in the files of AVE's official feature release."""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Iterable, Sequence

import h5py
import numpy as np
import tqdm

from avel_tf.ave import (
    BACKGROUND,
    CATEGORIES,
    NUM_SEGMENTS,
    Annotation,
    read_annotations,
    read_splits,
)
from avel_tf.ave.official_features import AUDIO_SHAPE, KEYS, VISUAL_SHAPE
from avel_tf.choices import TASKS
from avel_tf.errors import InputError
from avel_tf.simulation.ave_annotations import draw_ave_annotations, draw_ave_splits
from avel_tf.simulation.code_digest import code_digest
from avel_tf.simulation.feature_model import FeatureModel, FeatureModelConfig
from avel_tf.simulation.release_files import write_annotations, write_order
from avel_tf.utils import arguments
from avel_tf.utils.locks import exclusive

CONFIG_FILE, LOCK_FILE = "simulation.json", ".lock"
CODE = (
    "ave_annotations.py",
    "feature_dataset.py",
    "feature_maps.py",
    "feature_model.py",
    "release_files.py",
)
KEY = KEYS[0]
ORDER_FILES = {"sel": "{}_order.h5", "cml": "{}_order_match.h5"}
NUM_AVE_RECORDS, NUM_BACKGROUND_CLIPS = 4143, 178
BACKGROUND_ROW = 1_000_000  # of the first clip without an event; no record has it


@dataclasses.dataclass(frozen=True)
class FeatureSimulationConfig:
    """Configuration of simulated features; the same values give the same files.

    Args:
        num_records: Integer. 4143 in AVE; given annotations are all used.
        seed: Integer. Seed of annotations and features.
        annotations_dir: String. Folder with a real `Annotations.txt` and the split files of both
            tasks, or empty to draw them with AVE's statistics.
        dtype: String. `"float16"`, `"float32"` or, as in the official files, `"float64"`.
        model: `FeatureModelConfig`.
    Raises:
        ValueError: If a value is out of range, or `num_records` is set for given annotations.
    """

    num_records: int = NUM_AVE_RECORDS
    seed: int = 0
    annotations_dir: str = ""
    dtype: str = "float16"
    model: FeatureModelConfig = FeatureModelConfig()

    def __post_init__(self):
        arguments.check_positive_integer("num_records", self.num_records)
        if self.annotations_dir and self.num_records != NUM_AVE_RECORDS:
            raise ValueError(
                "`num_records` is only for drawn annotations, without `annotations_dir`. "
                f"Received: num_records={self.num_records}."
            )
        arguments.check_choice("dtype", self.dtype, ("float16", "float32", "float64"))
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(
                f"`seed` must be a non-negative integer. Received: seed={self.seed!r}."
            )


def simulate_features(
    folder: str | os.PathLike[str], config: FeatureSimulationConfig
) -> pathlib.Path:
    """Writes feature files that can replace AVE's release; 2.1 GB at full size as float16.

    Records are drawn and written one by one. The folder appears atomically, and one that already
    holds this configuration is reused::

        folder/
            Annotations.txt
            audio_feature.h5, visual_feature.h5, visual_feature_vec.h5
            labels.h5, labels_closs.h5, mil_labels.h5
            audio_feature_noisy.h5, visual_feature_noisy.h5, labels_noisy.h5
            {train,val,test}_order.h5, {train,val,test}_order_match.h5
            simulation.json

    Args:
        folder: String or path. The folder of the files.
        config: `FeatureSimulationConfig`.
    Returns:
        Path of the folder.
    Raises:
        InputError: If the folder holds anything but features of this configuration, or the given
            annotations cannot be read.
    """
    folder = pathlib.Path(folder).resolve()
    if folder.exists() and any(folder.iterdir()):
        _check_config(folder, config)
        return folder
    # A fixed name under a lock: of 2 GB per attempt, that of a killed one must not stay.
    partial = folder.with_name(f".{folder.name}-partial")
    with exclusive(partial):
        _clear(partial)  # leftovers of a killed run
        try:
            _write(partial, config)
            (partial / LOCK_FILE).unlink()
            partial.replace(folder)
        except BaseException:
            shutil.rmtree(partial)
            raise
    return folder


def read_simulation(folder: str | os.PathLike[str]) -> dict | None:
    """Reads how the features of a folder were simulated; None if they are not simulated."""
    path = pathlib.Path(folder, CONFIG_FILE)
    return json.loads(path.read_text()) if path.is_file() else None


def _clear(folder: pathlib.Path) -> None:
    for path in folder.iterdir():
        if path.name != LOCK_FILE:
            path.unlink()


def _check_config(folder: pathlib.Path, config: FeatureSimulationConfig) -> None:
    found = read_simulation(folder)
    if found == _description(config):
        return
    holds = "other files"
    if found:
        values = dataclasses.asdict(config).items()
        is_same = values <= found.items()
        holds = f"features of {'other code or annotations' if is_same else 'another configuration'}"
    raise InputError(f"{folder} holds {holds}. Choose a new or empty folder, or remove this one.")


def _description(config: FeatureSimulationConfig) -> dict:
    """Describes the configuration, and everything else that determines them, as a digest."""
    given = repr(annotations_and_splits(config)) if config.annotations_dir else ""
    return {**dataclasses.asdict(config), "made_of": code_digest(CODE, given)}


def _write(folder: pathlib.Path, config: FeatureSimulationConfig) -> None:
    annotations, splits = annotations_and_splits(config)
    write_annotations(folder / "Annotations.txt", annotations, header=True)
    for task, by_split in splits.items():
        for split, rows in by_split.items():
            write_order(folder / ORDER_FILES[task].format(split), rows)
    _write_labels(folder, annotations)

    model = FeatureModel(config.seed, config.model)
    records = (
        model.record(item.row, item.event_category, item.start_seconds, item.end_seconds)
        for item in annotations
    )
    _write_features(folder, "_feature", records, len(annotations), config.dtype)
    clips = (
        model.record(BACKGROUND_ROW + index, None, 0, 0) for index in range(NUM_BACKGROUND_CLIPS)
    )
    _write_features(folder, "_feature_noisy", clips, NUM_BACKGROUND_CLIPS, config.dtype)
    (folder / CONFIG_FILE).write_text(json.dumps(_description(config), indent=2))


def annotations_and_splits(
    config: FeatureSimulationConfig,
) -> tuple[list[Annotation], dict[str, dict[str, list[int]]]]:
    """Returns the records, given or drawn, and their rows by task and split."""
    if config.annotations_dir:
        given = pathlib.Path(config.annotations_dir)
        annotations = read_annotations(given / "Annotations.txt")
        return annotations, {task: read_splits([given], annotations, task) for task in TASKS}
    annotations = draw_ave_annotations(config.num_records, config.seed)
    return annotations, {task: draw_ave_splits(annotations, task, config.seed) for task in TASKS}


def _write_features(
    folder: pathlib.Path,
    suffix: str,
    records: Iterable[tuple[np.ndarray, np.ndarray]],
    count: int,
    dtype: str,
) -> None:
    shapes = {"audio": AUDIO_SHAPE, "visual": VISUAL_SHAPE}
    with contextlib.ExitStack() as stack:
        datasets = {
            name: stack.enter_context(h5py.File(folder / f"{name}{suffix}.h5", "w")).create_dataset(
                KEY, (count, *shape), dtype
            )
            for name, shape in shapes.items()
        }
        means = np.zeros((count, NUM_SEGMENTS, VISUAL_SHAPE[-1]), dtype)
        # `disable=None`: no progress bar unless on a terminal.
        progress = tqdm.tqdm(records, "Simulating", count, unit="record", disable=None)
        for row, (audio, visual) in enumerate(progress):
            # NumPy converts: HDF5 2.0 rounds some values just below 1 to a half of it.
            datasets["audio"][row] = audio.astype(dtype)
            datasets["visual"][row] = visual.astype(dtype)
            means[row] = visual.mean(axis=(1, 2))
    _write_array(folder / f"visual{suffix}_vec.h5", means)


def _write_labels(folder: pathlib.Path, annotations: Sequence[Annotation]) -> None:
    one_hot = np.eye(len(CATEGORIES) + 1, dtype=np.float32)
    labels = one_hot[[item.segment_label for item in annotations]]
    _write_array(folder / "labels.h5", labels)  # (N, T, 29)
    relevance = np.array([item.event_relevance for item in annotations], np.float32)
    _write_array(folder / "labels_closs.h5", relevance)
    video_labels = one_hot[[item.event_category for item in annotations]]
    _write_array(folder / "mil_labels.h5", video_labels)  # (N, 29)
    _write_array(folder / "labels_noisy.h5", one_hot[[BACKGROUND] * NUM_BACKGROUND_CLIPS])


def _write_array(path: pathlib.Path, array: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file[KEY] = array
