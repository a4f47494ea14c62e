"""Datasets in other categories and sizes than AVE's."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from avel_tf.ave import CATEGORIES, Annotation
from avel_tf.ave.official_features import AUDIO_SHAPE, VISUAL_SHAPE
from avel_tf.records import (
    DatasetFolder,
    Description,
    Record,
    Window,
    parse_examples,
    read_split,
    serialize,
    write_shard,
)
from avel_tf.records.description import AVE
from avel_tf.records.shards import shard_name

OWN = Description(("horn", "dog, barking"), num_segments=4, audio_dim=3, visual_shape=(2, 1, 5))
SHORT = Window(8, "dog, barking", "street/1.mp4", 20, ".xx")
FULL = Window(9, "Background", "street/2.mp4", 0, "....")


def record(window):
    generator = np.random.default_rng(window.row)
    shape = (window.num_segments, *OWN.feature_shapes["audio_features"][1:])
    maps = (window.num_segments, *OWN.visual_shape)
    return Record(window, generator.normal(size=shape), generator.normal(size=maps))


def write_tables(dataset, splits, description):
    rows = [
        {"split": split, **dataclasses.asdict(window)}
        for split, windows in splits.items()
        for window in windows
    ]
    metadata = {
        "num_records": {split: len(windows) for split, windows in splits.items()},
        "num_rejected": {},
        "description": dataclasses.asdict(description),
    }
    dataset.write_tables(metadata, [*rows[0]], rows, [])


def test_ave_is_the_default():
    assert Description.from_json(None) == AVE  # datasets of version 0.1.0 do not say
    assert AVE.label_names == (*CATEGORIES, "Background") and AVE.background == 28
    assert AVE.feature_shapes == {"audio_features": AUDIO_SHAPE, "visual_features": VISUAL_SHAPE}
    annotation = Annotation(0, "Bark", "a", 2, 5)
    labels = AVE.labels(annotation)
    assert labels["event_category"] == annotation.event_category
    assert labels["event_relevance"] == annotation.event_relevance
    assert labels["segment_label"] == annotation.segment_label
    assert labels["event_length"] == 3


def test_it_survives_json():
    content = json.loads(json.dumps(dataclasses.asdict(OWN)))
    assert Description.from_json(content) == OWN


def test_sizes_come_from_the_encoders():
    source = {
        "kind": "media",
        "audio_encoder": {"output_shape": [1024]},
        "visual_encoder": {"output_shape": [7, 7, 1280]},
    }
    assert OWN.with_encoders(source) == dataclasses.replace(
        OWN, audio_dim=1024, visual_shape=(7, 7, 1280)
    )
    assert OWN.with_encoders({"kind": "official_features"}) == OWN


def test_labels_of_a_short_record_are_padded():
    assert OWN.labels(SHORT) == {
        "event_category": 1,
        "event_length": 2,
        "event_relevance": [0.0, 1.0, 1.0, -1.0],
        "segment_label": [2, 1, 1, -1],
    }
    assert OWN.labels(FULL)["event_category"] == OWN.background == 2
    assert OWN.labels(FULL)["segment_label"] == [2, 2, 2, 2]


def test_records_come_back_padded(tmp_path):
    records, dataset = [record(SHORT), record(FULL)], DatasetFolder(tmp_path)
    dataset.split_path("val").mkdir()
    path = dataset.split_path("val") / shard_name(0, 1)
    write_shard(str(path), [serialize(each, OWN) for each in records])
    write_tables(dataset, {"val": [SHORT, FULL]}, OWN)
    names = ("record_id", "audio_features", "visual_features", "segment_label", "event_relevance")
    found = read_split(dataset, "val", names, False)
    assert found["record_id"].tolist() == [8, 9]
    assert found["segment_label"].tolist() == [[2, 1, 1, -1], [2, 2, 2, 2]]
    for name in ("audio_features", "visual_features"):
        short, full = found[name]
        np.testing.assert_array_equal(short[:3], getattr(records[0], name).astype("<f2"))
        assert not short[3:].any()
        np.testing.assert_array_equal(full, getattr(records[1], name).astype("<f2"))


def test_features_of_another_length_than_the_window_are_refused():
    wrong = dataclasses.replace(record(SHORT), audio_features=np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"record 8 \(street/1.mp4\) must have the shape \(3, 3\)"):
        serialize(wrong, OWN)


def test_examples_of_another_dataset_are_refused():
    with pytest.raises(tf.errors.InvalidArgumentError):
        parse_examples(tf.constant([serialize(record(FULL), OWN)]))


def test_windows_come_back_from_the_tables(tmp_path):
    dataset = DatasetFolder(tmp_path)
    write_tables(dataset, {"train": [SHORT, FULL]}, OWN)
    assert dataset.annotations() == {"train": [SHORT, FULL]}
    assert dataset.description() == OWN
