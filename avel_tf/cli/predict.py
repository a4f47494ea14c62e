"""Finds the events in videos of any length, with a model for --task sel."""

import argparse
import collections
import dataclasses
import pathlib
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from avel_tf.ave import Annotation, read_annotations
from avel_tf.cli.flags import share
from avel_tf.cli.media_files import list_files
from avel_tf.cli.with_model import MODEL_NOTE, add_model_flags, check_outputs, open_reader
from avel_tf.errors import InputError, MediaError
from avel_tf.media import VIDEO_SUFFIXES

if TYPE_CHECKING:
    from avel_tf.prediction.clips import EncodedClip
    from avel_tf.prediction.events import Localization
    from avel_tf.prediction.system import System

EXAMPLES = f"""\
example:
  Find the events in these videos, and show on a page what the system saw and heard:
    avel predict ./*.mp4 --model runs/ave-sel/served/ave-sel \\
        --audio_weights vggish.weights.h5 --report events.html

{MODEL_NOTE}"""
WHEN_STOPPED = "Results so far are written."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "videos",
        nargs="+",
        type=pathlib.Path,
        metavar="VIDEO",
        help="with sound, of any length; or a folder, for all videos in it",
    )
    add_model_flags(parser)
    parser.add_argument(
        "--threshold",
        type=share,
        metavar="SHARE",
        help="lowest relevance, from 0 to 1, at which a second belongs to an event: the mean of "
        "what is heard and what is seen, so that above 0.5 one of them is not enough (default: the "
        "system's own rule, for those that decide by relevance the threshold kept with them, 0.5)",
    )
    parser.add_argument(
        "--csv", type=pathlib.Path, metavar="FILE", help="write CSV, one row per event"
    )
    parser.add_argument(
        "--report",
        type=pathlib.Path,
        metavar="FILE",
        help="write a page with images, sound, relevance and labels over time",
    )
    parser.add_argument(
        "--labels",
        type=pathlib.Path,
        metavar="FOLDER",
        help="write VIDEO.vtt, captions for players, and VIDEO.txt, labels for Audacity and ELAN",
    )
    parser.add_argument(
        "--annotations",
        type=pathlib.Path,
        metavar="FILE",
        help="AVE's Annotations.txt, for its videos: the report marks correct and wrong labels",
    )


def run(flags: argparse.Namespace) -> int:
    """Finds events; returns the exit status, 1 if a video could not be read.

    Results found before an error or an interruption are written.
    """
    from avel_tf.prediction import output  # heavy, and not needed for --help
    from avel_tf.prediction.events import localize
    from avel_tf.prediction.system import read_system_for
    from avel_tf.serving.provenance import caution

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # results so far are written then too
    check_outputs({".json": flags.json, ".csv": flags.csv, ".html": flags.report})
    if flags.labels and not flags.labels.is_dir():
        raise InputError(f"`--labels`: {flags.labels} is not a folder. Make it first.")
    if flags.annotations and not flags.report:
        raise InputError("`--annotations` is for the report. Give `--report` too.")
    if flags.annotations and not flags.annotations.is_file():
        raise InputError(f"{flags.annotations} does not exist.")
    truths = _read_truths(flags.annotations)
    videos = [video for given in flags.videos for video in _videos(given)]
    names = collections.Counter(video.stem for video in videos)
    if flags.labels and (name := names.most_common(1)[0])[1] > 1:
        raise InputError(
            f"`--labels` would write the labels of {name[1]} videos to {name[0]}.txt. Give them in "
            "several calls, with a folder each."
        )
    if flags.annotations and truths.keys().isdisjoint(video.stem for video in videos):
        raise InputError(f"{flags.annotations} has none of the videos, by their names.")
    system = read_system_for("sel", flags.model)
    reader = open_reader(flags, system.source)
    warning = caution(system.source, reader.metadata())
    if warning:
        print(warning)
    clips, failures = [], {}
    try:
        for video in videos:
            try:
                clip = reader.read(video, range(reader.count_segments(video)))
            except MediaError as error:
                failures[video] = flags.as_typed(str(error))
                print(f"Error: {failures[video]}", file=sys.stderr)
                continue
            localize_event = system.signatures["localize_event"]
            found = localize(
                localize_event,
                **clip.features,
                threshold=flags.threshold,
                description=system.description,
                own_threshold=system.threshold,
            )
            print(output.events_table(clip, found))
            clip = dataclasses.replace(clip, features={})
            if not flags.report:  # only the report shows the rest
                clip = dataclasses.replace(clip, peaks=None, thumbnails=[])
            clips.append((clip, found))
    finally:
        if clips or failures:
            _write_events(flags, system, warning, clips, failures, truths)
    return 1 if failures else 0


def _write_events(
    flags: argparse.Namespace,
    system: "System",
    warning: str,
    clips: Sequence[tuple["EncodedClip", "Localization"]],
    failures: Mapping[pathlib.Path, str],
    truths: Mapping[str, Sequence[Annotation]],
) -> None:
    from avel_tf.prediction import output
    from avel_tf.prediction.annotator_labels import audacity_labels, web_vtt
    from avel_tf.prediction.events import true_labels
    from avel_tf.prediction.page import page

    shown = [
        (clip, found, true_labels(truths[clip.path.stem], clip.num_segments))
        if clip.path.stem in truths
        else (clip, found, None)
        for clip, found in clips
    ]
    labels = [
        (flags.labels / f"{clip.path.stem}{suffix}", text)
        for clip, found in clips
        if flags.labels
        for suffix, text in (
            (".vtt", lambda found=found: web_vtt(found, warning)),
            (".txt", lambda found=found: audacity_labels(found)),
        )
    ]
    errors = []
    about = system.path, warning
    threshold = system.threshold if flags.threshold is None else flags.threshold
    for path, write in (
        (flags.json, lambda: output.events_json(*about, threshold, clips, failures)),
        (flags.csv, lambda: output.events_csv(warning, clips)),
        (
            flags.report,
            lambda: page(shown, failures.values(), *about, flags.report.parent, flags.threshold),
        ),
        *labels,
    ):
        try:
            if path:
                output.write_whole(path, write())
        except OSError as error:  # the others can be written all the same
            errors.append(error)
    if errors:
        raise errors[0]


def _videos(given: pathlib.Path) -> list[pathlib.Path]:
    """Returns the videos of a folder, or the given file."""
    return list_files(given, VIDEO_SUFFIXES) if given.is_dir() else [given]


def _read_truths(path: pathlib.Path | None) -> dict[str, list[Annotation]]:
    truths = {}
    for annotation in read_annotations(path) if path else ():
        truths.setdefault(annotation.video_id, []).append(annotation)
    return truths
