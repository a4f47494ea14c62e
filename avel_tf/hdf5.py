"""Datasets that lie in their HDF5 file: a file can also point to any other on the machine."""

import math

import h5py

MAX_CHUNK_BYTES = 2**28  # a chunk is unpacked whole for each row that is read


def own_dataset(file: h5py.File, name: str) -> h5py.Dataset | None:
    """Returns a dataset whose values are in the file itself.

    Args:
        file: Open HDF5 file.
        name: String. Path of the dataset in the file.
    Returns:
        The dataset; None if there is nothing of that name.
    Raises:
        ValueError: If there is a link that leads nowhere or to another file, something else than a
            dataset, values in another file, or a chunk of more than `MAX_CHUNK_BYTES`.
    """
    link = file.get(name, getlink=True)
    if link is None:
        return None
    place = f"{file.filename}: {name!r}"
    if isinstance(link, h5py.ExternalLink):
        raise ValueError(f"{place} leads to another file, {link.filename!r}")
    try:
        found = file[name]
    except (KeyError, OSError) as error:
        raise ValueError(f"{place} leads nowhere") from error
    if not isinstance(found, h5py.Dataset) or found.shape is None:
        raise ValueError(f"{place} is not a dataset with values")
    if found.file.filename != file.filename or found.is_virtual or found.external:
        raise ValueError(f"{place} has its values in another file")
    num_bytes = math.prod(found.chunks or ()) * found.dtype.itemsize
    if num_bytes > MAX_CHUNK_BYTES:
        raise ValueError(
            f"{place} has chunks of {num_bytes:,} bytes, which are unpacked for every row; at most "
            f"{MAX_CHUNK_BYTES:,} are read. Write it again with one row per chunk"
        )
    return found
