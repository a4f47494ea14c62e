"""ExampleValidator: which anomalies stop a run, and what it leaves to read."""

import csv
import json

import numpy as np
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2

from avel_tf.ave import CATEGORIES, Annotation
from avel_tf.configuration import ValidationConfig
from avel_tf.records import Record, serialize
from avel_tf.records.description import AVE
from avel_tf.records.validation import to_record_batch
from components.artifacts import ExampleAnomalies, Examples, ExampleStatistics
from components.component import Channel, ComponentError
from components.example_validator import ExampleValidator

VIDEO_IDS = {"train": ["a", "b"], "val": ["c"], "test": ["d"]}


@pytest.fixture(scope="module")
def statistics_of():
    """Function that returns the statistics of one record of each category, scaled."""

    def make(categories, scale=1.0):
        features = {name: np.full(shape, scale) for name, shape in AVE.feature_shapes.items()}
        batch = to_record_batch(
            [
                serialize(Record(Annotation(row, name, "id", 0, 5), **features))
                for row, name in enumerate(categories)
            ]
        )
        return tfdv.generate_statistics_from_dataframe(batch.to_pandas())

    return make


@pytest.fixture(scope="module")
def good(statistics_of):
    return statistics_of(CATEGORIES[:2])


@pytest.fixture(scope="module")
def bad(statistics_of):
    """Statistics with negative features and a missing category."""
    return statistics_of(CATEGORIES[:1], scale=-1.0)


@pytest.fixture
def execute(tmp_path, good):
    """Function that runs the component; returns its summary."""

    def run(statistics=None, video_ids=None, allowed=(), num_rejected=0, **parameters):
        video_ids = VIDEO_IDS | (video_ids or {})
        inputs = {
            "examples": Examples(str(tmp_path / "examples")),
            "statistics": ExampleStatistics(str(tmp_path / "statistics")),
        }
        for artifact in inputs.values():
            artifact.splits = list(video_ids)
        inputs["examples"].path().mkdir()
        with inputs["examples"].folder().records_path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(
                ["split", "row", "category", "video_id", "start_seconds", "end_seconds"]
            )
            for split, ids in video_ids.items():
                writer.writerows([split, 0, CATEGORIES[1], name, 0, 5] for name in ids)
        with inputs["examples"].folder().rejects_path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["split", "row", "reason", "message"])
            writer.writerows(["train", row, "no_audio", "silent."] for row in range(num_rejected))
        metadata = {"num_records": {"train": 6, "val": 1}, "num_rejected": {"no_audio": 3}}
        metadata["source"] = {"kind": "official_features"}
        inputs["examples"].folder().metadata_path.write_text(json.dumps(metadata))
        for split in video_ids:
            path = inputs["statistics"].statistics_path(split)
            path.parent.mkdir(parents=True)
            path.write_bytes((statistics or {}).get(split, good).SerializeToString())
        outputs = {"anomalies": ExampleAnomalies(str(tmp_path / "anomalies"))}
        outputs["anomalies"].path().mkdir()
        return ExampleValidator(
            ValidationConfig(CATEGORIES[:2], tuple(allowed), **parameters),
            examples=Channel("AveExampleGen", "examples", Examples),
            statistics=Channel("StatisticsGen", "statistics", ExampleStatistics),
        ).execute(inputs, outputs, tmp_path)

    return run


@pytest.fixture
def report(tmp_path):
    """Function that reads anomalies.json: names by verdict."""

    def read():
        content = json.loads((tmp_path / "anomalies" / "anomalies.json").read_text())
        return {key: [item["name"] for item in items] for key, items in content.items()}

    return read


BAD = ["val:audio_features/mean", "val:audio_features/minimum", "val:visual_features/mean"]


def test_good_data_passes(execute, report, tmp_path):
    assert execute() == {"allowed_anomalies": []}
    assert report() == {"allowed": [], "forbidden": []}
    for split in VIDEO_IDS:
        path = tmp_path / "anomalies" / f"Split-{split}" / "SchemaDiff.pb"
        assert not anomalies_pb2.Anomalies.FromString(path.read_bytes()).anomaly_info


