"""Media files as a source of segment features."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import queue
import uuid
from collections.abc import Iterator, Sequence

import numpy as np

from avel_tf.ave import NUM_SEGMENTS, Annotation, fingerprint
from avel_tf.configuration import EncodingConfig
from avel_tf.errors import InputError, MediaError
from avel_tf.media import AUDIO_SUFFIXES, Clip, DecoderProcess
from avel_tf.records import MediaFile, Record, Window
from avel_tf.records.dataset_folder import SIMULATED_CLIPS
from avel_tf.simulation.dataset import CONFIG_FILE as SIMULATION
from avel_tf.sources.feature_store import Features, FeatureStore

# Each uses a core only while it decodes; a single one could not feed a GPU.
NUM_DECODERS = min(4, os.cpu_count() or 1)
CLIPS_AHEAD = NUM_DECODERS + 1  # decoded and waiting, 24 MB each
VIDEO_FEATURES = ("audio_features", "visual_features", "num_repeated_frames")
# Code of `media` and `encoders` that does not affect the features.
MAKE_NO_FEATURES = {
    "conversion.py",
    "in_graph.py",
    "precision.py",
    "released_files.py",
    "writing.py",
}


@dataclasses.dataclass(frozen=True)
class MediaSource:
    """Media files, encoded.

    Args:
        folder: String. Folder of the files; none outside it is read.
        suffix: String. Part of a file's name after the video id: `".mp4"` in AVE.
        encoding: `EncodingConfig`.
        feature_store: String. Folder of features already computed.
    """

    folder: str
    suffix: str
    encoding: EncodingConfig
    feature_store: str

    def resolve(self) -> "MediaSource":
        """Returns this source with its precision chosen, so that all workers use the same.

        Raises:
            ValueError: If weights are missing or belong to another model.
        """
        from avel_tf.encoders import with_precision  # heavy

        self.encoding.check_weights()
        store = pathlib.Path(self.feature_store)
        encoding = with_precision(
            self.encoding, lambda weights: _choose_once(weights, store)["precision"]
        )
        return dataclasses.replace(self, encoding=encoding)

    def open(self) -> "MediaReader":
        """Loads both encoders."""
        return MediaReader(self)


class MediaReader:
    """Reads and encodes the files of a `MediaSource`.

    Decoding runs ahead in separate processes and encoding in a thread, so that both continue
    while the caller writes.
    """

    def __init__(self, source: MediaSource):
        from avel_tf import encoders  # heavy

        if not pathlib.Path(source.folder).is_dir():
            raise InputError(
                f"{source.folder} is not a folder. The AVE release must hold Annotations.txt and "
                "the folder AVE/ with one <VideoID>.mp4 per video."
            )
        self._source = source
        self._folder = pathlib.Path(source.folder).resolve()
        # A release keeps its clips in a folder of their own.
        places = (self._folder, self._folder.parent)
        self._is_simulated = any((place / SIMULATION).is_file() for place in places)
        encoding = source.encoding
        self._encoder = encoders.ClipEncoder(encoding)
        self._store = FeatureStore(source.feature_store, _without_file_names(self._made_by()))
        self._decoders = queue.SimpleQueue()
        for _ in range(NUM_DECODERS):
            self._decoders.put(DecoderProcess(encoding.limits))
        self._decoding = concurrent.futures.ThreadPoolExecutor(NUM_DECODERS)
        self._encoding = concurrent.futures.ThreadPoolExecutor(1)

    def read(
        self, items: Sequence[Annotation | MediaFile | Window]
    ) -> Iterator[Record | MediaError]:
        """Yields the features of each file, from the store or decoded and encoded."""
        pending = collections.deque()
        for item in items:
            pending.append((item, self._submit(item)))
            if len(pending) > CLIPS_AHEAD:
                yield _finish(*pending.popleft())
        while pending:
            yield _finish(*pending.popleft())

    def metadata(self) -> dict:
        """Describes how clips are encoded, by which code, and whether they are simulated."""
        simulated = {SIMULATED_CLIPS: True} if self._is_simulated else {}
        return {**self._made_by(), **simulated}

    def _made_by(self) -> dict:
        return {**self._encoder.metadata(), "code": code_digest()[:16]}

    def close(self) -> None:
        """Ends the decoders."""
        self._decoding.shutdown(cancel_futures=True)
        self._encoding.shutdown(cancel_futures=True)
        while not self._decoders.empty():
            self._decoders.get().close()

    def _submit(self, item: Annotation | MediaFile | Window) -> concurrent.futures.Future:
        decoded = self._decoding.submit(self._decode, item)
        return self._encoding.submit(lambda: self._encode(*decoded.result()))

    def _decode(
        self, item: Annotation | MediaFile | Window
    ) -> tuple[pathlib.Path, Features | Clip]:
        """Returns the path of a clip's features, and the features or, without them, the clip."""
        path = self._folder / f"{item.video_id}{self._source.suffix}"
        is_sound = path.suffix.lower() in AUDIO_SUFFIXES
        names = ("audio_features",) if is_sound else VIDEO_FEATURES
        segments = range(NUM_SEGMENTS)
        if isinstance(item, Window):
            segments = range(item.start_segment, item.start_segment + item.num_segments)
        try:
            if not path.resolve().is_relative_to(self._folder):
                raise MediaError("outside_folder", path, f"it leads out of {self._folder}")
            with contextlib.suppress(FileNotFoundError):
                path.stat()  # raises for cyclic links, as `resolve` does before Python 3.13
            if not path.is_file():
                raise MediaError("missing_file", path, "there is no such file")
            before = _state(path)
            limit = self._source.encoding.limits.max_read_seconds
            kept = self._store.path(path, names, segments, limit)
        except TimeoutError as error:
            raise MediaError("time_limit", path, str(error)) from error
        except (OSError, RuntimeError) as error:  # RuntimeError: cyclic links
            raise MediaError("unreadable", path, f"the system cannot read it: {error}") from error
        features = self._store.read(kept, names)
        if features is not None:
            return kept, features
        decoder = self._decoders.get()
        try:
            clip = decoder.read(
                path,
                first_segment=segments.start,
                num_segments=len(segments),
                frames_per_segment=self._source.encoding.frames_per_segment,
                resize=self._source.encoding.resize,
                size=self._encoder.frame_size,
            )
        finally:
            self._decoders.put(decoder)
        if not path.is_file() or _state(path) != before:
            # Its features would be kept for the bytes that were there before.
            raise MediaError("changed", path, "it was changed or replaced while it was read")
        # Resampling takes one core: ahead of the encoders, which take all.
        return kept, dataclasses.replace(clip, sound=clip.waveform())

    def _encode(self, kept: pathlib.Path, decoded: Features | Clip) -> Features:
        if not isinstance(decoded, Clip):
            return decoded
        features = self._encoder(decoded)
        if decoded.frames is not None:
            features["num_repeated_frames"] = np.array(decoded.count_repeated_frames())
        self._store.write(kept, features)
        return features


