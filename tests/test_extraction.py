"""The extraction job: the same whole files from the same input, whatever happens on the way."""

import csv
import functools
import json
import os
import pathlib
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from avel_tf import extraction
from avel_tf.ave import CATEGORIES, SPLITS, Annotation, DataError, read_annotations
from avel_tf.configuration import ExtractionConfig
from avel_tf.extraction import extract
from avel_tf.media import MediaError
from avel_tf.records import Record, parse_examples, read_shard, shard_paths

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
ROWS = {"train": [9, 1, 2, 3, 0, 5, 6], "val": [7, 8, 4], "test": [10, 11]}
SHARDS = {"train": 4, "val": 2, "test": 1}  # of at most two records


def write_release(folder, offset=0.0):
    """A feature release of 12 records that differ in one value of each second."""
    lines = [f"{CATEGORIES[row]}&id{row // 2}&good&{row % 4}&{row % 4 + 6}" for row in range(12)]
    (folder / "Annotations.txt").write_text("\n".join(lines))
    for split, rows in ROWS.items():
        for suffix in ("order", "order_match"):
            with h5py.File(folder / f"{split}_{suffix}.h5", "w") as file:
                file["order"] = rows if suffix == "order" else rows[::-1]
    for name, shape in {"audio": (128,), "visual": (7, 7, 512)}.items():
        features = np.full((12, 10, *shape), offset, "float32")
        features[..., 0].reshape(12, 10, -1)[:] = np.arange(12)[:, None, None]
        with h5py.File(folder / f"{name}_feature.h5", "w") as file:
            chunks = (1, *features.shape[1:])
            file.create_dataset("avadataset", data=features, chunks=chunks, compression=1)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    write_release(folder)
    return folder


@pytest.fixture
def run(release, tmp_path):
    """Function that extracts the release, or what its arguments say instead."""

    def run_extract(name="run", beam_args=(), **arguments):
        arguments = {"features_dir": str(release), "task": "sel"} | arguments
        return run_in(
            tmp_path / name, ExtractionConfig(records_per_shard=2, **arguments), beam_args
        )

    return run_extract


def run_in(folder, config, beam_args=()):
    """Extracts into `folder`/output and returns that."""
    (folder / "output").mkdir(parents=True)
    (folder / "work").mkdir(exist_ok=True)
    extract(config, folder / "output", folder / "work", beam_args)
    return folder / "output"


@pytest.fixture(scope="module")
def undisturbed(release, tmp_path_factory):
    """What an undisturbed run makes of the release."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return run_in(folder, ExtractionConfig("sel", features_dir=str(release), records_per_shard=2))


def tree(folder):
    """Relative path and content of every file."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def read_split(output, split):
    """The parsed records of a split, in the order of the files."""
    examples = [
        example for path in shard_paths(output / f"Split-{split}") for example in read_shard(path)
    ]
    return parse_examples(examples)


def read_table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# From files to files.


def test_release_to_records(feature_folder, tmp_path):
    output = run_in(tmp_path, ExtractionConfig("sel", features_dir=str(feature_folder)))
    annotations = read_annotations(feature_folder / "Annotations.txt")
    table = read_table(output / "records.csv")
    with (
        h5py.File(feature_folder / "audio_feature.h5") as audio,
        h5py.File(feature_folder / "visual_feature.h5") as visual,
    ):
        for split, expected in {
            "train": range(40),
            "val": range(40, 52),
            "test": range(52, 64),
        }.items():
            parsed = read_split(output, split)
            rows = parsed["record_id"].numpy().tolist()
            assert sorted(rows) == list(expected)
            assert rows != list(expected)  # shuffled once, for all time
            assert [int(line["row"]) for line in table if line["split"] == split] == rows
            for index, row in enumerate(rows):
                annotation = annotations[row]
                assert parsed["video_id"][index] == annotation.video_id.encode()
                assert parsed["event_category"][index] == annotation.event_category
                assert parsed["segment_label"][index].numpy().tolist() == annotation.segment_label
                for name, file in (("audio", audio), ("visual", visual)):
                    np.testing.assert_array_equal(
                        parsed[f"{name}_features"][index],
                        file["avadataset"][row].astype("float32").astype("<f2"),
                    )
    by_row = {int(line["row"]): line for line in table}
    assert by_row[7] == {
        "split": "train",
        "row": "7",
        "category": annotations[7].category,
        "video_id": annotations[7].video_id,
        "start_seconds": str(annotations[7].start_seconds),
        "end_seconds": str(annotations[7].end_seconds),
    }
    assert read_table(output / "rejects.csv") == []
    assert json.loads((output / "dataset.json").read_text()) == {
        "task": "sel",
        "num_records": {"train": 40, "val": 12, "test": 12},
        "num_rejected": {},
        "source": {"kind": "official_features"},
    }


