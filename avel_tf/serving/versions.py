"""Version folders of a served model, named by integers."""

import pathlib


def versions_in(base: pathlib.Path) -> dict[int, pathlib.Path]:
    """Returns the folder of each version below a base path; names may have leading zeros."""
    return {number: path for number, path in numbers_in(base).items() if path.is_dir()}


def numbers_in(base: pathlib.Path) -> dict[int, pathlib.Path]:
    """Returns what has a version's name, files included: TF Serving takes them for versions."""
    paths = base.iterdir() if base.is_dir() else ()
    return {int(path.name): path for path in paths if path.name.isdecimal()}


def newest_version(base: pathlib.Path) -> pathlib.Path | None:
    """Returns the folder of the version that TF Serving serves from a base path, or `None`."""
    versions = versions_in(base)
    return versions[max(versions)] if versions else None
