"""Media files as a source of segment features."""

import collections
import concurrent.futures
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import queue
import uuid
from collections.abc import Iterator, Sequence

from avel_tf.ave import NUM_SEGMENTS, Annotation, DataError, fingerprint
from avel_tf.configuration import EncodingConfig
from avel_tf.feature_store import Features, FeatureStore
from avel_tf.media import AUDIO_SUFFIXES, Clip, DecoderProcess, MediaError
from avel_tf.records import MediaFile, Record

# Each holds a core only while it decodes; one alone could not feed a GPU.
NUM_DECODERS = min(4, os.cpu_count() or 1)
CLIPS_AHEAD = NUM_DECODERS + 1  # decoded and waiting, 24 MB each
# Code of `media` and `encoders` that may change while the features stay the same.
MAKE_NO_FEATURES = {"__main__.py", "conversion.py", "in_graph.py", "precision.py", "writing.py"}


@dataclasses.dataclass(frozen=True)
class MediaSource:
    """Media files, encoded by VGG-19 and VGGish.

    Args:
        folder: String. Folder of the files; none outside is read.
        suffix: String. What follows the video id in a file's name: `".mp4"` in AVE.
        encoding: `EncodingConfig`.
        feature_store: String. Folder of features already made.
    """

    folder: str
    suffix: str
    encoding: EncodingConfig
    feature_store: str

    def resolve(self) -> "MediaSource":
        """The same source with the precision settled, so that all workers have the same.

        Raises:
            ValueError: If weights are missing or another model's.
        """
        if self.encoding.encoder_precision != "auto":
            return self
        choice = _choose_once(self.encoding.visual_weights, pathlib.Path(self.feature_store))
        encoding = dataclasses.replace(self.encoding, encoder_precision=choice["precision"])
        return dataclasses.replace(self, encoding=encoding)

    def open(self) -> "MediaReader":
        """Loads both encoders."""
        return MediaReader(self)


class MediaReader:
    """Reads and encodes the files of a `MediaSource`.

    Decoding runs ahead in processes of its own, encoding in a thread, so that both go on while
    the caller writes.
    """

    def __init__(self, source: MediaSource):
        from avel_tf import encoders  # heavy

        if not pathlib.Path(source.folder).is_dir():
            raise DataError(
                f"{source.folder} is no folder. The AVE release must hold Annotations.txt and the "
                "folder AVE/ with one <VideoID>.mp4 a video."
            )
        self._source = source
        self._folder = pathlib.Path(source.folder).resolve()
        encoding = source.encoding
        self._encoder = encoders.ClipEncoder(encoding)
        self._store = FeatureStore(source.feature_store, _without_file_names(self.metadata()))
        self._decoders = queue.SimpleQueue()
        for _ in range(NUM_DECODERS):
            self._decoders.put(DecoderProcess(encoding.limits))
        self._decoding = concurrent.futures.ThreadPoolExecutor(NUM_DECODERS)
        self._encoding = concurrent.futures.ThreadPoolExecutor(1)

    def read(self, items: Sequence[Annotation | MediaFile]) -> Iterator[Record | MediaError]:
        """Features of each file, from the store or decoded and encoded."""
        pending = collections.deque()
        for item in items:
            pending.append((item, self._submit(item)))
            if len(pending) > CLIPS_AHEAD:
                yield _finish(*pending.popleft())
        while pending:
            yield _finish(*pending.popleft())

    def metadata(self) -> dict:
        """How clips are encoded, and by which code."""
        return {**self._encoder.metadata(), "code": code_digest()[:16]}

    def close(self) -> None:
        """Ends the decoders."""
        self._decoding.shutdown(cancel_futures=True)
        self._encoding.shutdown(cancel_futures=True)
        while not self._decoders.empty():
            self._decoders.get().close()

    def _submit(self, item: Annotation | MediaFile) -> concurrent.futures.Future:
        decoded = self._decoding.submit(self._decode, item)
        return self._encoding.submit(lambda: self._encode(*decoded.result()))

    def _decode(self, item: Annotation | MediaFile) -> tuple[pathlib.Path, Features | Clip]:
        """Where a clip's features are kept, and these, or else the clip itself."""
        path = self._folder / f"{item.video_id}{self._source.suffix}"
        is_sound = path.suffix.lower() in AUDIO_SUFFIXES
        names = ("audio_features",) if is_sound else ("audio_features", "visual_features")
        try:
            if not path.resolve().is_relative_to(self._folder):
                raise MediaError("outside_folder", path, f"it leads out of {self._folder}")
            if not path.is_file():
                raise MediaError("missing_file", path, "there is no such file")
            kept = self._store.path(path, names, self._source.encoding.limits.max_read_seconds)
        except TimeoutError as error:
            raise MediaError("time_limit", path, str(error)) from error
        except (OSError, RuntimeError) as error:  # links in a circle are a RuntimeError
            raise MediaError("unreadable", path, f"the system cannot read it: {error}") from error
        features = self._store.read(kept, names)
        if features is not None:
            return kept, features
        decoder = self._decoders.get()
        try:
            clip = decoder.read(
                path,
                num_segments=NUM_SEGMENTS,
                frames_per_segment=self._source.encoding.frames_per_segment,
            )
        finally:
            self._decoders.put(decoder)
        return kept, clip

    def _encode(self, kept: pathlib.Path, decoded: Features | Clip) -> Features:
        if not isinstance(decoded, Clip):
            return decoded
        features = self._encoder(decoded)
        self._store.write(kept, features)
        return features


def _finish(
    item: Annotation | MediaFile, features: concurrent.futures.Future
) -> Record | MediaError:
    try:
        found = features.result()
    except MediaError as error:
        return error
    return Record(item, found["audio_features"], found.get("visual_features"))


def _choose_once(weights: str, store: pathlib.Path) -> dict:
    """The choice made before, else a new one: a second try must not undo the first's work."""
    name = f"{weights} {fingerprint([pathlib.Path(weights)])}"  # a file may be replaced
    path = store / f"precision-{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"
    if not path.is_file():
        from avel_tf.encoders import choose_precision  # heavy

        store.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{uuid.uuid4().hex}.partial")
        partial.write_text(json.dumps(dataclasses.asdict(choose_precision(weights))))
        try:
            os.link(partial, path)
        except FileExistsError:
            pass  # another job's choice came first, and holds
        except OSError:  # a file system without links
            os.replace(partial, path)
        partial.unlink(missing_ok=True)
    return json.loads(path.read_text())


def _without_file_names(metadata: dict) -> dict:
    """The weights count by their SHA-256, whatever their file is called."""
    return {
        name: {key: kept for key, kept in value.items() if key != "weights"}
        if isinstance(value, dict)
        else value
        for name, value in metadata.items()
    }


@functools.cache
def code_digest() -> str:
    """SHA-256 of the code that turns a file into features: when it changes, so may they."""
    package = pathlib.Path(__file__).parents[1]
    files = {pathlib.Path(__file__), *package.glob("media/*.py"), *package.glob("encoders/*.py")}
    digest = hashlib.sha256()
    for file in sorted(file for file in files if file.name not in MAKE_NO_FEATURES):
        digest.update(file.read_bytes())
    return digest.hexdigest()
