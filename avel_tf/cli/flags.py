"""Command-line flags that several programs share; each names a field of a configuration."""

import argparse
import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

from avel_tf.choices import (
    AUDIO_ENCODERS,
    BLOCKS,
    DEVICES,
    EMBEDDINGS,
    ENCODING_PRECISIONS,
    MATCHINGS,
    MODEL_SUFFIX,
    NAMED_WEIGHTS,
    NORMALIZATIONS,
    OPTIMIZERS,
    PRECISIONS,
    PROJECTIONS,
    RELEVANCE_LOSSES,
    RESIZES,
    SCHEDULES,
    SEGMENT_LOSSES,
    SIMILARITIES,
    SUPERVISIONS,
    SYSTEMS,
    VISUAL_ENCODERS,
)
from avel_tf.configuration import EncodingConfig
from avel_tf.serving.provenance import encoded_like
from avel_tf.training.settings import SETTINGS


def absolute(path: str) -> str:
    """Type of a flag that is a path; an empty default stays empty."""
    return path and str(pathlib.Path(path).resolve())


def weights(name: str) -> str:
    """Type of a flag that is a weights file or the name of weights."""
    return name if name in NAMED_WEIGHTS else absolute(name)


def encoder(name: str) -> str:
    """Type of a flag that is the name of an encoder or a model file."""
    return absolute(name) if name.endswith(MODEL_SUFFIX) else name


def share(text: str) -> float:
    """Type of a flag that is a number from 0 to 1."""
    try:
        if 0 <= (value := float(text)) <= 1:
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 1")


def add_weights(group: argparse._ArgumentGroup) -> None:
    """Adds the flags of the encoders and their weights, fields of `EncodingConfig`."""
    for kind, names in (("visual", VISUAL_ENCODERS), ("audio", AUDIO_ENCODERS)):
        group.add_argument(
            f"--{kind}_encoder",
            type=encoder,
            metavar="E",
            help=f"{', '.join(names)}, or a Keras model file ending in {MODEL_SUFFIX} (default: "
            f"{names[0]}; for a trained model, as in its training data)",
        )
    group.add_argument(
        "--visual_weights",
        type=weights,
        metavar="W",
        help="of the visual encoder: imagenet (default, downloaded by Keras), a weights file, or "
        "random; a model file has its own",
    )
    group.add_argument(
        "--audio_weights",
        type=weights,
        metavar="W",
        help="of the audio encoder: audioset (default, downloaded), a weights file (the released "
        "yamnet.h5, for vggish one that `avel convert-weights` made), or random",
    )


def add_encoding(group: argparse._ArgumentGroup) -> None:
    """Adds the flags of `EncodingConfig` and `MediaLimits`."""
    add_weights(group)
    group.add_argument(
        "--frames_per_segment",
        type=int,
        metavar="N",
        help="frames averaged per second (default: 16, as in the published features; for a "
        "trained model, as in its training data)",
    )
    group.add_argument(
        "--resize",
        choices=RESIZES,
        help="of frames; bilinear: as in the published features, of the nearest pixels only "
        "(default; for a trained model, as in its training data)",
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
        help="reject files with larger frames (default: 8192 × 4320)",
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
        help="reject files that take longer to decode per ten seconds (default: 60)",
    )


def add_own_events(group: argparse._ArgumentGroup) -> None:
    """Adds the flags of `OwnEventsConfig`."""
    group.add_argument(
        "--events",
        type=absolute,
        metavar="FILE",
        default="",
        help="a CSV with the columns file,start,end,event and, if wanted, split and "
        "group; or JSON as ActivityNet's, tab-separated onsets and offsets, or AVE's "
        "Annotations.txt",
    )
    group.add_argument(
        "--window_seconds",
        type=int,
        metavar="N",
        help="length of a record; longer videos are cut (default: 10)",
    )
    group.add_argument(
        "--min_overlap",
        type=float,
        metavar="X",
        help="part of a second that an event must cover to be its label (default: 0.5)",
    )
    group.add_argument(
        "--max_background_share",
        type=float,
        metavar="X",
        help="largest share of records without an event in each split (default: 0.2)",
    )
    group.add_argument(
        "--split_seed",
        type=int,
        metavar="N",
        help="seed of splits that the list does not give (default: 0)",
    )


def read_encoding(flags: argparse.Namespace, source: dict | None = None) -> EncodingConfig:
    """Reads the flags of `add_encoding`; settings that are not given are those of other features.

    Args:
        flags: Parsed command line.
        source: How those features were made; None without any.
    Raises:
        InputError: If a file of weights does not exist.
    """
    encoding = override(encoded_like(source), flags)
    encoding.check_weights()
    return encoding


