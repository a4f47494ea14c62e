"""The code that a component runs: a digest for the cache key, a check that it is still the same."""

import contextlib
import functools
import hashlib
import importlib.metadata
import inspect
import json
import pathlib

from avel_tf.utils.digests import file_sha256
from components.component import Component, ComponentError
from components.import_closure import find_import_closure

_CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
_DISTRIBUTIONS = (
    "tensorflow",
    "keras",
    "apache-beam",
    "tensorflow-model-analysis",
    "tensorflow-data-validation",
    "tensorflow-io",
    "soxr",
    "av",
    "numpy",
)


def digest_code(kind: type[Component]) -> str:
    """Digest of the files that a component may use and of the versions of the main packages.

    It describes the code as it was when this process first asked, because Python imports a file
    only once.
    """
    files = {
        str(path.relative_to(_CHECKOUT)) if path.is_relative_to(_CHECKOUT) else path.name: digest
        for path, digest in _digest_files(kind).items()
    }
    return digest_json([files, _read_versions()])


def check_unchanged(kind: type[Component]) -> None:
    """Refuses code that has changed since part of it may have been imported.

    Raises:
        ComponentError: If a file or a version has changed since `digest_code` was first called.
    """
    changed = [
        path.name
        for path, digest in _digest_files(kind).items()
        if not path.is_file() or file_sha256(path) != digest
    ]
    if changed or _read_versions.__wrapped__() != _read_versions():
        raise ComponentError(
            f"Code that {kind.__name__} uses has changed since this program started "
            f"({', '.join(changed) or 'another version of a package'}). Start it again."
        )


def digest_json(parts: list | dict) -> str:
    """Digest of JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@functools.cache
def _digest_files(kind: type[Component]) -> dict[pathlib.Path, str]:
    """Digest of each file that a component may use, as it was when first asked."""
    classes = [base for base in kind.__mro__ if issubclass(base, Component)]
    starts = {pathlib.Path(inspect.getfile(base)).resolve() for base in classes}
    return {path: file_sha256(path) for path in find_import_closure(starts, _CHECKOUT)}


@functools.cache
def _read_versions() -> dict[str, str]:
    versions = {}
    for name in _DISTRIBUTIONS:
        # Not all are installed: of the two that resample, one is enough.
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions
