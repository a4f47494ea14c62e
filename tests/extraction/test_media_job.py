"""From clips to records with stand-in encoders: resuming clip by clip."""

import os
import shutil
import signal

import pytest

from avel_tf.ave import SPLITS, read_annotations
from avel_tf.configuration import EncodingConfig, ExtractionConfig
from tests import programs

NUM_CLIPS = 6


@pytest.fixture
def release_of_clips(clips, tmp_path):
    """Copy that a test may change."""
    return shutil.copytree(clips, tmp_path / "clips")


def config_of(folder, task="sel", **encoding):
    settings = {"visual_weights": "random", "audio_weights": "random", "frames_per_segment": 1}
    settings |= {"encoder_precision": "float32"} | encoding
    return ExtractionConfig(
        task, data_root=str(folder), encoding=EncodingConfig(**settings), records_per_shard=4
    )


def features_by_id(dataset):
    """Reads the bytes of both feature arrays by video id."""
    found = {}
    for split in SPLITS:
        parsed = dataset.split(split)
        for index, video_id in enumerate(parsed["video_id"].numpy()):
            arrays = [parsed[f"{name}_features"][index].numpy() for name in ("audio", "visual")]
            found[video_id.decode()] = b"".join(array.tobytes() for array in arrays)
    return found


def test_each_clip_keeps_its_own_features(clips, fast_encoders, run_in, tmp_path):
    dataset = run_in(tmp_path, config_of(clips))
    annotations = read_annotations(clips / "Annotations.txt")
    for split in SPLITS:
        parsed = dataset.split(split)
        for row, video_id in zip(parsed["record_id"].numpy(), parsed["video_id"].numpy()):
            assert annotations[row].video_id == video_id.decode()
    assert len(set(features_by_id(dataset).values())) == NUM_CLIPS == fast_encoders.count()
    assert dataset.metadata["source"]["frames_per_segment"] == 1


def test_unusable_clips_are_rejected_with_their_reason(
    release_of_clips, fast_encoders, run_in, tmp_path
):
    folder = release_of_clips / "AVE"
    first, second, third = sorted(folder.iterdir())[:3]
    first.write_bytes(b"")
    second.rename(tmp_path / second.name)
    second.symlink_to(tmp_path / second.name)
    third.rename(folder / "kept.mp4")
    third.symlink_to(folder / "kept.mp4")  # a link inside the folder is nothing special
    dataset = run_in(tmp_path / "run", config_of(release_of_clips))
    rejects = {row["video_id"]: row["reason"] for row in dataset.table("rejects.csv")}
    assert rejects == {first.stem: "empty_file", second.stem: "outside_folder"}
    assert fast_encoders.count() == NUM_CLIPS - 2


def test_only_what_is_new_is_encoded(release_of_clips, fast_encoders, run_in, tmp_path):
    folder = release_of_clips / "AVE"
    broken, *others = sorted(folder.iterdir())
    content = broken.read_bytes()
    broken.write_bytes(content[:1000])

    def run(name, config):
        shutil.rmtree(tmp_path / "work", ignore_errors=True)  # as for changed inputs
        shutil.rmtree(tmp_path / "output", ignore_errors=True)
        dataset = run_in(tmp_path, config)
        return features_by_id(dataset)

    before = run("broken", config_of(release_of_clips))
    assert before.keys() == {path.stem for path in others}
    assert fast_encoders.count() == NUM_CLIPS - 1
    broken.write_bytes(content)
    for path in others:
        os.utime(path, (0, 0))  # the content counts, not the time
    repaired = run("repaired", config_of(release_of_clips))
    assert repaired.keys() == before.keys() | {broken.stem}
    assert repaired.items() > before.items()
    assert fast_encoders.count() == NUM_CLIPS
    # The other task has the same clips.
    assert run("cml", config_of(release_of_clips, "cml")) == repaired
    assert fast_encoders.count() == NUM_CLIPS
    # Settings that change the features make new ones.
    run("frames", config_of(release_of_clips, frames_per_segment=2))
    assert fast_encoders.count() == 2 * NUM_CLIPS


# Runs the job on clips and kills itself at a given call of a function.
PROGRAM = """
import os, pathlib, signal, sys
clips, folder, encoded, name, count = sys.argv[1:]
os.environ["ENCODED"] = encoded
import fast_encoders
from avel_tf.configuration import EncodingConfig, ExtractionConfig
from avel_tf.extraction import job
from avel_tf.extraction.job import extract
from avel_tf.media import DecoderProcess
from avel_tf.sources.feature_store import FeatureStore

owner = {"read": DecoderProcess, "write": FeatureStore, "replace": os}.get(name, job)
original, calls = getattr(owner, name), []

def dying(*arguments, **keywords):
    calls.append(arguments)
    if len(calls) == int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments, **keywords)

fast_encoders.install()
setattr(owner, name, staticmethod(dying) if name == "write" else dying)
encoding = EncodingConfig("random", "random", 1, "float32")
config = ExtractionConfig("sel", data_root=clips, encoding=encoding, records_per_shard=4)
folder = pathlib.Path(folder)
extract(config, folder / "killed", folder / "work", folder / "features")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count", "kept"),
    [
        ("read", 1, (0, 0)),  # while the first clip is decoded
        ("write", 3, (2, 2)),  # the third clip is encoded, but not stored
        ("replace", 3, (2, 2)),  # it is stored under a temporary name
        ("serialize", 4, (4, 6)),  # in the middle of a shard
        ("collect", 1, (6, 6)),  # all shards are whole
    ],
)
def test_killed_job_encodes_only_what_is_missing(
    clips, fast_encoders, run_in, tmp_path, name, count, kept
):
    (tmp_path / "work").mkdir()
    (tmp_path / "killed").mkdir()
    killed = programs.run(PROGRAM, clips, tmp_path, os.environ["ENCODED"], name, count)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    stored = len(list(tmp_path.glob("features/*.npz")))
    assert kept[0] <= stored <= kept[1]
    assert list((tmp_path / "killed").iterdir()) == []
    before = fast_encoders.count()
    finished = run_in(tmp_path, config_of(clips))
    assert fast_encoders.count() - before == NUM_CLIPS - stored
    whole = run_in(tmp_path / "whole", config_of(clips))
    assert finished.tree() == whole.tree()
    assert not list(tmp_path.glob("output/**/*partial*"))
