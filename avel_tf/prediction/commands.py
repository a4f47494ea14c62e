"""The commands of `python -m avel_tf`."""

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Sequence

from avel_tf.ave import Annotation, DataError, read_annotations
from avel_tf.configuration import EncodingConfig
from avel_tf.encoders import choose_precision
from avel_tf.feature_origin import check_encoders, is_encoded
from avel_tf.flags import override
from avel_tf.media import MediaError
from avel_tf.prediction import output
from avel_tf.prediction.clips import ClipReader
from avel_tf.prediction.events import localize, true_labels
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
    """Finds events; returns the exit status, 1 if a video could not be read."""
    outputs = [path for path in (flags.json, flags.csv, flags.report) if path]
    _check_folders(outputs)
    truths = _read_truths(flags.annotations)
    system = _read_system(flags.model, "localize_event", "sel")
    reader = open_reader(flags, system.source)
    clips, failures = [], 0
    for video in flags.videos:
        try:
            clip = reader.read(video)
        except MediaError as error:
            failures += 1
            print(f"Error: {error}", file=sys.stderr)
            continue
        found = localize(system.signatures["localize_event"], **clip.features)
        print(output.events_table(clip, found))
        clips.append((clip, found))
    if clips:
        texts = {}
        if flags.json:
            texts[flags.json] = output.events_json(system.path, clips)
        if flags.csv:
            texts[flags.csv] = output.events_csv(clips)
        if flags.report:
            shown = [
                (clip, found, true_labels(truths[clip.path.stem], clip.num_segments))
                if clip.path.stem in truths
                else (clip, found, None)
                for clip, found in clips
            ]
            texts[flags.report] = page(shown, system.path, flags.report.parent)
        for path, text in texts.items():
            output.write_whole(path, text)
            print(f"Written: {path}")
    return 1 if failures else 0


def match(flags: argparse.Namespace) -> int:
    """Finds what a part of one modality shows in the other; returns the exit status."""
    if not 0 <= flags.start < flags.end:
        raise DataError(
            "`--start` must be from 0 and less than `--end`. "
            f"Received: --start {flags.start} --end {flags.end}."
        )
    if flags.top < 1:
        raise DataError(f"`--top` must be at least 1. Received: --top {flags.top}.")
    _check_folders([flags.json] if flags.json else [])
    system = _read_system(flags.model, "audio_to_visual", "cml")
    reader = open_reader(flags, system.source)
    audio = reader.read(flags.audio, ["audio"]).features["audio_features"]
    visual = reader.read(flags.video, ["visual"]).features["visual_features"]
    queries, candidates = (audio, visual) if flags.query == "audio" else (visual, audio)
    if flags.end > len(queries):
        raise DataError(f"`--end` is {flags.end} s, but the clip lasts {len(queries)} s.")
    query = queries[flags.start : flags.end]
    matches = find_matches(system.signatures, query, candidates, flags.top)
    print(output.matches_table(matches))
    if flags.json:
        search = {
            "model": str(system.path),
            **{name: str(getattr(flags, name)) for name in ("audio", "video", "query")},
            "start_seconds": flags.start,
            "end_seconds": flags.end,
        }
        output.write_whole(flags.json, output.matches_json(search, matches))
        print(f"Written: {flags.json}")
    return 0


def _read_system(path: pathlib.Path, signature: str, task: str) -> System:
    system = read_system(path)
    if signature not in system.signatures:
        raise DataError(f"{system.path} is not a model for --task {task}.")
    return system


def _read_truths(path: pathlib.Path | None) -> dict[str, list[Annotation]]:
    truths = {}
    for annotation in read_annotations(path) if path else ():
        truths.setdefault(annotation.video_id, []).append(annotation)
    return truths


def _check_folders(paths: Sequence[pathlib.Path]) -> None:
    """Encoding takes long: what would fail after it fails before."""
    for path in paths:
        if not path.parent.is_dir():
            raise DataError(f"{path.parent} is no folder. Make it first.")


COMMANDS = {"predict": predict, "match": match}