def test_layout_of_the_output(undisturbed):
    assert {str(path.relative_to(undisturbed)) for path in undisturbed.rglob("*.*")} == {
        "dataset.json",
        "records.csv",
        "rejects.csv",
        *(
            f"Split-{split}/data_tfrecord-{index:05d}-of-{count:05d}.gz"
            for split, count in SHARDS.items()
            for index in range(count)
        ),
    }


def test_shards_share_the_records_evenly():
    annotations = [Annotation(row, "Bark", f"id{row}", 0, 5) for row in range(10)]
    shards = extraction.plan(annotations, {"train": [*range(9)], "val": [9]}, records_per_shard=4)
    assert [(shard.split, len(shard.annotations)) for shard in shards] == [
        ("train", 3),
        ("train", 3),
        ("train", 3),
        ("val", 1),
    ]
    rows = [item.row for shard in shards for item in shard.annotations]
    assert sorted(rows) == list(range(10)) != rows


def test_same_configuration_same_bytes(run, undisturbed):
    assert tree(run()) == tree(undisturbed)


def test_each_task_has_its_split(run):
    output = run(task="cml")
    assert json.loads((output / "dataset.json").read_text())["task"] == "cml"
    for split in SPLITS:
        assert sorted(read_split(output, split)["record_id"].numpy()) == sorted(ROWS[split])


def test_changed_features_are_read_anew(tmp_path):
    write_release(tmp_path)
    config = ExtractionConfig("sel", features_dir=str(tmp_path))
    first = run_in(tmp_path / "first", config)
    write_release(tmp_path, offset=2.0)
    second = run_in(tmp_path / "second", config)
    assert read_split(first, "val")["audio_features"].numpy()[..., 1].max() == 0
    assert read_split(second, "val")["audio_features"].numpy()[..., 1].min() == 2


@pytest.mark.slow
def test_worker_processes_make_the_same_bytes(run, undisturbed, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setattr(extraction, "serialize", None)  # so that this process could not do it
    output = run(
        beam_args=[
            "--runner=DirectRunner",
            "--direct_running_mode=multi_processing",
            "--direct_num_workers=2",
        ]
    )
    assert tree(output) == tree(undisturbed)


@pytest.mark.slow
def test_clips_to_records(tmp_path):
    from avel_tf.simulation import SimulationConfig, render_dataset

    clips = render_dataset(
        tmp_path / "clips",
        SimulationConfig(num_clips=6, num_categories=2, fps=2, width=32, height=32),
    )
    annotations = read_annotations(clips / "Annotations.txt")
    train = [line.split("&")[1] for line in (clips / "trainSet.txt").read_text().splitlines()]
    (clips / "AVE" / f"{train[0]}.mp4").write_bytes(b"")
    config = ExtractionConfig(
        "sel",
        data_root=str(clips),
        visual_weights="random",
        audio_weights="random",
        frames_per_segment=1,
    )
    output = run_in(tmp_path, config)
    metadata = json.loads((output / "dataset.json").read_text())
    assert metadata["num_records"] == {"train": 1, "val": 2, "test": 2}
    assert metadata["num_rejected"] == {"empty_file": 1}
    assert metadata["source"]["kind"] == "media"
    (reject,) = read_table(output / "rejects.csv")
    assert (reject["split"], reject["video_id"]) == ("train", train[0])
    assert reject["reason"] == "empty_file"
    features = []
    for split in SPLITS:
        parsed = read_split(output, split)
        for row, video_id in zip(parsed["record_id"].numpy(), parsed["video_id"].numpy()):
            assert annotations[row].video_id == video_id.decode() != train[0]
        features += list(parsed["audio_features"].numpy())
    # Each clip keeps its own sound.
    assert len({array.tobytes() for array in features}) == 5


# Wrong input.


def test_annotations_and_split_may_lie_in_different_folders(run, undisturbed, tmp_path):
    write_release(tmp_path)
    videos = tmp_path / "videos"
    videos.mkdir()
    (tmp_path / "Annotations.txt").rename(videos / "Annotations.txt")
    output = run(features_dir=str(tmp_path), data_root=str(videos))
    assert tree(output) == tree(undisturbed)


def test_missing_annotations_are_told_with_all_folders(run, tmp_path):
    folders = {name: str(tmp_path / name) for name in ("features_dir", "data_root")}
    with pytest.raises(DataError) as error:
        run(**folders)
    assert str(error.value) == (
        f"No Annotations.txt in {folders['features_dir']} or {folders['data_root']}. It comes with "
        "the AVE videos; copy it there, or give `--data_root` as well."
    )


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"visual_weights": "missing.h5", "audio_weights": "random"}, "weights='missing.h5'"),
        ({"visual_weights": "random", "audio_weights": "vggish.h5"}, "weights='vggish.h5'"),
    ],
)
def test_missing_weights_are_told_before_any_work(run, release, tmp_path, weights, message):
    (release / "AVE").mkdir(exist_ok=True)
    with pytest.raises(DataError, match=f'must be "random" or an existing file.*{message}'):
        run(features_dir="", data_root=str(release), **weights)
    assert list((tmp_path / "run" / "work").iterdir()) == []


