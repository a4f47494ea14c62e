"""Released weights in Keras's cache, found or downloaded quickly, without the import of Keras."""

import contextlib
import dataclasses
import hashlib
import http.client
import os
import pathlib
import threading
import time
import urllib.request
from collections.abc import Collection

from avel_tf.utils.atomic import whole_file

CONNECT_SECONDS = 3
PIECE = 1 << 18  # bytes between two looks at the clock


@dataclasses.dataclass(frozen=True)
class ReleasedFile:
    """A file of weights that Keras finds in its cache or downloads.

    Args:
        url: String.
        folder: String. Where Keras keeps it in its own folder, by default ~/.keras.
        algorithm: String. That of the digest, as `hashlib` calls it.
        digest: String. Hexadecimal digest of the file.
    """

    url: str
    folder: str
    algorithm: str
    digest: str

    @property
    def path(self) -> pathlib.Path:
        """Path in Keras's cache."""
        home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
        return pathlib.Path(home, self.folder, self.url.rpartition("/")[2])

    def is_cached(self) -> bool:
        """Returns whether it is in the cache, whole."""
        return self.path.is_file() and self._fits(self.path)

    def _fits(self, path: pathlib.Path) -> bool:
        with path.open("rb") as file:
            return hashlib.file_digest(file, self.algorithm).hexdigest() == self.digest


YAMNET = ReleasedFile(
    "https://storage.googleapis.com/audioset/yamnet.h5",
    "avel_tf",
    "sha256",
    "8e46c73299457318228b36185d5fbbc1fbf27515b7b45e377b17aa29801081ed",
)
# As `keras.applications` knows it.
EFFICIENTNETV2B0 = ReleasedFile(
    "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/"
    "efficientnetv2-b0_notop.h5",
    "models",
    "md5",
    "893217f2bb855e2983157299931e43ff",
)


def fetch_quickly(files: Collection[ReleasedFile], seconds: float) -> bool:
    """Downloads files that are not in the cache, unless that takes long.

    Without a network this returns after `CONNECT_SECONDS` at the latest, also where names are
    looked up in vain.

    Args:
        files: Collection of `ReleasedFile`.
        seconds: Float. Time for the downloads; what is not there by then is given up.
    Returns:
        Whether all files are in the cache.
    """
    deadline = time.monotonic() + seconds
    downloads = [_Download(file, deadline) for file in files if not file.is_cached()]
    for download in downloads:
        download.start()
    waiting_until = time.monotonic() + CONNECT_SECONDS
    for download in downloads:
        download.answered.wait(max(0, waiting_until - time.monotonic()))
    for download in downloads:
        if download.answered.is_set():
            download.join(max(0, deadline - time.monotonic()))
    return all(file.is_cached() for file in files)


class _Download(threading.Thread):
    """Download of a file; that it fails is no error, for whoever waits looks for the file."""

    def __init__(self, file: ReleasedFile, deadline: float):
        super().__init__(daemon=True)
        self._file = file
        self._deadline = deadline
        self.answered = threading.Event()  # or failed

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            self._fetch()
        self.answered.set()

    def _fetch(self) -> None:
        with urllib.request.urlopen(self._file.url, timeout=CONNECT_SECONDS) as response:
            self.answered.set()
            self._file.path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self._file.path) as partial:
                with partial.open("wb") as output:
                    while piece := response.read(PIECE):
                        if time.monotonic() > self._deadline:
                            raise TimeoutError
                        output.write(piece)
                if not self._file._fits(partial):
                    raise OSError
