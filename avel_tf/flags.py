"""Command-line flags that several programs share; each names a field of a configuration."""

import argparse
import dataclasses
import pathlib
from typing import Any

from avel_tf.configuration import ENCODING_PRECISIONS


def absolute(path: str) -> str:
    """Type of a flag that is a path; an empty default stays empty."""
    return path and str(pathlib.Path(path).resolve())


def weights(name: str) -> str:
    """Type of a flag that is a weights file or a word for weights."""
    return name if name in ("imagenet", "random") else absolute(name)


def add_weights(group: argparse._ArgumentGroup) -> None:
    """Flags of the encoders' weights, fields of `EncodingConfig`."""
    group.add_argument(
        "--visual_weights",
        type=weights,
        metavar="W",
        help="VGG-19: imagenet (default, downloaded by Keras), a weights file, or random",
    )
    group.add_argument(
        "--audio_weights",
        type=weights,
        metavar="W",
        default="",
        help="VGGish: a .weights.h5 file made by `python -m avel_tf.encoders convert-vggish`, or "
        "random; needed to encode videos",
    )


def add_encoding(group: argparse._ArgumentGroup) -> None:
    """Flags of `EncodingConfig` and `MediaLimits`."""
    add_weights(group)
    group.add_argument(
        "--frames_per_segment",
        type=int,
        metavar="N",
        help="frames averaged for each second (default: 16, as in the published features; for a "
        "trained model, as it learned)",
    )
    group.add_argument(
        "--encoder_precision",
        choices=ENCODING_PRECISIONS,
        help="of VGG-19; auto: bfloat16 where it is faster and its features agree (default)",
    )
    group.add_argument(
        "--max_pixels",
        type=int,
        metavar="N",
        help="reject files with larger pictures (default: those of 8192 × 4320)",
    )
    group.add_argument(
        "--max_duration_seconds",
        type=float,
        metavar="S",
        help="reject longer files (default: 3600)",
    )
    group.add_argument(
        "--max_read_seconds",
        type=float,
        metavar="S",
        help="reject files of which ten seconds take longer to decode (default: 60)",
    )


def add_beam(group: argparse._ArgumentGroup) -> None:
    """Where a Beam job runs."""
    group.add_argument(
        "--beam_args",
        default="",
        metavar='"ARGS"',
        help="Beam's own options for the extraction as one string, after an equals sign: "
        '--beam_args="--runner=DirectRunner …" (default runner: FnApiRunner, in this process)',
    )


def override(config: Any, flags: argparse.Namespace) -> Any:
    """A configuration with the values of the flags that were given and name a field of it.

    Args:
        config: Dataclass; dataclasses among its fields are overridden too.
        flags: Parsed command line; None and empty strings count as not given.
    """
    values = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        given = getattr(flags, field.name, None)
        if dataclasses.is_dataclass(value):
            values[field.name] = override(value, flags)
        elif given not in (None, ""):
            values[field.name] = given
    return dataclasses.replace(config, **values)
