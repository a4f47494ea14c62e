"""Records of one's own videos, by split, and the source of their features."""

import concurrent.futures
import pathlib
import queue
from collections.abc import Sequence

from avel_tf.choices import VIDEO_SUFFIXES
from avel_tf.configuration import ExtractionConfig, MediaLimits
from avel_tf.errors import MediaError
from avel_tf.media import DecoderProcess
from avel_tf.own_events import RejectedRow, make_records, read_events, summarize
from avel_tf.records import Description, Window
from avel_tf.sources.media_source import NUM_DECODERS, MediaSource
from avel_tf.utils.progress import Progress


def own_release(
    config: ExtractionConfig, feature_store: pathlib.Path
) -> tuple[dict[str, list[Window]], MediaSource, Description, Sequence[RejectedRow]]:
    """Reads the list of events and the lengths of the videos, and prints what they amount to.

    Args:
        config: `ExtractionConfig` with `own_events`.
        feature_store: Folder of encoded clips, see `FeatureStore`.
    Returns:
        The fields of `avel_tf.sources.release.Release`.
    Raises:
        InputError: If the list is malformed, names none of the videos, or a category is not in
            each split.
    """
    config.check_paths()
    own, folder = config.own_events, pathlib.Path(config.data_root)
    listing = read_events(own.events, folder, VIDEO_SUFFIXES)
    records = make_records(
        listing,
        _lengths(folder, listing.files, config.encoding.limits),
        task=config.task,
        window_segments=own.window_seconds,
        min_overlap=own.min_overlap,
        max_background_share=own.max_background_share,
        seed=own.split_seed,
    )
    print(summarize(records))
    source = MediaSource(config.data_root, "", config.encoding, str(feature_store))
    description = Description(records.categories, own.window_seconds)
    return records.splits, source, description, records.rejected


def _lengths(
    folder: pathlib.Path, videos: Sequence[str], limits: MediaLimits
) -> dict[str, int | MediaError]:
    """Counts the whole seconds of each video, or says why it cannot be read."""

    def count(video: str) -> int | MediaError:
        decoder = decoders.get()
        try:
            return decoder.count_segments(folder / video)
        except MediaError as error:
            return error
        finally:
            decoders.put(decoder)

    decoders: queue.SimpleQueue[DecoderProcess] = queue.SimpleQueue()
    for _ in range(NUM_DECODERS):
        decoders.put(DecoderProcess(limits))
    try:
        with (
            concurrent.futures.ThreadPoolExecutor(NUM_DECODERS) as executor,
            Progress(total=len(videos), unit="video", desc="Measuring") as bar,
        ):
            lengths = {}
            for video, length in zip(videos, executor.map(count, videos), strict=True):
                lengths[video] = length
                bar.update()
            return lengths
    finally:
        while not decoders.empty():
            decoders.get().close()
