"""Official HDF5 features: both layouts, one row at a time, and errors for wrong files."""

import tracemalloc

import h5py
import numpy as np
import pytest

from avel_tf.ave import OfficialFeatures
from avel_tf.errors import InputError

SHAPES = {"audio": (10, 128), "visual": (10, 7, 7, 512)}
NUM_RECORDS = 3


def write(folder, name, *, key="avadataset", dtype="float64", shape=None, row=1):
    """Writes a sparse file of zeros, except for one row that counts up."""
    shape = (NUM_RECORDS, *SHAPES[name]) if shape is None else shape
    with h5py.File(folder / f"{name}_feature.h5", "w") as file:
        dataset = file.create_dataset(key, shape, dtype, chunks=(1, *shape[1:]))
        dataset[row] = values(shape[1:], dtype)


def values(shape, dtype):
    return (np.arange(np.prod(shape)) % 2048).reshape(shape).astype(dtype)


@pytest.fixture
def folder(tmp_path):
    """A release of three records."""
    for name in SHAPES:
        write(tmp_path, name)
    return tmp_path


def refusal(folder, num_records=NUM_RECORDS):
    """Returns the message with which a folder is refused."""
    with pytest.raises(InputError) as error:
        OfficialFeatures(folder, num_records)
    return str(error.value)


@pytest.mark.parametrize("key", ["avadataset", "dataset"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reads_a_row(folder, key, dtype):
    for name in SHAPES:
        write(folder, name, key=key, dtype=dtype)
    with OfficialFeatures(folder, NUM_RECORDS) as features:
        for array, shape in zip(features.read(1), SHAPES.values(), strict=True):
            assert array.dtype == np.float32
            np.testing.assert_array_equal(array, values(shape, dtype))
        for array in features.read(2):
            assert not array.any()


def test_only_the_requested_row_is_read(folder):
    # The visual features of all 100 records would take 200 MB.
    for name, shape in SHAPES.items():
        write(folder, name, shape=(100, *shape), row=99)
    tracemalloc.start()
    try:
        with OfficialFeatures(folder, 100) as features:
            audio, visual = features.read(99)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert audio[-1, -1] > 0 and visual[-1, -1, -1, -1] > 0
    assert peak < 8e6  # a record is 2 MB in double and 1 MB in single precision


def test_real_audio_features_have_the_layout(real_data, folder):
    (folder / "audio_feature.h5").unlink()
    (folder / "audio_feature.h5").symlink_to(real_data / "ave" / "audio_feature_noisy.h5")
    write(folder, "visual", shape=(178, *SHAPES["visual"]))
    with OfficialFeatures(folder, 178) as features:
        arrays = [features.read(row)[0] for row in range(178)]
    assert np.mean(np.array(arrays) == 0) == pytest.approx(0.653, abs=5e-4)
    assert np.max(arrays) == pytest.approx(4.537, abs=5e-4)


def test_close_releases_both_files(folder):
    with OfficialFeatures(folder, NUM_RECORDS):
        pass
    for name in SHAPES:
        with h5py.File(folder / f"{name}_feature.h5", "a"):  # fails while anyone reads it
            pass


@pytest.mark.parametrize("name", SHAPES)
def test_missing_file_is_named(folder, name):
    (folder / f"{name}_feature.h5").unlink()
    assert refusal(folder) == (
        f"{folder}/{name}_feature.h5 does not exist. It is part of the official AVE feature "
        "release."
    )


@pytest.mark.parametrize("name", SHAPES)
def test_wrong_number_of_rows_is_refused(folder, name):
    shape = (NUM_RECORDS + 1, *SHAPES[name])
    write(folder, name, shape=shape)
    expected = (NUM_RECORDS, *SHAPES[name])
    assert refusal(folder) == (
        f"{folder}/{name}_feature.h5 holds {shape} under 'avadataset' instead of {expected} "
        "(records, segments, …). Use this file and Annotations.txt of the same release."
    )


def test_pooled_visual_features_are_refused(folder):
    write(folder, "visual", shape=(NUM_RECORDS, 10, 512))  # as in visual_feature_vec.h5
    assert "holds (3, 10, 512) under 'avadataset' instead of (3, 10, 7, 7, 512)" in refusal(folder)


def test_wrong_key_is_refused(folder):
    write(folder, "audio", key="features")
    assert "audio_feature.h5 has the keys ['features'], none of ('avadataset', 'dat" in refusal(
        folder
    )


def test_group_is_refused(folder):
    with h5py.File(folder / "audio_feature.h5", "w") as file:
        file.create_group("avadataset")
    assert "audio_feature.h5: 'avadataset' is not a dataset with values" in refusal(folder)


def test_integers_are_refused(folder):
    write(folder, "visual", dtype="int64")
    assert "visual_feature.h5 holds int64 under 'avadataset' instead of floats" in refusal(folder)


def test_file_that_is_not_hdf5_is_refused(folder):
    (folder / "audio_feature.h5").write_bytes(b"PK\x03\x04")
    message = refusal(folder)
    assert message.startswith(f"{folder}/audio_feature.h5 is not a readable HDF5 file: ")
    assert message.endswith(". Download it again.")


def test_incomplete_download_is_refused(folder):
    path = folder / "visual_feature.h5"
    path.write_bytes(path.read_bytes()[:-1000])
    assert "visual_feature.h5 is not a readable HDF5 file: " in refusal(folder)


def test_refusal_leaves_no_file_open(folder):
    write(folder, "visual", dtype="int64")
    refusal(folder)
    for name in SHAPES:
        with h5py.File(folder / f"{name}_feature.h5", "a"):
            pass
