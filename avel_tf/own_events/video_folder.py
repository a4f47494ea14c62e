"""Videos of a folder, found by the names that lists of events have for them."""

import collections
import functools
import pathlib
import re
from collections.abc import Collection

from avel_tf.errors import InputError
from avel_tf.own_events.events import RowError

CLIP_TIMES = re.compile(r"_\d+_\d+$")  # of a clip in its YouTube video, after the id in LLP


class VideoFolder:
    """Videos of a folder.

    Args:
        path: Path of the folder.
        suffixes: What the names of videos end in, with the dot.
    Raises:
        InputError: If there is no such folder.
    """

    def __init__(self, path: pathlib.Path, suffixes: Collection[str]):
        if not path.is_dir():
            raise InputError(f"{path} is not a folder. Pass the folder of the videos.")
        self._given = path
        self._path = path.resolve()
        names = (each.relative_to(self._path) for each in self._path.rglob("*"))
        self.files = sorted(
            name.as_posix()
            for name in names
            if name.suffix.lower() in suffixes and not any(part[0] == "." for part in name.parts)
        )
        self._by_id = collections.defaultdict(list)
        for file in self.files:
            self._by_id[file.removesuffix(pathlib.PurePosixPath(file).suffix)].append(file)
        self._by_lower_case = {file.lower(): file for file in self.files}
        self.find = functools.cache(self._find)  # lists name a video once for each event

    def _find(self, name: str) -> str:
        """Returns the path in the folder of the file that a list names.

        The name is a path in the folder, or one without its suffix; in LLP it has the clip's times
        after the id, which its file may lack. Links and other spellings of a path lead to one
        path, so that a video is never two.

        Raises:
            RowError: If there is no such file in the folder, or there are several.
        """
        if not name:
            raise RowError("no_file", "it names no file. Write the video's name")
        path = self._path / name
        if not _is_file(path):
            ids = (name, CLIP_TIMES.sub("", name), name.replace("\\", "/"))
            found = next((self._by_id[each] for each in ids if each in self._by_id), [])
            if not found and _is_file(self._path / ids[-1]):
                found = [ids[-1]]  # Windows's separators
            if len(found) > 1:
                raise RowError(
                    "ambiguous_file",
                    f"{name!r} may be {' or '.join(map(repr, found))}. Write the suffix too",
                )
            if not found:
                raise RowError("missing_file", self._missing(name))
            path = self._path / found[0]
        try:
            return path.resolve().relative_to(self._path).as_posix()
        except ValueError:
            raise RowError(
                "outside_folder",
                f"{name!r} is not in {self._given}. Copy the file into the folder, or "
                "make a hard link",
            ) from None

    def _missing(self, name: str) -> str:
        near = self._by_lower_case.get(name.lower())
        advice = f", but {near!r} is. Correct the name" if near else ". Copy it there"
        return f"{name!r} is not in {self._given}{advice}, or remove the row"


def _is_file(path: pathlib.Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the system, or a cyclic link
        return False
