"""Fixtures shared by all tests."""

import dataclasses
import fcntl
import functools
import os
import pathlib
import pickle
from typing import Any

import pytest

from avel_tf.training.result import TrainingResult
from tests import less_work

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items):
    """Runs files with slow tests first, so that two workers finish at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_runtest_setup(item):
    """Applies to what the modules of tests and the tests before have imported."""
    less_work.spare(item.path)


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """Folder of real AVE annotations and clips, which the project must not contain."""
    folder = pathlib.Path(os.environ.get("AVEL_REAL_DATA", CHECKOUT.parent / "shared"))
    if not (folder / "ave").is_dir():
        pytest.skip(f"no real AVE data at {folder}; set AVEL_REAL_DATA to the folder that has ave/")
    return folder


NUM_RECORDS = {"train": 40, "val": 12, "test": 12}


@pytest.fixture(scope="session")
def feature_folder(tmp_path_factory) -> pathlib.Path:
    """A small, easily learned feature release in the official layout: 64 records, 4 categories.

    Some ids have two records, as in AVE, but never in two splits.
    """
    folder = tmp_path_factory.mktemp("features")
    write_feature_folder(folder)
    return folder


def write_feature_folder(folder: pathlib.Path, seed: int = 0) -> None:
    """Writes Annotations.txt, set files, order files and both feature files."""
    import h5py
    import numpy as np

    from avel_tf.ave import CATEGORIES

    rng = np.random.default_rng(seed)
    total = sum(NUM_RECORDS.values())
    lines, relevance, category = [], np.zeros((total, 10)), rng.integers(0, 4, total)
    category[: 4 * 4] = np.tile(np.arange(4), 4)
    lengths = rng.integers(2, 10, total)
    for row in range(total):
        start = rng.integers(0, 10 - lengths[row] + 1)
        relevance[row, start : start + lengths[row]] = 1
        video_id = f"-id_{row - row % 8 % 2:07d}"  # some rows share their neighbour's id
        lines.append(f"{CATEGORIES[category[row]]}&{video_id}&good&{start}&{start + lengths[row]}")
    (folder / "Annotations.txt").write_text("\n".join(lines) + "\n")
    first = 0
    for split, count in NUM_RECORDS.items():
        rows = np.arange(first, first + count)
        first += count
        (folder / f"{split}Set.txt").write_text("\n".join(lines[row] for row in rows) + "\n")
        for suffix in ("order", "order_match"):
            with h5py.File(folder / f"{split}_{suffix}.h5", "w") as file:
                file["order"] = rows
    for name, shape in (("audio", (128,)), ("visual", (7, 7, 512))):
        pattern = rng.random((4, shape[-1]))[category]  # (N, D)
        pattern = pattern.reshape(total, 1, *[1] * (len(shape) - 1), shape[-1])
        event = relevance.reshape(total, 10, *[1] * len(shape))
        noise = rng.random((total, 10, *shape), dtype=np.float32)
        with h5py.File(folder / f"{name}_feature.h5", "w") as file:
            file["avadataset"] = np.maximum(event * pattern * 2 + noise - 0.5, 0)


@pytest.fixture(scope="session")
def examples_folder(feature_folder, tmp_path_factory):
    """Function that returns the dataset of a task, made once from `feature_folder`."""
    from avel_tf.configuration import ExtractionConfig
    from avel_tf.extraction.job import extract

    @functools.cache
    def make(task: str) -> pathlib.Path:
        folder = tmp_path_factory.mktemp(f"examples_{task}")
        config = ExtractionConfig(task=task, features_dir=str(feature_folder), records_per_shard=8)
        working_dir = tmp_path_factory.mktemp("extraction")
        extract(config, folder, working_dir, working_dir / "features")
        return folder

    return make


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """A finished training run: its configuration, folders and result."""

    config: Any
    model_folder: pathlib.Path
    run_folder: pathlib.Path
    working_dir: pathlib.Path
    result: TrainingResult

    @property
    def saved_model(self) -> pathlib.Path:
        """Folder of the SavedModel."""
        return self.model_folder / "Format-Serving"

    def load(self) -> Any:
        """The exported Keras model."""
        import keras

        return keras.saving.load_model(self.model_folder / "Format-Keras" / "model.keras")


@pytest.fixture(scope="session")
def run_training(tmp_path_factory):
    """Function that trains in fresh folders, or resumes in a given `working_dir`."""
    from avel_tf.records import DatasetFolder
    from avel_tf.serving.model_folder import ModelFolder
    from avel_tf.training.run_folder import RunFolder
    from avel_tf.training.train import train

    def run(config, examples, working_dir=None) -> TrainingRun:
        folder = tmp_path_factory.mktemp("training")
        working_dir = working_dir or folder / "working"
        for name in ("model", "run"):
            (folder / name).mkdir()
        result = train(
            config,
            DatasetFolder(examples),
            ModelFolder(folder / "model"),
            RunFolder(folder / "run"),
            working_dir,
        )
        return TrainingRun(config, folder / "model", folder / "run", working_dir, result)

    return run


@pytest.fixture(scope="session")
def trained(run_training, examples_folder, tmp_path_factory):
    """Function that returns one good `TrainingRun` per task, shared by all tests and workers."""
    from avel_tf.configuration import ModelConfig, TrainingConfig

    models = {
        "sel": ModelConfig(units=16, num_heads=2),
        # With state besides trained weights: dropout, moving averages.
        "cml": ModelConfig(units=16, num_heads=2, block="full", dropout=0.3, normalization="batch"),
    }

    # pytest-xdist gives each of its workers a folder below the run's own.
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if is_worker else shared

    @functools.cache
    def train_once(task: str) -> TrainingRun:
        path = shared / f"trained-{task}.pickle"
        with open(path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the other worker may be training it
            if not path.exists():
                path.write_bytes(pickle.dumps(vars(train(task))))
        return TrainingRun(**pickle.loads(path.read_bytes()))

    def train(task: str) -> TrainingRun:
        config = TrainingConfig(
            task=task,
            model=models[task],
            relevance_loss="each",
            # For `cml` so slowly that the best epoch is neither the first nor the last.
            learning_rate={"sel": 3e-3, "cml": 1e-4}[task],
            batch_size=8,
            epochs=5 if task == "sel" else 30,
            patience=3,
        )
        return run_training(config, examples_folder(task))

    return train_once