def _state(path: pathlib.Path) -> tuple[int, ...]:
    """Describes a file so that writing to it, or putting another in its place, shows."""
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _finish(
    item: Annotation | MediaFile | Window, features: concurrent.futures.Future
) -> Record | MediaError:
    try:
        found = features.result()
    except MediaError as error:
        return error
    repeated = int(found.get("num_repeated_frames", 0))
    return Record(item, found["audio_features"], found.get("visual_features"), repeated)


def _choose_once(weights: str, store: pathlib.Path) -> dict:
    """Returns the earlier choice, or makes one: a retry must be able to reuse stored features."""
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
            pass  # another job chose first, and its choice applies
        except OSError:  # a file system without links
            os.replace(partial, path)
        partial.unlink(missing_ok=True)
    return json.loads(path.read_text())


def _without_file_names(metadata: dict) -> dict:
    """Drops the weights' file names, so that only their SHA-256 matters."""
    return {
        name: {key: kept for key, kept in value.items() if key not in ("weights", "path")}
        if isinstance(value, dict)
        else value
        for name, value in metadata.items()
    }


@functools.cache  # the code this process has imported stays the same
def code_digest() -> str:
    """Computes the SHA-256 of the code that turns a file into features, which depend on it."""
    package = pathlib.Path(__file__).parents[1]
    files = {pathlib.Path(__file__), *package.glob("media/*.py"), *package.glob("encoders/*.py")}
    digest = hashlib.sha256()
    for file in sorted(file for file in files if file.name not in MAKE_NO_FEATURES):
        digest.update(file.read_bytes())
    return digest.hexdigest()
