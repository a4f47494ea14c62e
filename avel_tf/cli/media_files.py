"""The media files of a folder that a user names."""

import collections
import pathlib
from collections.abc import Collection

from avel_tf.errors import InputError


def list_files(folder: pathlib.Path, suffixes: Collection[str]) -> list[pathlib.Path]:
    """Lists all files with these suffixes under a folder, sorted; prints how many others there are.

    Hidden files and linked folders are left out.

    Raises:
        InputError: If there is no such folder, or no such file in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder. Pass the folder of the videos.")
    paths = [path for path in folder.rglob("*") if not path.is_dir()]
    paths = [
        path for path in paths if not any(part[0] == "." for part in path.relative_to(folder).parts)
    ]
    found = sorted(path for path in paths if path.suffix.lower() in suffixes)
    if not found:
        raise InputError(
            f"{folder} holds no file whose name ends in {', '.join(suffixes)}. Pass the folder of "
            "the videos."
        )
    if others := collections.Counter(path.suffix for path in {*paths}.difference(found)):
        listed = ", ".join(
            f"{count} {suffix or 'without'}" for suffix, count in sorted(others.items())
        )
        print(f"Left out, by suffix: {listed}.")
    return found