def add_beam(group: argparse._ArgumentGroup) -> None:
    """Adds the flag that decides where a Beam job runs."""
    group.add_argument(
        "--beam_args",
        default="",
        metavar='"ARGS"',
        help="Beam's own options for the extraction, as one string after an equals sign: "
        '--beam_args="--runner=DirectRunner …" (default runner: FnApiRunner, in this process)',
    )


def settings_file(name: str) -> str:
    """Type of a flag that is a name of settings or a file."""
    if name not in SETTINGS and not name.endswith(".json"):
        raise argparse.ArgumentTypeError(
            f"{name!r} is not one of {', '.join(SETTINGS)}, nor a file ending in .json"
        )
    return name


def add_settings(group: argparse._ArgumentGroup) -> None:
    """Adds the flag `--settings`."""
    group.add_argument(
        "--settings",
        type=settings_file,
        metavar="S",
        help="ave: chosen on val of simulated features, ordinary cross-entropy (default); "
        "faithful: as in the papers; or a .json file that `avel tune` wrote",
    )


def add_system(group: argparse._ArgumentGroup) -> None:
    """Adds the flags that choose a system and its settings."""
    group.add_argument(
        "--system",
        choices=sorted({name for names in SYSTEMS.values() for name in names}),
        default="dam",
        help="dam: dual attention matching (default), a baseline or a follower; for sel "
        f"{', '.join(SYSTEMS['sel'][1:])}; for cml {', '.join(SYSTEMS['cml'][1:])}",
    )
    group.add_argument(
        "--supervision",
        choices=SUPERVISIONS,
        default="full",
        help="weak: train only on each record's label, for sel with clips without an event",
    )
    add_settings(group)


def add_training(group: argparse._ArgumentGroup) -> None:
    """Adds a flag for each setting of `TrainingConfig`; those not given are as set by name."""

    def choice(name: str, choices: Sequence[str], text: str) -> None:
        group.add_argument(f"--{name}", choices=choices, help=text)

    def number(name: str, kind: type, text: str) -> None:
        group.add_argument(f"--{name}", type=kind, metavar="N" if kind is int else "X", help=text)

    number("epochs", int, "maximum number of epochs")
    number("patience", int, "epochs without a better val accuracy after which training stops")
    number("batch_size", int, "records per step")
    choice("optimizer", OPTIMIZERS, "pytorch_adam has a smaller epsilon, sgd momentum 0.9")
    number("learning_rate", float, "initial learning rate")
    choice(
        "schedule",
        SCHEDULES,
        "of the learning rate; drop: to a tenth after 15,000 steps; "
        "halves: to a half after 10, 20 and 30 epochs; fifths: by a fifth after 60 and 120",
    )
    number("clip_norm", float, "largest norm of all gradients together")
    number("seed", int, "same seed, same model")
    choice("relevance_loss", RELEVANCE_LOSSES, "of dam; mean: on p_t of Eq. 7; each: on both")
    number("event_category_weight", float, "of dam for sel: λ of Eq. 8")
    choice("segment_loss", SEGMENT_LOSSES, "of the baselines of sel")
    number("units", int, "of dam: width")
    number("num_heads", int, "of dam: attention heads")
    choice(
        "block",
        BLOCKS,
        "of dam: what surrounds the attention; equations: nothing, and one head; plain: "
        "nothing; residual: projection, residual and norm; full: the whole Transformer block",
    )
    number("dropout", float, "of dam: dropped share")
    choice("normalization", NORMALIZATIONS, "of dam: of the features")
    choice("embedding", EMBEDDINGS, "of dam: of the sequence of segments")
    choice("matching", MATCHINGS, "of dam: of audio and video")
    choice("projection", PROJECTIONS, "of dam: activation of its local features")
    choice("similarity", SIMILARITIES, "of dam: dot product, or cosine with a temperature and bias")
    choice("precision", PRECISIONS, "of the computation")
    group.add_argument(
        "--xla", action="store_true", default=None, help="compile the training step with XLA"
    )
    choice(
        "devices",
        DEVICES,
        "auto: all GPUs, or the CPU if there is none (default); mirrored: MirroredStrategy",
    )
    group.add_argument(
        "--in_memory", action="store_true", default=None, help="keep all records in memory"
    )


def override(config: Any, flags: argparse.Namespace) -> Any:
    """Returns a configuration with its fields replaced by given flags of the same name.

    Args:
        config: Dataclass; fields that are dataclasses are overridden too.
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
