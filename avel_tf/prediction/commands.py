"""The commands of `python -m avel_tf`."""

import argparse
import dataclasses
import pathlib
import sys
import tempfile
from collections.abc import Mapping, Sequence

from avel_tf.ave import Annotation, DataError, read_annotations
from avel_tf.configuration import EncodingConfig
from avel_tf.encoders import choose_precision
from avel_tf.feature_origin import check_encoders, is_encoded
from avel_tf.flags import override
from avel_tf.media import MediaError
from avel_tf.prediction import output
from avel_tf.prediction.clips import ClipReader, EncodedClip
from avel_tf.prediction.events import Localization, localize, true_labels
from avel_tf.prediction.matches import find_matches
from avel_tf.prediction.page import page
from avel_tf.prediction.system import System, read_system


def open_reader(flags: argparse.Namespace, source: dict | None) -> ClipReader:
    """The encoders, once it is clear that they are those of the training data.

    Args:
        flags: Parsed command line.
        source: How the features of the training data were made; None if unknown.
    Raises:
        DataError: If weights are missing, or others than those of the training data.
    """
    encoding = override(EncodingConfig(), flags)
    if not encoding.audio_weights:
        raise DataError("`--audio_weights` must be given. See --help.")
    if is_encoded(source) and flags.frames_per_segment is None:
        encoding = dataclasses.replace(encoding, frames_per_segment=source["frames_per_segment"])
    if encoding.encoder_precision == "auto":
        precision = (
            source["visual_encoder"]["precision"]
            if is_encoded(source)
            else choose_precision(encoding.visual_weights).precision
        )
        encoding = dataclasses.replace(encoding, encoder_precision=precision)
    reader = ClipReader(encoding)
    check_encoders(source, reader.metadata())
    return reader


def predict(flags: argparse.Namespace) -> int:
    """Finds events; returns the exit status, 1 if a video could not be read.

    What is found until an error or an interruption is written.
    """
    _check_outputs({".json": flags.json, ".csv": flags.csv, ".html": flags.report})
    if flags.annotations and not flags.report:
        raise DataError("`--annotations` is for the report. Give `--report` too.")
    if flags.annotations and not flags.annotations.is_file():
        raise DataError(f"{flags.annotations} does not exist.")
    truths = _read_truths(flags.annotations)
    if flags.annotations and truths.keys().isdisjoint(video.stem for video in flags.videos):
        raise DataError(f"{flags.annotations} has none of the videos, by their names.")
    system = _read_system(flags.model, "localize_event", "sel")
    reader = open_reader(flags, system.source)
    clips, failures = [], {}
    try:
        for video in flags.videos:
            try:
                clip = reader.read(video, range(reader.count_segments(video)))
            except MediaError as error:
                failures[video] = str(error)
                print(f"Error: {error}", file=sys.stderr)
                continue
            found = localize(system.signatures["localize_event"], **clip.features)
            print(output.events_table(clip, found))
            clip = dataclasses.replace(clip, features={})
            if not flags.report:  # which alone shows the rest
                clip = dataclasses.replace(clip, peaks=None, thumbnails=[])
            clips.append((clip, found))
    finally:
        if clips or failures:
            _write_events(flags, system, clips, failures, truths)
    return 1 if failures else 0


def _write_events(
    flags: argparse.Namespace,
    system: System,
    clips: Sequence[tuple[EncodedClip, Localization]],
    failures: Mapping[pathlib.Path, str],
    truths: Mapping[str, Sequence[Annotation]],
) -> None:
    shown = [
        (clip, found, true_labels(truths[clip.path.stem], clip.num_segments))
        if clip.path.stem in truths
        else (clip, found, None)
        for clip, found in clips
    ]
    errors = []
    for path, write in (
        (flags.json, lambda: output.events_json(system.path, clips, failures)),
        (flags.csv, lambda: output.events_csv(clips)),
        (flags.report, lambda: page(shown, system.path, flags.report.parent)),
    ):
        try:
            if path:
                output.write_whole(path, write())
        except OSError as error:  # the others can be written all the same
            errors.append(error)
    if errors:
        raise errors[0]


def match(flags: argparse.Namespace) -> int:
    """Finds what a part of one modality shows in the other; returns the exit status."""
    if not 0 <= flags.start < flags.end:
        raise DataError(
            "`--start` must be from 0 and less than `--end`. "
            f"Received: --start {flags.start} --end {flags.end}."
        )
    if flags.top < 1:
        raise DataError(f"`--top` must be at least 1. Received: --top {flags.top}.")
    _check_outputs({".json": flags.json})
    system = _read_system(flags.model, "audio_to_visual", "cml")
    reader = open_reader(flags, system.source)
    audio, video = (flags.audio, ["audio"]), (flags.video, ["visual"])
    query, searched = (audio, video) if flags.query == "audio" else (video, audio)
    # Encoding takes long: lengths are looked at before.
    lengths = [reader.count_segments(*each) for each in (query, searched)]
    if flags.end > lengths[0]:
        raise DataError(f"`--end` is {flags.end} s, but {query[0]} lasts {lengths[0]} s.")
    if flags.end - flags.start > lengths[1]:
        raise DataError(f"The query is longer than {searched[0]}, which lasts {lengths[1]} s.")
    asked = reader.read(query[0], range(flags.start, flags.end), query[1])
    candidates = reader.read(searched[0], range(lengths[1]), searched[1])
    (query_features,), (candidate_features,) = (
        clip.features.values() for clip in (asked, candidates)
    )
    matches = find_matches(system.signatures, query_features, candidate_features, flags.top)
    print(output.matches_table(matches))
    if flags.json:
        search = {
            "model": str(system.path),
            **{name: str(getattr(flags, name)) for name in ("audio", "video", "query")},
            "start_seconds": flags.start,
            "end_seconds": flags.end,
        }
        output.write_whole(flags.json, output.matches_json(search, matches))
    return 0


def _read_system(path: pathlib.Path, signature: str, task: str) -> System:
    system = read_system(path)
    if "localize_media" in system.signatures:
        raise DataError(
            f"{system.path} has its encoders in it and takes frames and sound. Give the model that "
            "it was exported from."
        )
    if signature not in system.signatures:
        raise DataError(f"{system.path} is not a model for --task {task}.")
    return system


def _read_truths(path: pathlib.Path | None) -> dict[str, list[Annotation]]:
    truths = {}
    for annotation in read_annotations(path) if path else ():
        truths.setdefault(annotation.video_id, []).append(annotation)
    return truths


def _check_outputs(outputs: Mapping[str, pathlib.Path | None]) -> None:
    """Encoding takes long: what would fail after it fails before."""
    given = {suffix: path.resolve() for suffix, path in outputs.items() if path}
    for suffix, path in given.items():
        if not path.parent.is_dir():
            raise DataError(f"{path.parent} is no folder. Make it first.")
        if path.exists() and not (path.is_file() and path.suffix == suffix):
            # A video, after `--json` that was taken for a switch, must not be written over.
            raise DataError(f"{path} is there and no {suffix} file. Give another name.")
        if list(given.values()).count(path) > 1:
            raise DataError(f"{path} is given twice. Give each output a name of its own.")
        with tempfile.TemporaryFile(dir=path.parent):  # or it says why not
            pass


COMMANDS = {"predict": predict, "match": match}
