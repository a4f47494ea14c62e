"""Files that point elsewhere, or would take much memory."""

import h5py
import numpy as np
import pytest

from avel_tf.hdf5 import MAX_CHUNK_BYTES, own_dataset


@pytest.fixture
def other(tmp_path):
    """A file of somebody else."""
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.arange(4)
    return tmp_path / "other.h5"


def external_link(file, other):
    file["dataset"] = h5py.ExternalLink(str(other), "secret")


def link_through_another_file(file, other):
    file["group"] = h5py.ExternalLink(str(other), "/")
    file["dataset"] = h5py.SoftLink("/group/secret")


def raw_storage(file, other):
    file.create_dataset("dataset", (4,), "i8", external=[(str(other), 0, 32)])


def virtual(file, other):
    layout = h5py.VirtualLayout((4,), "i8")
    layout[:] = h5py.VirtualSource(str(other), "secret", (4,))
    file.create_virtual_dataset("dataset", layout)


def dangling(file, other):
    file["dataset"] = h5py.SoftLink("/nothing")


def group(file, other):
    file.create_group("dataset")


def empty(file, other):
    file["dataset"] = h5py.Empty("f4")


def huge_chunk(file, other):
    shape = (2, MAX_CHUNK_BYTES)
    file.create_dataset("dataset", shape, "u1", chunks=shape)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (external_link, "'dataset' leads to another file"),
        (link_through_another_file, "'dataset' has its values in another file"),
        (raw_storage, "'dataset' has its values in another file"),
        (virtual, "'dataset' has its values in another file"),
        (dangling, "'dataset' leads nowhere"),
        (group, "'dataset' is not a dataset with values"),
        (empty, "'dataset' is not a dataset with values"),
        (huge_chunk, "'dataset' has chunks of 536,870,912 bytes"),
    ],
)
def test_what_is_not_in_the_file_is_refused(tmp_path, other, write, message):
    with h5py.File(tmp_path / "features.h5", "w") as file:
        write(file, other)
    with h5py.File(tmp_path / "features.h5") as file:
        with pytest.raises(ValueError, match=rf"features\.h5: {message}"):
            own_dataset(file, "dataset")


def test_links_inside_a_file_are_followed(tmp_path):
    with h5py.File(tmp_path / "features.h5", "w") as file:
        file["values"] = np.arange(3)
        file["dataset"] = h5py.SoftLink("/values")
        assert own_dataset(file, "dataset")[()].tolist() == [0, 1, 2]
        assert own_dataset(file, "nothing") is None
