"""The demo's own parts: its clips, its encoders, and a look at a clip it was not trained on."""

import argparse
import dataclasses
import pathlib
from types import ModuleType

from avel_tf.ave import Annotation, read_annotations
from avel_tf.cli import match, predict
from avel_tf.cli.program import parse_arguments
from avel_tf.encoders.released_files import EFFICIENTNETV2B0, YAMNET, fetch_quickly
from avel_tf.simulation import SimulationConfig
from avel_tf.utils.atomic import remove_leftovers
from avel_tf.utils.locks import exclusive
from pipelines import configs

DOWNLOAD_SECONDS = 10
CLIPS_PER_CATEGORY = 3  # the fewest of a simulation


def with_learned_encoders(
    config: configs.PipelineConfig, flags: argparse.Namespace
) -> configs.PipelineConfig:
    """Gives the demo learned encoders if their weights can be had in seconds, and says if not.

    Args:
        config: `PipelineConfig` of the demo.
        flags: Parsed command line that it was made by; encoders given there stay.
    """
    if any(getattr(flags, name) for name in configs.LEARNED_ENCODERS):
        return config
    if not fetch_quickly((YAMNET, EFFICIENTNETV2B0), DOWNLOAD_SECONDS):
        print(
            "Encoders: untrained. The weights of YAMNet and EfficientNetV2-B0 are not in Keras's "
            "cache, and could not be downloaded in a few seconds.",
            flush=True,
        )
        return config
    print("Encoders: YAMNet and EfficientNetV2-B0, with the released weights.", flush=True)
    encoding = dataclasses.replace(config.extraction.encoding, **configs.LEARNED_ENCODERS)
    return dataclasses.replace(
        config, extraction=dataclasses.replace(config.extraction, encoding=encoding)
    )


def render_clips(
    folder: pathlib.Path, simulation: SimulationConfig, output_root: pathlib.Path
) -> None:
    """Renders the demo's clips unless they are there, and removes what a killed run left of them.

    Raises:
        RuntimeError: If another run is doing so in the same output root.
    """
    from avel_tf.simulation import render_dataset

    with exclusive(output_root):
        remove_leftovers(folder)
        render_dataset(folder, simulation)


def show_unseen_clip(
    task: str, model: pathlib.Path, simulation: SimulationConfig, output_root: pathlib.Path
) -> pathlib.Path:
    """Runs `avel predict` or `avel match` on a clip rendered with another seed than the training's.

    A page that is there for this version of the model is not made again.

    Args:
        task: String. `"sel"` or `"cml"`.
        model: Folder of the pushed version.
        simulation: `SimulationConfig` of the clips of the training.
        output_root: Folder; the page and its clips go to `unseen_clips` in it.
    Returns:
        Path of the page.
    """
    folder = output_root / "unseen_clips"
    page = folder.with_name(f"unseen_clip-{model.name}.html")
    if page.is_file():
        return page
    num_clips = CLIPS_PER_CATEGORY * simulation.num_categories
    others = dataclasses.replace(simulation, seed=simulation.seed + 1, num_clips=num_clips)
    render_clips(folder, others, output_root)
    annotations = folder / "Annotations.txt"
    shown = _short_event(read_annotations(annotations))
    clip = folder / "AVE" / f"{shown.video_id}.mp4"
    print(
        f"\nA clip of other seeds, with {shown.category} from {shown.start_seconds} to "
        f"{shown.end_seconds} s:",
        flush=True,
    )
    common = ("--model", model, "--report", page)
    if task == "sel":
        _run(predict, clip, "--annotations", annotations, *common)
    else:
        times = ("--start", shown.start_seconds, "--end", shown.end_seconds)
        _run(match, "--audio", clip, "--video", clip, *times, "--top", 1, *common)
    return page


def _short_event(annotations: list[Annotation]) -> Annotation:
    """The first event that neither starts nor ends with its clip, or else any."""
    return min(annotations, key=lambda item: (item.event_length > 6, item.row))


def _run(command: ModuleType, *arguments: object) -> None:
    command.run(parse_arguments(command, command.__name__, [str(value) for value in arguments]))