def test_missing_clips_folder_is_told(run, tmp_path):
    write_release(tmp_path)
    with pytest.raises(DataError, match=f"{tmp_path}/AVE is no folder. `--data_root` must hold"):
        run(features_dir="", data_root=str(tmp_path), audio_weights="random")


def test_wrong_feature_file_is_told_before_any_work(run, tmp_path):
    write_release(tmp_path)
    with (tmp_path / "Annotations.txt").open("a") as file:
        file.write("\nBark&new&good&0&10\n")
    with pytest.raises(DataError, match=r"audio_feature.h5 holds \(12, 10, 128\)"):
        run(features_dir=str(tmp_path))
    assert list((tmp_path / "run" / "work").iterdir()) == []


# Records that must be rejected.


class Reader:
    """A reader to which some rows' clips have no sound, and some do not exist."""

    def __init__(self, silent=(), missing=()):
        self._rejected = dict.fromkeys(silent, "no_audio") | dict.fromkeys(missing, "missing_file")

    def read(self, annotation):
        if reason := self._rejected.get(annotation.row):
            raise MediaError(reason, f"clips/{annotation.video_id}.mp4", "something is wrong")
        return Record(annotation, np.zeros((10, 128)), np.zeros((10, 7, 7, 512)))

    def metadata(self):
        return {"kind": "test"}

    def close(self):
        pass


@pytest.fixture
def use_reader(monkeypatch):
    """Function that puts a reader in place of the release's."""

    def use(reader):
        monkeypatch.setattr(extraction, "open_source", functools.lru_cache(lambda source: reader))

    return use


def test_rejects_are_counted_and_listed(run, use_reader, caplog):
    use_reader(Reader(silent=[10, 1], missing=[6]))
    output = run()
    metadata = json.loads((output / "dataset.json").read_text())
    assert metadata["num_rejected"] == {"no_audio": 2, "missing_file": 1}
    assert metadata["num_records"] == {"train": 5, "val": 3, "test": 1}
    rejects = {int(line["row"]): line for line in read_table(output / "rejects.csv")}
    assert {row: line["reason"] for row, line in rejects.items()} == {
        1: "no_audio",
        6: "missing_file",
        10: "no_audio",
    }
    assert rejects[10]["split"] == "test"
    assert rejects[10]["video_id"] == "id5"
    assert rejects[10]["message"] == (
        "clips/id5.mp4: something is wrong (no_audio). Leave the clip out; silence in its place "
        "would be learned as sound."
    )
    kept = {int(line["row"]) for line in read_table(output / "records.csv")}
    assert kept == set(range(12)) - {1, 6, 10}
    for split in SPLITS:
        rows = set(read_split(output, split)["record_id"].numpy())
        assert rows == set(ROWS[split]) - {1, 6, 10}
    assert "3 of 12 records were rejected (2 no_audio, 1 missing_file). The first is row 1, " in (
        caplog.text
    )


def test_split_without_a_record_stops_the_job(run, use_reader, tmp_path):
    use_reader(Reader(silent=ROWS["test"]))
    with pytest.raises(DataError) as error:
        run()
    assert "2 of 12 records were rejected" in str(error.value)
    table = tmp_path / "run" / "work" / "rejects.csv"
    assert f"A split is left empty. The whole list is in {table}." in str(error.value)
    assert len(read_table(table)) == 2
    assert list((tmp_path / "run" / "output").iterdir()) == []


def test_shard_may_lose_all_its_records(run, use_reader):
    use_reader(Reader(silent=[4, 7]))
    output = run()
    assert read_split(output, "val")["record_id"].numpy().tolist() == [8]


