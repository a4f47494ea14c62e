"""Extracts segment features of videos and sounds as TFRecords, without the pipeline."""

import argparse
import hashlib
import pathlib
import shlex
import shutil
import unicodedata
from collections.abc import Iterable, Sequence

from avel_tf.ave import fingerprint
from avel_tf.choices import TASKS
from avel_tf.cli.flags import add_beam, add_encoding, add_own_events, override, read_encoding
from avel_tf.cli.media_files import list_files
from avel_tf.configuration import EncodingConfig, ExtractionConfig, OwnEventsConfig
from avel_tf.errors import InputError
from avel_tf.media import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from avel_tf.utils.locks import exclusive

# Unicode's categories: control characters, bytes that are not UTF-8, line and paragraph ends.
NO_TEXT = ("Cc", "Cs", "Zl", "Zp")
EXAMPLES = """\
examples:
  Any folder of videos and sounds, encoded as the training data of a model was:
    avel extract my_videos my_features \\
        --audio_weights vggish.weights.h5 --like runs/ave-sel/artifacts/AveExampleGen/examples/1
  Your own videos, labeled by a list of their events:
    avel extract videos own_features --events events.csv --audio_encoder yamnet
  The AVE videos, on a Dask cluster:
    avel extract AVE_Dataset ave_sel --task sel \\
        --audio_weights vggish.weights.h5 \\
        --beam_args="--runner=DaskRunner --dask_client_address=tcp://HOST:8786"

OUTPUT appears once it is complete. After a kill, the same command resumes the job; clips already
encoded are recognized by content. docs/extraction.md describes the other engines, the format of the
files, and the result for each kind of file.
"""
WHEN_STOPPED = "The same command resumes."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "folder",
        type=pathlib.Path,
        metavar="FOLDER",
        help="videos (with sound) and sounds; the first ten seconds of each are encoded",
    )
    parser.add_argument(
        "output", type=pathlib.Path, metavar="OUTPUT", help="new folder for the dataset"
    )
    parser.add_argument(
        "--task",
        choices=TASKS,
        help="FOLDER is the AVE release, with Annotations.txt: make the labeled dataset of this "
        "task with its official split; with --events, what the records are for (default: sel)",
    )
    parser.add_argument(
        "--like",
        type=pathlib.Path,
        metavar="DATASET",
        help="encode as this dataset was, with its settings where no flag gives another; fail "
        "unless the features will match",
    )
    parser.add_argument(
        "--feature_store",
        type=pathlib.Path,
        metavar="DIR",
        help="clips already encoded, shared by all runs (default: encoded_clips, next to OUTPUT)",
    )
    encoding = parser.add_argument_group("encoding")
    add_encoding(encoding)
    add_beam(encoding)
    add_own_events(parser.add_argument_group("your own events"))


def list_names(folder: pathlib.Path) -> list[str]:
    """Lists the media files under a folder, by their paths in it, sorted.

    Raises:
        InputError: As `list_files` does, or if the name of one is not valid text.
    """
    paths = list_files(folder, (*VIDEO_SUFFIXES, *AUDIO_SUFFIXES))
    names = [str(path.relative_to(folder)) for path in paths]
    for name in names:
        if any(unicodedata.category(character) in NO_TEXT for character in name):
            raise InputError(
                f"{folder} holds a file whose name is not valid text: {name!r}. Rename it."
            )
    return names


def run(flags: argparse.Namespace) -> int:
    """Makes the dataset; returns the exit status.

    Raises:
        ValueError: If a flag or an input is wrong.
        RuntimeError: If another job is making the same dataset.
    """
    from avel_tf import beam_jobs  # heavy, and not needed for --help

    output = flags.output.resolve()
    if output.exists():
        raise ValueError(f"{output} exists. Choose another OUTPUT, or remove it.")
    folder = flags.folder.resolve()
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder. Pass the folder of the videos.")
    like = flags.like and _source_of(flags.like)
    encoding = read_encoding(flags, like)
    beam_args = shlex.split(flags.beam_args)
    beam_jobs.options(beam_args)  # a misspelled option fails here
    names = [] if flags.task or flags.events else list_names(folder)
    with exclusive(output.parent / f".{output.name}.working") as home:
        metadata = _extract(flags, names, home, encoding, beam_args, like)
        (home / "output").rename(output)
        shutil.rmtree(home)
    print(describe(metadata, flags.output))
    return 0


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

    own_events = override(OwnEventsConfig(), flags)

    def working_dir(inputs: Iterable[pathlib.Path]) -> pathlib.Path:
        # Unfinished work is only reused if neither inputs nor settings have changed since.
        content = f"{fingerprint(inputs)} {flags.task} {folder} {encoding} {own_events}"
        path = home / hashlib.sha256(content.encode()).hexdigest()[:16]
        for made in (path, output):
            made.mkdir(exist_ok=True)
        return path

    if flags.task or flags.events:
        task = flags.task or "sel"
        config = ExtractionConfig(
            task, data_root=str(folder), encoding=encoding, own_events=own_events
        )
        return extract(config, output, working_dir(config.input_paths), store, beam_args, like)
    inputs = [*(folder / name for name in names), *encoding.weights_paths]
    source = MediaSource(str(folder), "", encoding, str(store))
    return extract_files(source, names, output, working_dir(inputs), beam_args, like)


def _source_of(folder: pathlib.Path) -> dict:
    """Reads how a dataset's features were made."""
    from avel_tf.records import DatasetFolder

    dataset = DatasetFolder(folder)
    if not dataset.metadata_path.is_file():
        raise InputError(
            f"{dataset.metadata_path} does not exist. `--like` takes the folder of a dataset."
        )
    return dataset.metadata()["source"]


def describe(metadata: dict, output: pathlib.Path) -> str:
    """Describes what was read, written and rejected, and where the results are."""
    from avel_tf.records import DatasetFolder

    written, rejected = sum(metadata["num_records"].values()), metadata["num_rejected"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in rejected.items())
    pictures = f"Pictures were encoded in {metadata['source']['visual_encoder']['precision']}"
    if repeated := metadata.get("num_repeated_frames"):
        pictures += f"; {repeated} that equal an earlier one of their clip were not encoded again"
    lines = [
        f"Read {written + sum(rejected.values())} records: {written} written, "
        f"{sum(rejected.values())} rejected" + (f" ({reasons})." if reasons else "."),
        f"{pictures}.",
        f"Dataset: {output}",
    ]
    if rejected:
        lines.append(f"Rejects: {DatasetFolder(output).rejects_path}")
    return "\n".join(lines)
