"""Records of a release, by split, and the source of their features."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

from avel_tf.ave import (
    BACKGROUND_NAME,
    Annotation,
    count_background_clips,
    read_annotations,
    read_splits,
)
from avel_tf.configuration import ExtractionConfig
from avel_tf.errors import InputError
from avel_tf.own_events import RejectedRow
from avel_tf.records import Description, Window
from avel_tf.records.description import AVE
from avel_tf.simulation.feature_dataset import (
    NUM_BACKGROUND_CLIPS,
    FeatureSimulationConfig,
    annotations_and_splits,
)
from avel_tf.sources.media_source import MediaSource
from avel_tf.sources.official_source import OfficialSource
from avel_tf.sources.own_release import own_release
from avel_tf.sources.simulated_source import SimulatedSource

BACKGROUND_SPLIT = "background"  # the release's clips without an event
Splits = dict[str, list[Annotation]]


@dataclasses.dataclass(frozen=True)
class Release:
    """The records of a labeled dataset, and where their features come from.

    Args:
        splits: Dict from split to the annotations of its records.
        source: Source of their features.
        description: What the records are; the sizes of features that are still to be encoded are
            not known yet.
        rejected: Rows of a list of events that cannot be used.
    """

    splits: Mapping[str, Sequence[Annotation | Window]]
    source: MediaSource | OfficialSource
    description: Description
    rejected: Sequence[RejectedRow] = ()


def read_release(config: ExtractionConfig, feature_store: pathlib.Path) -> Release:
    """Reads the records of a labeled dataset: those of AVE, or windows of one's own videos.

    Args:
        config: `ExtractionConfig`.
        feature_store: Folder of encoded clips, see `FeatureStore`.
    Returns:
        `Release`.
    Raises:
        InputError: If an input is missing or malformed (names the file and the record).
    """
    if config.own_events.events:
        return Release(*own_release(config, feature_store))
    return Release(*ave_release(config, feature_store), AVE)


def ave_release(
    config: ExtractionConfig, feature_store: pathlib.Path
) -> tuple[Splits, OfficialSource | MediaSource]:
    """Reads the annotations and the split files of one task from the AVE release.

    For `sel`, the feature release's clips without an event become a split `background`.

    Args:
        config: `ExtractionConfig`.
        feature_store: Folder of encoded clips, see `FeatureStore`.
    Returns:
        Dict from split to annotations, and the source of their features.
    Raises:
        InputError: If an input is missing or malformed (names the file and the record).
    """
    config.check_paths()
    annotations = read_annotations(_annotations_path(config))
    splits = {
        split: [annotations[row] for row in rows]
        for split, rows in read_splits(config.folders, annotations, config.task).items()
    }
    if not config.features_dir:
        folder = str(pathlib.Path(config.data_root) / "AVE")
        return splits, MediaSource(folder, ".mp4", config.encoding, str(feature_store))
    count = count_background_clips(config.features_dir) if config.task == "sel" else 0
    splits |= _background_split(len(annotations), count)
    return splits, OfficialSource(config.features_dir, len(annotations), count)


def simulated_release(config: FeatureSimulationConfig, task: str) -> tuple[Splits, SimulatedSource]:
    """Draws the annotations and splits of simulated features.

    Args:
        config: `FeatureSimulationConfig`.
        task: String. `"sel"` or `"cml"`.
    Returns:
        As for `ave_release`.
    Raises:
        InputError: If given annotations cannot be read.
    """
    annotations, rows = annotations_and_splits(config)
    splits = {split: [annotations[row] for row in chosen] for split, chosen in rows[task].items()}
    if task == "sel":
        splits |= _background_split(len(annotations), NUM_BACKGROUND_CLIPS)
    return splits, SimulatedSource(config, len(annotations))


def _background_split(first_row: int, count: int) -> Splits:
    """Lists the clips without an event, if any, numbered after the records."""
    clips = [
        Annotation(first_row + clip, BACKGROUND_NAME, f"background-{clip:03d}", 0, 0)
        for clip in range(count)
    ]
    return {BACKGROUND_SPLIT: clips} if clips else {}


def _annotations_path(config: ExtractionConfig) -> pathlib.Path:
    for folder in config.folders:
        if (folder / "Annotations.txt").is_file():
            return folder / "Annotations.txt"
    raise InputError(
        f"No Annotations.txt in {' or '.join(map(str, config.folders))}. It comes with the AVE "
        "videos: copy it there."
    )
