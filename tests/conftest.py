"""Fixtures shared by all tests."""

import os
import pathlib

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """Folder of real AVE annotations and clips, which the project may read but not contain."""
    folder = pathlib.Path(os.environ.get("AVEL_REAL_DATA", CHECKOUT.parent / "shared"))
    if not (folder / "ave").is_dir():
        pytest.skip(f"no real AVE data at {folder}; set AVEL_REAL_DATA to the folder that has ave/")
    return folder


NUM_RECORDS = {"train": 40, "val": 12, "test": 12}


@pytest.fixture(scope="session")
def feature_folder(tmp_path_factory) -> pathlib.Path:
    """A small feature release in the official layout, easy to learn: 64 records, 4 categories.

    Some ids are in two records, as in AVE, but never in two splits.
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