def test_different_environments_of_workers_stop_the_job(run, use_reader, monkeypatch):
    versions = iter(range(100))
    monkeypatch.setattr(Reader, "metadata", lambda self: {"version": next(versions)})
    use_reader(Reader())
    with pytest.raises(DataError, match="Workers made features with different weights or softwa"):
        run()


def test_error_that_is_no_reject_ends_the_job(run, use_reader, monkeypatch, tmp_path):
    def fail(self, annotation):
        raise OSError("no space left")

    monkeypatch.setattr(Reader, "read", fail)
    use_reader(Reader())
    with pytest.raises(Exception, match="no space left"):
        run()
    assert list((tmp_path / "run" / "output").iterdir()) == []


# Interruption.

# Runs the job of `undisturbed` and dies when a function is called for the given time.
PROGRAM = """
import os, pathlib, signal, sys
from avel_tf import extraction
from avel_tf.configuration import ExtractionConfig

release, output, work, name, count = sys.argv[1:]
owner = {"rename": pathlib.Path}.get(name, extraction)
original, calls = getattr(owner, name), []

def dying(*arguments):
    calls.append(arguments)
    if len(calls) == int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments)

setattr(owner, name, dying)
config = ExtractionConfig("sel", features_dir=release, records_per_shard=2)
extraction.extract(config, pathlib.Path(output), pathlib.Path(work))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count", "num_whole"),
    [
        ("serialize", 6, (2, 3)),  # inside a shard; some shards hold one record
        ("rename", 3, (2, 2)),  # a shard is written, but not its journal
        ("link_or_copy", 2, (7, 7)),  # one shard is in the output, which is thrown away
        ("link_or_copy", 10, (7, 7)),  # all shards are
    ],
)
def test_killed_run_goes_on_where_it_stopped(
    release, undisturbed, tmp_path, name, count, num_whole
):
    work, output = tmp_path / "work", tmp_path / "killed"
    work.mkdir()
    output.mkdir()
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, release, output, work, name, str(count)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    def written(folder):
        """When and to which file on disk each shard was written."""
        return {
            path.relative_to(folder): (path.stat().st_ino, path.stat().st_mtime_ns)
            for path in folder.glob("Split-*/*.gz")
        }

    journals = {path.name for path in work.glob("journal/*.jsonl")}
    whole = {
        path: status
        for path, status in written(work).items()
        if f"{path.parent.name.removeprefix('Split-')}-{path.name}.jsonl" in journals
    }
    assert num_whole[0] <= len(whole) <= num_whole[1]
    (tmp_path / "output").mkdir()
    extract(
        ExtractionConfig("sel", features_dir=str(release), records_per_shard=2),
        tmp_path / "output",
        work,
    )
    assert tree(tmp_path / "output") == tree(undisturbed)
    again = written(tmp_path / "output")
    assert {path for path in whole if again[path] == whole[path]} == whole.keys()
    assert len(again) == sum(SHARDS.values())


def test_failed_run_goes_on_where_it_stopped(run, undisturbed, tmp_path, monkeypatch):
    serialize, calls = extraction.serialize, []

    def count(record):
        calls.append(record.annotation.row)
        if len(calls) == 6:
            raise OSError("no space left")
        return serialize(record)

    monkeypatch.setattr(extraction, "serialize", count)
    with pytest.raises(Exception, match="no space left"):
        run()
    before = list(calls)
    (tmp_path / "run" / "output").rmdir()
    assert tree(run()) == tree(undisturbed)
    # Each record once, but for those of the shard that failed.
    again = set(before) & set(calls[len(before) :])
    assert set(calls) == set(range(12)) and len(calls) == 12 + len(again)
    assert 1 <= len(again) <= 2 and before[-1] in again


# Progress.


def test_progress_counts_records_of_whole_and_half_journals(tmp_path, capsys):
    folder = tmp_path / "journal"
    folder.mkdir()
    whole = '{"record_id": 3, "reason": null}\n{"record_id": 4, "reason": null}\n{"source": {}}\n'
    (folder / "whole.jsonl").write_text(whole)
    (folder / "half.partial").write_text('{"record_id": 9, "reason": null}\n')
    os.symlink(folder / "renamed", folder / "other.partial")  # gone between listing and reading
    with extraction.show_progress(tmp_path, 8):
        (folder / "half.partial").write_text("")
    assert "3/8" in capsys.readouterr().err.split("\r")[1]
    with extraction.show_progress(tmp_path, 8):
        pass
    assert "2/8" in capsys.readouterr().err.split("\r")[-1]
