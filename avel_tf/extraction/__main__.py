"""Segment features of videos and sounds, as TFRecords; the extraction without the pipeline."""

import argparse
import collections
import dataclasses
import hashlib
import json
import pathlib
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence

from avel_tf.ave import DataError, fingerprint
from avel_tf.configuration import TASKS, EncodingConfig, ExtractionConfig
from avel_tf.flags import add_beam, add_encoding, override
from avel_tf.locks import exclusive
from avel_tf.media import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from avel_tf.screen import quiet

# Unicode's categories: control characters, bytes that are no UTF-8, line and paragraph ends.
NO_TEXT = ("Cc", "Cs", "Zl", "Zp")
EXAMPLES = """\
examples:
  Any folder of videos and sounds, encoded as the training data of a model was:
    python -m avel_tf.extraction my_videos my_features \\
        --audio_weights vggish.weights.h5 --like runs/ave-sel/artifacts/AveExampleGen/examples/1
  The AVE videos, on a Dask cluster:
    python -m avel_tf.extraction AVE_Dataset ave_sel --task sel \\
        --audio_weights vggish.weights.h5 \\
        --beam_args="--runner=DaskRunner --dask_client_address=tcp://HOST:8786"

OUTPUT appears when it is whole. The same command, killed and started again, goes on where it was;
clips already encoded are found again by content. docs/extraction.md has the other engines, the
files' format and what becomes of each kind of file.
"""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m avel_tf.extraction",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder",
        type=pathlib.Path,
        metavar="FOLDER",
        help="videos (with sound) and sounds; of each the first ten seconds are encoded",
    )
    parser.add_argument(
        "output", type=pathlib.Path, metavar="OUTPUT", help="folder of the dataset, not yet there"
    )
    parser.add_argument(
        "--task",
        choices=TASKS,
        help="FOLDER is the AVE release, with Annotations.txt: make the labelled dataset of this "
        "task with its official split",
    )
    parser.add_argument(
        "--like",
        type=pathlib.Path,
        metavar="DATASET",
        help="fail unless the features will be made as those of this dataset are",
    )
    parser.add_argument(
        "--feature_store",
        type=pathlib.Path,
        metavar="DIR",
        help="clips already encoded, which all runs share (default: encoded_clips, beside OUTPUT)",
    )
    encoding = parser.add_argument_group("encoding")
    add_encoding(encoding)
    add_beam(encoding)
    return parser.parse_args(arguments)


def list_files(folder: pathlib.Path) -> tuple[list[str], collections.Counter]:
    """Paths of all media files under a folder, sorted, and how many other files by suffix.

    Hidden files and linked folders are left out.

    Raises:
        DataError: If there is no such folder, no media file in it, or one whose name is no text.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder. Point to the folder of the videos.")
    suffixes = (*VIDEO_SUFFIXES, *AUDIO_SUFFIXES)
    paths = [path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()]
    paths = [path for path in paths if not any(part[0] == "." for part in path.parts)]
    names = sorted(str(path) for path in paths if path.suffix.lower() in suffixes)
    others = collections.Counter(
        path.suffix for path in paths if path.suffix.lower() not in suffixes
    )
    if not names:
        raise DataError(
            f"{folder} holds no file whose name ends in {', '.join(suffixes)}. Point to the folder "
            "of the videos."
        )
    for name in names:
        if any(unicodedata.category(character) in NO_TEXT for character in name):
            raise DataError(f"{folder} holds a file whose name is no text: {name!r}. Rename it.")
    return names, others


def run(flags: argparse.Namespace) -> dict:
    """Makes the dataset; returns the content of `dataset.json`.

    Raises:
        ValueError: If a flag or an input is wrong.
        RuntimeError: If another job is making the same dataset.
    """
    from avel_tf import beam_jobs  # heavy, and not needed for --help

    output = flags.output.resolve()
    if output.exists():
        raise ValueError(f"{output} exists. Give another OUTPUT, or remove it.")
    folder = flags.folder.resolve()
    encoding = override(EncodingConfig(), flags)
    if not encoding.audio_weights:
        raise ValueError("`--audio_weights` must be given. See --help.")
    like = flags.like and _source_of(flags.like)
    if like and encoding.encoder_precision == "auto":
        precision = like.get("visual_encoder", {}).get("precision", "auto")
        encoding = dataclasses.replace(encoding, encoder_precision=precision)
    beam_args = shlex.split(flags.beam_args)
    beam_jobs.options(beam_args)  # a misspelt option fails here
    names, others = ([], {}) if flags.task else list_files(folder)
    if others:
        listed = ", ".join(f"{count} {suffix or 'without'}" for suffix, count in others.items())
        print(f"Left out, by the ends of their names: {listed}.")
    with exclusive(output.parent / f".{output.name}.working") as home:
        metadata = _extract(flags, names, home, encoding, beam_args, like)
        (home / "output").rename(output)
        shutil.rmtree(home)
    return metadata


def _extract(
    flags: argparse.Namespace,
    names: Sequence[str],
    home: pathlib.Path,
    encoding: EncodingConfig,
    beam_args: Sequence[str],
    like: dict | None,
) -> dict:
    """Makes the dataset in `home`/output."""
    from avel_tf.extraction.job import extract, extract_files
    from avel_tf.sources import MediaSource

    folder, output = flags.folder.resolve(), home / "output"
    if output.exists():
        shutil.rmtree(output)
    store = (flags.feature_store or home.parent / "encoded_clips").resolve()

    def working_dir(inputs: Iterable[pathlib.Path]) -> pathlib.Path:
        # What is half done counts only if neither inputs nor settings have changed since.
        content = f"{fingerprint(inputs)} {flags.task} {folder} {encoding}"
        path = home / hashlib.sha256(content.encode()).hexdigest()[:16]
        for made in (path, output):
            made.mkdir(exist_ok=True)
        return path

    if flags.task:
        config = ExtractionConfig(flags.task, data_root=str(folder), encoding=encoding)
        return extract(config, output, working_dir(config.input_paths), store, beam_args, like)
    inputs = [*(folder / name for name in names), *encoding.weights_paths]
    source = MediaSource(str(folder), "", encoding, str(store))
    return extract_files(source, names, output, working_dir(inputs), beam_args, like)


def _source_of(dataset: pathlib.Path) -> dict:
    """How a dataset's features were made."""
    path = dataset / "dataset.json"
    if not path.is_file():
        raise DataError(f"{path} does not exist. `--like` takes the folder of a dataset.")
    return json.loads(path.read_text())["source"]


def describe(metadata: dict, output: pathlib.Path) -> str:
    """What was read, written and rejected, and where it lies."""
    written, rejected = sum(metadata["num_records"].values()), metadata["num_rejected"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in rejected.items())
    lines = [
        f"Read {written + sum(rejected.values())} records: {written} written, "
        f"{sum(rejected.values())} rejected" + (f" ({reasons})." if reasons else "."),
        f"Pictures were encoded in {metadata['source']['visual_encoder']['precision']}.",
        f"Dataset: {output}",
    ]
    if rejected:
        lines.append(f"Rejects: {output / 'rejects.csv'}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the job; returns the exit status."""
    flags = parse_arguments(arguments)
    quiet()
    try:
        print(describe(run(flags), flags.output))
    except (ValueError, RuntimeError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
