"""A small release, and the dataset extracted from it."""

import csv
import dataclasses
import json
import os
import pathlib
from collections.abc import Callable

import h5py
import numpy as np
import pytest

from avel_tf.ave import CATEGORIES
from avel_tf.configuration import ExtractionConfig
from avel_tf.extraction.job import extract
from avel_tf.records import parse_examples, read_shard, shard_paths

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
ROWS = {"train": [9, 1, 2, 3, 0, 5, 6], "val": [7, 8, 4], "test": [10, 11]}


def write_release(folder: pathlib.Path, offset: float = 0.0) -> None:
    """Writes a feature release of 12 records that differ in one value of each second."""
    lines = [f"{CATEGORIES[row]}&id{row // 2}&good&{row % 4}&{row % 4 + 6}" for row in range(12)]
    (folder / "Annotations.txt").write_text("\n".join(lines))
    for split, rows in ROWS.items():
        for suffix in ("order", "order_match"):
            with h5py.File(folder / f"{split}_{suffix}.h5", "w") as file:
                file["order"] = rows if suffix == "order" else rows[::-1]
    for name, shape in {"audio": (128,), "visual": (7, 7, 512)}.items():
        features = np.full((12, 10, *shape), offset, "float32")
        features[..., 0].reshape(12, 10, -1)[:] = np.arange(12)[:, None, None]
        with h5py.File(folder / f"{name}_feature.h5", "w") as file:
            chunks = (1, *features.shape[1:])
            file.create_dataset("avadataset", data=features, chunks=chunks, compression=1)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A folder that the extraction has filled."""

    folder: pathlib.Path

    def tree(self) -> dict[str, bytes]:
        """Returns the relative path and content of every file."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
        }

    def split(self, name: str) -> dict:
        """Parses the records of a split, in the order of the files."""
        paths = shard_paths(self.folder / f"Split-{name}")
        return parse_examples([example for path in paths for example in read_shard(path)])

    def table(self, name: str) -> list[dict]:
        """Reads the rows of a CSV file."""
        with (self.folder / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    @property
    def metadata(self) -> dict:
        """Content of `dataset.json`."""
        return json.loads((self.folder / "dataset.json").read_text())


@pytest.fixture(scope="session")
def rows() -> dict[str, list[int]]:
    """Rows of each split of the release."""
    return ROWS


@pytest.fixture(scope="session")
def make_release() -> Callable[..., None]:
    """Function that writes a release into a folder."""
    return write_release


@pytest.fixture(scope="session")
def release(tmp_path_factory) -> pathlib.Path:
    """The folder of a release."""
    folder = tmp_path_factory.mktemp("release")
    write_release(folder)
    return folder


@pytest.fixture(scope="session")
def run_in() -> Callable[..., Dataset]:
    """Function that extracts into `folder`/output."""

    def run(folder: pathlib.Path, config: ExtractionConfig, beam_args=()) -> Dataset:
        (folder / "output").mkdir(parents=True)
        (folder / "work").mkdir(exist_ok=True)
        extract(config, folder / "output", folder / "work", folder / "features", beam_args)
        return Dataset(folder / "output")

    return run


@pytest.fixture
def run(release, tmp_path, run_in) -> Callable[..., Dataset]:
    """Function that extracts the release, unless its arguments name another."""

    def run_extract(name="run", beam_args=(), **arguments):
        arguments = {"features_dir": str(release), "task": "sel"} | arguments
        config = ExtractionConfig(records_per_shard=2, **arguments)
        return run_in(tmp_path / name, config, beam_args)

    return run_extract


@pytest.fixture(scope="session")
def undisturbed(release, tmp_path_factory, run_in) -> Dataset:
    """The dataset that an undisturbed run extracts from the release."""
    config = ExtractionConfig("sel", features_dir=str(release), records_per_shard=2)
    return run_in(tmp_path_factory.mktemp("undisturbed"), config)


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> pathlib.Path:
    """A release of six simulated clips."""
    from avel_tf.simulation import SimulationConfig, render_dataset

    config = SimulationConfig(num_clips=6, num_categories=2, fps=2, width=32, height=32)
    return render_dataset(tmp_path_factory.mktemp("clips"), config)


class EncodedClips:
    """The clips that stand-in encoders have encoded, in all processes."""

    def __init__(self, path: pathlib.Path):
        self._path = path

    def processes(self) -> list[str]:
        """Returns for each clip the process that encoded it."""
        return self._path.read_text().split() if self._path.is_file() else []

    def count(self) -> int:
        return len(self.processes())


@pytest.fixture
def fast_encoders(monkeypatch, tmp_path) -> EncodedClips:
    """Replaces both encoders by stand-ins, which other processes may import as `fast_encoders`."""
    from avel_tf.encoders import choosing

    here = str(pathlib.Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, str(CHECKOUT)]))
    monkeypatch.setenv("ENCODED", str(tmp_path / "encoded"))
    for table in (choosing.VISUAL_ENCODERS, choosing.AUDIO_ENCODERS):  # undone after the test
        for name in table:
            monkeypatch.setitem(table, name, table[name])
    import fast_encoders

    fast_encoders.install()
    return EncodedClips(tmp_path / "encoded")
