"""Segment features of videos and sounds, as TFRecords; the extraction without the pipeline."""

import argparse
import hashlib
import json
import pathlib
import shlex
import shutil
import sys
from collections.abc import Sequence

from avel_tf.ave import DataError, fingerprint
from avel_tf.configuration import TASKS, EncodingConfig, ExtractionConfig
from avel_tf.flags import add_encoding, override
from avel_tf.media import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from avel_tf.screen import quiet

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
    add_encoding(parser.add_argument_group("encoding"))
    return parser.parse_args(arguments)


def list_files(folder: pathlib.Path) -> list[str]:
    """Paths of all media files under a folder, sorted; hidden ones are left out.

    Raises:
        DataError: If there is none.
    """
    suffixes = (*VIDEO_SUFFIXES, *AUDIO_SUFFIXES)
    paths = [path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()]
    names = sorted(
        str(path)
        for path in paths
        if path.suffix.lower() in suffixes and not any(part[0] == "." for part in path.parts)
    )
    if not names:
        raise DataError(
            f"{folder} holds no file whose name ends in {', '.join(suffixes)}. Point to the folder "
            "of the videos."
        )
    return names


def run(flags: argparse.Namespace) -> dict:
    """Makes the dataset; returns the content of `dataset.json`.

    Raises:
        ValueError: If a flag or an input is wrong.
    """
    from avel_tf import beam_jobs  # heavy, and not needed for --help
    from avel_tf.extraction.job import extract, extract_files
    from avel_tf.sources import MediaSource

    output = flags.output.resolve()
    if output.exists():
        raise ValueError(f"{output} exists. Give another OUTPUT, or remove it.")
    store = (flags.feature_store or output.parent / "encoded_clips").resolve()
    encoding = override(EncodingConfig(), flags)
    folder = flags.folder.resolve()
    beam_args = shlex.split(flags.beam_args)
    beam_jobs.options(beam_args)  # a misspelt option fails here
    like = flags.like and _source_of(flags.like)
    if flags.task:
        config = ExtractionConfig(flags.task, data_root=str(folder), encoding=encoding)
        inputs = config.input_paths
    else:
        if not encoding.audio_weights:
            raise ValueError("`--audio_weights` must be given. See --help.")
        source = MediaSource(str(folder), "", encoding, str(store))
        names = list_files(folder)
        inputs = [folder, *encoding.weights_paths]
    # What is half done counts only if neither inputs nor settings have changed since.
    content = f"{fingerprint(inputs)} {flags.task} {folder} {encoding}"
    working_dir = (
        output.parent
        / f".{output.name}.working"
        / hashlib.sha256(content.encode()).hexdigest()[:16]
    )
    partial = working_dir / "output"
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    if flags.task:
        metadata = extract(config, partial, working_dir, store, beam_args, like)
    else:
        metadata = extract_files(source, names, partial, working_dir, beam_args, like)
    partial.rename(output)
    shutil.rmtree(working_dir.parent)
    return metadata


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
