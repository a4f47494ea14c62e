"""Settings of a dataset: where it comes from, and what it must be like."""

import dataclasses
import itertools
import pathlib

from avel_tf.choices import TASKS, VIDEO_SUFFIXES
from avel_tf.configuration.encoding import EncodingConfig
from avel_tf.errors import InputError
from avel_tf.utils.arguments import (
    check_choice,
    check_fraction,
    check_natural,
    check_positive,
    check_positive_integer,
)


def check_folders(settings: object, *names: str) -> None:
    """Checks that the folders in these attributes exist, as far as they are given.

    Raises:
        InputError: If one does not.
    """
    for name in names:
        folder = getattr(settings, name)
        if folder and not pathlib.Path(folder).is_dir():
            raise InputError(f"`{name}`: {folder} is not a folder. Give another one.")


@dataclasses.dataclass(frozen=True)
class OwnEventsConfig:
    """Settings that turn videos and a list of their events into records.

    Args:
        events: String. The list of events, see `avel_tf.own_events.rows`; empty for AVE.
        window_seconds: Integer. Length of a record; longer videos are cut.
        min_overlap: Float in (0, 1]. Part of a second that an event must cover to be its label.
        max_background_share: Float in [0, 1]. Largest share of records without an event in each
            split; more are left out at random.
        split_seed: Integer. Seed of splits that the list does not give, and of what is left out.
    Raises:
        ValueError: If a value is out of range.
    """

    events: str = ""
    window_seconds: int = 10
    min_overlap: float = 0.5
    max_background_share: float = 0.2
    split_seed: int = 0

    def __post_init__(self):
        check_positive_integer("window_seconds", self.window_seconds)
        check_positive("min_overlap", self.min_overlap)
        check_fraction("min_overlap", self.min_overlap)
        check_fraction("max_background_share", self.max_background_share)
        check_natural("split_seed", self.split_seed)


@dataclasses.dataclass(frozen=True)
class ExtractionConfig:
    """Settings of an extraction from `data_root`, `features_dir` or both.

    Args:
        task: String. `"sel"` or `"cml"`, which have different official splits.
        data_root: String. Folder with `Annotations.txt`, the split's files and `AVE/*.mp4`; or,
            with a list of events, of the videos.
        features_dir: String. Folder with the official HDF5 features, used instead of the clips.
            Annotations and split files are read from here if it has them, or from `data_root`.
        encoding: `EncodingConfig` of the clips.
        own_events: `OwnEventsConfig`, for videos of one's own.
        records_per_shard: Integer. Records per TFRecord file, the unit of work of one worker.
    Raises:
        ValueError: If neither folder is given or a value is out of range.
    """

    task: str
    data_root: str = ""
    features_dir: str = ""
    encoding: EncodingConfig = EncodingConfig()
    own_events: OwnEventsConfig = OwnEventsConfig()
    records_per_shard: int = 32

    def __post_init__(self):
        check_choice("task", self.task, TASKS)
        if self.own_events.events and self.features_dir:
            raise ValueError(
                "`events` is for videos, not for `features_dir`. "
                f"Received: features_dir={self.features_dir!r}."
            )
        check_positive_integer("records_per_shard", self.records_per_shard)
        if not self.data_root and not self.features_dir:
            raise ValueError(
                "`data_root` or `features_dir` must be given: the folder of the AVE videos, or "
                "that of the official HDF5 features."
            )

    @property
    def folders(self) -> list[pathlib.Path]:
        """Given folders, that of the features first."""
        return [pathlib.Path(folder) for folder in (self.features_dir, self.data_root) if folder]

    def check_paths(self) -> None:
        """Checks that the given folders and weights files exist.

        Raises:
            InputError: If one does not.
        """
        check_folders(self, "features_dir", "data_root")
        if self.own_events.events and not pathlib.Path(self.own_events.events).is_file():
            raise InputError(
                f"`events`: {self.own_events.events} does not exist. Give the list of events."
            )
        if not self.features_dir:
            self.encoding.check_weights()

    @property
    def input_paths(self) -> list[pathlib.Path]:
        """Files and folders that are read, and no others: the given folders may hold results."""
        patterns = ("Annotations.txt", "*Set.txt", "*_order.h5", "*_order_match.h5")
        paths = [
            path
            for folder in self.folders
            for name in patterns
            for path in sorted(folder.glob(name))
        ]
        if self.features_dir:
            names = [f"*_feature{suffix}.h5" for suffix in ("", "_noisy")]
            features = [pathlib.Path(self.features_dir).glob(name) for name in names]
            return [*paths, *sorted(itertools.chain(*features))]
        if self.own_events.events:
            files = pathlib.Path(self.data_root).rglob("*")
            videos = sorted(file for file in files if file.suffix.lower() in VIDEO_SUFFIXES)
            paths = [pathlib.Path(self.own_events.events), *videos]
        else:
            paths.append(pathlib.Path(self.data_root, "AVE"))
        return [*paths, *self.encoding.weights_paths]


@dataclasses.dataclass(frozen=True)
class ValidationConfig:
    """Requirements of a dataset beyond the schema.

    Args:
        categories: Tuple of strings. Names of the categories that each split must have.
        allowed_anomalies: Tuple of strings. Names of anomalies to report but accept; `*` stands
            for anything.
        max_rejected_share: Float in [0, 1]. Largest accepted share of records without features,
            because their clips could not be read.
    Raises:
        ValueError: If the share is out of range.
    """

    categories: tuple[str, ...]
    allowed_anomalies: tuple[str, ...] = ()
    max_rejected_share: float = 0.02

    def __post_init__(self):
        check_fraction("max_rejected_share", self.max_rejected_share)
