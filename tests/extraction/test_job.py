"""The job: correct records in the correct files, reproducible from the same input."""

import dataclasses
import json
import os

import h5py
import numpy as np
import pytest

from avel_tf.ave import SPLITS, read_annotations
from avel_tf.configuration import EncodingConfig, ExtractionConfig
from avel_tf.errors import InputError
from avel_tf.records.description import AVE

SHARDS = {"train": 4, "val": 2, "test": 1}  # of at most two records


def test_release_to_records(feature_folder, tmp_path, run_in):
    output = run_in(tmp_path, ExtractionConfig("sel", features_dir=str(feature_folder)))
    annotations = read_annotations(feature_folder / "Annotations.txt")
    table = output.table("records.csv")
    with (
        h5py.File(feature_folder / "audio_feature.h5") as audio,
        h5py.File(feature_folder / "visual_feature.h5") as visual,
    ):
        for split, expected in {
            "train": range(40),
            "val": range(40, 52),
            "test": range(52, 64),
        }.items():
            parsed = output.split(split)
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
    assert output.table("rejects.csv") == []
    assert output.metadata == {
        "task": "sel",
        "num_records": {"train": 40, "val": 12, "test": 12},
        "num_rejected": {},
        "description": json.loads(json.dumps(dataclasses.asdict(AVE))),
        "source": {"kind": "official_features"},
    }


def test_layout_of_the_output(undisturbed):
    assert undisturbed.tree().keys() == {
        "dataset.json",
        "records.csv",
        "rejects.csv",
        *(
            f"Split-{split}/data_tfrecord-{index:05d}-of-{count:05d}.gz"
            for split, count in SHARDS.items()
            for index in range(count)
        ),
    }


def test_same_configuration_same_bytes(run, undisturbed):
    assert run().tree() == undisturbed.tree()


def test_each_task_has_its_split(run, rows):
    output = run(task="cml")
    assert output.metadata["task"] == "cml"
    for split in SPLITS:
        assert sorted(output.split(split)["record_id"].numpy()) == sorted(rows[split])


def test_changed_features_are_read_anew(tmp_path, make_release, run_in):
    make_release(tmp_path)
    config = ExtractionConfig("sel", features_dir=str(tmp_path))
    first = run_in(tmp_path / "first", config)
    make_release(tmp_path, offset=2.0)
    second = run_in(tmp_path / "second", config)
    assert first.split("val")["audio_features"].numpy()[..., 1].max() == 0
    assert second.split("val")["audio_features"].numpy()[..., 1].min() == 2


# Wrong input.


def test_annotations_and_split_may_lie_in_different_folders(
    run, undisturbed, make_release, tmp_path
):
    make_release(tmp_path)
    videos = tmp_path / "videos"
    videos.mkdir()
    (tmp_path / "Annotations.txt").rename(videos / "Annotations.txt")
    output = run(features_dir=str(tmp_path), data_root=str(videos))
    assert output.tree() == undisturbed.tree()


def test_missing_annotations_are_named_with_all_folders(run, tmp_path):
    folders = {name: str(tmp_path / name) for name in ("features_dir", "data_root")}
    for folder in folders.values():
        os.mkdir(folder)
    with pytest.raises(InputError) as error:
        run(**folders)
    assert str(error.value) == (
        f"No Annotations.txt in {folders['features_dir']} or {folders['data_root']}. It comes with "
        "the AVE videos: copy it there."
    )


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            {"visual_weights": "missing.h5", "audio_weights": "random"},
            "`visual_weights`: missing.h5",
        ),
        (
            {
                "visual_weights": "random",
                "audio_weights": "vggish.h5",
                "encoder_precision": "float32",
            },
            "`audio_weights`: vggish.h5",
        ),
    ],
)
def test_missing_weights_are_named_before_any_work(run, release, tmp_path, weights, message):
    (release / "AVE").mkdir(exist_ok=True)
    with pytest.raises(InputError, match=f"{message} does not exist"):
        run(features_dir="", data_root=str(release), encoding=EncodingConfig(**weights))
    assert list((tmp_path / "run" / "work").iterdir()) == []


def test_missing_clips_folder_is_named(run, make_release, tmp_path):
    make_release(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path}/AVE is not a folder. The AVE release must"):
        run(
            features_dir="",
            data_root=str(tmp_path),
            encoding=EncodingConfig(audio_weights="random", encoder_precision="float32"),
        )


def test_wrong_feature_file_is_named_before_any_work(run, make_release, tmp_path):
    make_release(tmp_path)
    with (tmp_path / "Annotations.txt").open("a") as file:
        file.write("\nBark&new&good&0&10\n")
    with pytest.raises(InputError, match=r"audio_feature.h5 holds \(12, 10, 128\)"):
        run(features_dir=str(tmp_path))
    assert list((tmp_path / "run" / "work").iterdir()) == []


def test_damaged_row_of_the_release_is_named(run, make_release, tmp_path):
    make_release(tmp_path)
    path = tmp_path / "visual_feature.h5"
    with h5py.File(path) as file:
        chunk = file["avadataset"].id.get_chunk_info(5)  # chunks are rows, in their order
    with path.open("r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(b"damage" * 20)
    with pytest.raises(
        Exception, match=r"Cannot read row 5 of .*visual_feature\.h5: .*Download the file"
    ):
        run(features_dir=str(tmp_path))
