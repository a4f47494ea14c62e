"""Shapes of the arrays in a file of Keras weights."""

import collections
import pathlib

import h5py


def count_shapes(path: pathlib.Path) -> collections.Counter[tuple[int, ...]]:
    """Counts the arrays of each shape whose bytes are in a file of weights.

    A shape alone takes no room in HDF5: a small file can state one of any size.

    Args:
        path: A `.weights.h5` file.
    Raises:
        OSError, KeyError or RuntimeError: If the file is damaged, as h5py reports it.
    """
    shapes = collections.Counter()

    def count(_, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and item.id.get_storage_size() >= item.nbytes:
            shapes[item.shape] += 1

    with h5py.File(path) as file:
        file.visititems(count)  # follows no links
    return shapes