def test_anomalies_stop_the_run_and_can_be_read(execute, report, bad, tmp_path):
    with pytest.raises(ComponentError) as error:
        execute({"val": bad}, {"val": ["c", "b"]})
    head, *lines, tail = str(error.value).splitlines()
    names = [line.split(": ")[0].strip() for line in lines]
    assert head == f"Anomalies of the dataset ({len(names)}):"
    assert tail == "Fix the data, or accept an anomaly with `--allow_anomaly NAME`."
    assert report() == {"allowed": [], "forbidden": names}
    assert set(BAD) < set(names)
    assert all(name.startswith("val:") for name in names[:-2])
    assert lines[-2:] == [
        "  missing_category:val:Male speech, man speaking: no record of 'Male speech, man "
        "speaking' in val",
        "  shared_video_ids:train:val: 1 video ids are in both train and val: b",
    ]
    assert "low values: -1<0" in next(line for line in lines if BAD[1] in line)
    path = tmp_path / "anomalies" / "Split-val" / "SchemaDiff.pb"
    found = anomalies_pb2.Anomalies.FromString(path.read_bytes()).anomaly_info
    assert "audio_features/mean" in found


def test_allowed_anomalies_are_reported_only(execute, report, caplog):
    allowed = ["shared_video_ids:train:val"]
    assert execute(video_ids={"val": ["a"]}, allowed=allowed) == {"allowed_anomalies": allowed}
    assert report() == {"allowed": allowed, "forbidden": []}
    assert "Allowed anomaly shared_video_ids:train:val: 1 video ids are in both " in caplog.text


def test_anomalies_allowed_by_one_name_are_one_line(execute, report, caplog):
    execute(video_ids={"val": ["a"], "test": ["a"]}, allowed=["shared_video_ids:*"])
    assert len(report()["allowed"]) == 3
    (record,) = [item for item in caplog.records if "Allowed anomaly" in item.message]
    assert record.message.endswith(": a (and 2 more like it)")


def test_one_allowed_name_allows_nothing_else(execute, report):
    with pytest.raises(ComponentError, match=r"\(1\):\n  shared_video_ids:val:test: "):
        execute(
            video_ids={"train": ["a", "c"], "test": ["c"]},
            allowed=["shared_video_ids:train:*", "val:*"],
        )
    assert report() == {
        "allowed": ["shared_video_ids:train:val", "shared_video_ids:train:test"],
        "forbidden": ["shared_video_ids:val:test"],
    }


def test_names_are_patterns(execute, bad):
    allowed = ["val:*_features/m*", "missing_category:val:*"]
    summary = execute({"val": bad}, allowed=allowed)
    assert set(BAD) < set(summary["allowed_anomalies"])
    assert "missing_category:val:Male speech, man speaking" in summary["allowed_anomalies"]


def test_patterns_keep_to_the_case_and_the_split(execute, bad):
    with pytest.raises(ComponentError, match="missing_category:val:Male speech, man speaking"):
        execute({"val": bad}, allowed=["val:*", "missing_category:VAL:*", "missing_category:tr*"])


def test_too_many_rejected_records_stop_the_run(execute, tmp_path):
    with pytest.raises(ComponentError) as error:
        execute(num_rejected=3, max_rejected_share=0.29)
    assert (
        "rejected_records: 3 of 10 records were rejected (3 no_audio). The first is row 0, silent. "
        "More than 29.0% is not accepted: repair the clips, or raise `--max_rejected_share`. "
        f"The full list is in {tmp_path / 'examples' / 'rejects.csv'}"
    ) in str(error.value)


def test_a_stated_share_of_rejected_records_is_accepted(execute, report):
    execute(num_rejected=3, max_rejected_share=0.3)
    assert report() == {"allowed": [], "forbidden": []}
