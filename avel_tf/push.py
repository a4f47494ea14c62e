"""A SavedModel to where it is served."""

import pathlib
import shutil
import time
from collections.abc import Mapping

from avel_tf.locks import exclusive


def newest_version(base: pathlib.Path) -> pathlib.Path | None:
    """Folder of the version below a base path that TF Serving serves, None if it has none."""
    versions = _versions(base) if base.is_dir() else {}
    return versions[max(versions)] if versions else None


def _versions(base: pathlib.Path) -> dict[int, pathlib.Path]:
    # A name may have leading zeros.
    return {int(path.name): path for path in base.iterdir() if path.name.isdigit()}


def push_model(
    saved_model: pathlib.Path, base: pathlib.Path, keep_versions: int, texts: Mapping[str, str]
) -> pathlib.Path:
    """Copies a SavedModel to a new version folder, which appears in one step.

    TF Serving loads the highest integer below its base path; the copy is made under a name that
    is none and then renamed. Old versions leave in one step too, once the new one is there.

    Args:
        saved_model: Folder to copy.
        base: Base path of the served model; made if need be.
        keep_versions: Integer from 2. How many versions to keep, the new one among them. The one
            before is served until the new one has loaded.
        texts: Files to put beside the SavedModel's own, by name.
    Returns:
        The version's folder: the time in seconds, or one more than the highest version.
    Raises:
        RuntimeError: If another push to the same base path is under way.
    """
    with exclusive(base):
        for leftover in base.glob(".partial-*"):  # of a push that was killed
            shutil.rmtree(leftover)
        versions = _versions(base)
        version = max([int(time.time()), *(version + 1 for version in versions)])
        partial = base / f".partial-{version}"
        shutil.copytree(saved_model, partial)
        for name, text in texts.items():
            (partial / name).write_text(text, encoding="utf-8")
        pushed = partial.rename(base / str(version))
        for old in sorted(versions)[: 1 - keep_versions]:
            # Renamed first, so that a server never reads a version that is being removed.
            shutil.rmtree(versions[old].rename(base / f".partial-{old}"))
        return pushed
