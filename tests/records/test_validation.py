"""Statistics match the data, and each violation of the contract is a named anomaly."""

import h5py
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv

from avel_tf.ave import CATEGORIES, Annotation, read_annotations, read_splits
from avel_tf.ave.official_features import AUDIO_SHAPE, VISUAL_SHAPE
from avel_tf.records import Record, read_schema, serialize, write_shard
from avel_tf.records.shards import shard_name
from avel_tf.records.validation import Anomaly, find_anomalies, shared_video_ids, write_statistics


def make_example(row, **features):
    """Makes the tf.Example of a record with constant features, or those given."""
    features = {
        "audio_features": np.full(AUDIO_SHAPE, 0.5),
        "visual_features": np.full(VISUAL_SHAPE, 2.0),
    } | features
    annotation = Annotation(row, CATEGORIES[row], f"id{row}", 1, 1 + row)
    return tf.train.Example.FromString(serialize(Record(annotation, **features)))


def changed(value, index, array):
    """Returns the array with another value in one place."""
    array = array.copy()
    array[index] = value
    return array


@pytest.fixture
def summarize(tmp_path):
    """Function that writes examples in two shards and returns the path of their statistics."""

    def run(*examples):
        for index in range(2):
            shard = [example.SerializeToString() for example in examples[index::2]]
            write_shard(str(tmp_path / shard_name(index, 2)), shard)
        write_statistics(tmp_path, tmp_path / "FeatureStats.pb", ())
        return tmp_path / "FeatureStats.pb"

    return run


@pytest.fixture
def names_of(summarize):
    """Function that returns the description of each anomaly of examples by its name."""

    def run(*examples, categories=()):
        anomalies, _ = find_anomalies("val", summarize(*examples), categories, read_schema())
        return {anomaly.name: anomaly.description for anomaly in anomalies}

    return run


def test_statistics_of_known_data(summarize):
    audio = changed(3.0, (0, 0), np.full(AUDIO_SHAPE, 0.5))
    audio[4:6] = 0  # mean: (3 + (8 * 128 - 1) / 2) / 1280
    path = summarize(make_example(0), make_example(1, audio_features=audio), make_example(2))
    statistics = tfdv.load_stats_binary(str(path))
    (dataset,) = statistics.datasets
    assert dataset.num_examples == 3
    numbers = {
        ".".join(feature.path.step): feature.num_stats
        for feature in dataset.features
        if feature.HasField("num_stats")
    }

    def of(name):
        return numbers[name].min, numbers[name].max

    assert of("record_id") == (0, 2)
    assert of("event_length") == (0, 2)
    assert of("event_relevance") == (0, 1)
    assert of("segment_label") == (1, 28)  # record 0 has no event
    assert numbers["segment_label"].common_stats.tot_num_values == 30
    assert of("audio_features/minimum") == (0, 0.5)
    assert of("audio_features/maximum") == (0.5, 3)
    assert of("audio_features/mean") == pytest.approx((514.5 / 1280, 0.5))
    assert of("audio_features/num_zero_segments") == (0, 2)
    assert of("visual_features/mean") == (2, 2)
    assert of("visual_features/num_zero_segments") == (0, 0)
    category = tfdv.get_feature_stats(dataset, tfdv.FeaturePath(["category"]))
    assert category.string_stats.unique == 3


def test_clean_data_has_no_anomaly(summarize):
    path = summarize(*(make_example(row) for row in range(4)))
    anomalies, report = find_anomalies("train", path, CATEGORIES[:4], read_schema())
    assert anomalies == []
    assert not report.anomaly_info


@pytest.mark.slow
def test_real_audio_features_have_no_anomaly(real_data, names_of):
    with h5py.File(real_data / "ave" / "audio_feature_noisy.h5") as file:
        rows = file["avadataset"][:20]
    examples = [make_example(row % 9, audio_features=audio) for row, audio in enumerate(rows)]
    assert names_of(*examples) == {}


def test_broken_features_are_found(names_of):
    audio = changed(np.nan, (3, 4), np.full(AUDIO_SHAPE, 0.5))
    visual = changed(0, 4, np.full(VISUAL_SHAPE, 2.0))
    # Zeros that do not fill a segment are normal: both encoders end in a rectifier.
    visual[5, :, :, 1:] = 0
    found = names_of(make_example(0, audio_features=audio), make_example(1, visual_features=visual))
    assert found.keys() == {
        "val:audio_features/minimum",
        "val:audio_features/maximum",
        "val:audio_features/mean",
        "val:visual_features/num_zero_segments",
    }
    assert "NaN" in found["val:audio_features/mean"]
    assert "large value: 1." in found["val:visual_features/num_zero_segments"]


def test_values_that_the_encoders_cannot_give_are_found(names_of):
    audio = changed(-0.25, (9, 127), np.full(AUDIO_SHAPE, 0.5))
    audio[0, 0] = 255  # as in quantized features
    visual = changed(1e5, (0, 0, 0, 0), np.full(VISUAL_SHAPE, 2.0))  # too much for half precision
    found = names_of(make_example(0, audio_features=audio, visual_features=visual))
    assert found.keys() == {
        "val:audio_features/minimum",
        "val:audio_features/maximum",
        "val:visual_features/maximum",
        "val:visual_features/mean",
    }
    assert "-0.25<0" in found["val:audio_features/minimum"]
    assert "255>100" in found["val:audio_features/maximum"]
    assert "Inf" in found["val:visual_features/maximum"]


def test_wrong_labels_are_found(names_of):
    wrong = make_example(1)
    feature = wrong.features.feature
    feature["event_category"].int64_list.value[:] = [28]
    feature["event_length"].int64_list.value[:] = [11]
    feature["event_relevance"].float_list.value[0] = 1.5
    feature["segment_label"].int64_list.value[0] = 29
    feature["category"].bytes_list.value[:] = [b"Whale"]
    feature["record_id"].int64_list.value[:] = [-1]
    found = names_of(make_example(0), wrong, categories=CATEGORIES[:2])
    assert found.keys() == {
        "val:event_category",
        "val:event_length",
        "val:event_relevance",
        "val:segment_label",
        "val:category",
        "val:record_id",
        f"missing_category:val:{CATEGORIES[1]}",
    }
    assert "Whale" in found["val:category"]


def test_missing_and_misshapen_features_are_found(names_of):
    wrong = make_example(1)
    feature = wrong.features.feature
    del feature["video_id"]
    feature["event_category"].Clear()
    feature["audio_features"].bytes_list.value[:] = []
    feature["segment_label"].int64_list.value.append(1)
    feature["extra"].int64_list.value[:] = [1]
    found = names_of(make_example(0), wrong)
    assert found.keys() == {
        "val:video_id",
        "val:event_category",
        "val:segment_label",
        "val:extra",
        *(
            f"val:audio_features/{name}"
            for name in ("minimum", "maximum", "mean", "num_zero_segments")
        ),
    }


def test_features_that_no_record_has_are_found(names_of):
    example = make_example(0)
    del example.features.feature["category"]
    found = names_of(example, categories=("Bark",))
    assert found == {
        "val:category": "Column dropped. Column is completely missing",
        "missing_category:val:Bark": "no record of 'Bark' in val",
    }


def test_split_without_a_record_is_found(names_of):
    assert names_of() == {"val:dataset": "val has no records"}


def test_features_of_another_size_stop_the_statistics(summarize):
    example = make_example(0)
    (raw,) = example.features.feature["audio_features"].bytes_list.value
    example.features.feature["audio_features"].bytes_list.value[:] = [raw[: len(raw) // 2]]
    with pytest.raises(ValueError, match="640"):
        summarize(example)


def test_shared_video_ids_are_found():
    found = shared_video_ids(
        {"train": ["a", "b", "b", "c"], "val": ["d", "c"], "test": ["b", "c", "e"]}
    )
    assert found == [
        Anomaly("shared_video_ids:train:val", "1 video ids are in both train and val: c"),
        Anomaly("shared_video_ids:train:test", "2 video ids are in both train and test: b, c"),
        Anomaly("shared_video_ids:val:test", "1 video ids are in both val and test: c"),
    ]
    assert shared_video_ids({"train": ["a", "a"], "val": ["b"]}) == []


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("sel", {"shared_video_ids:train:val": "10", "shared_video_ids:train:test": "8"}),
        ("cml", {"shared_video_ids:train:val": "8", "shared_video_ids:val:test": "1"}),
    ],
)
def test_shared_video_ids_of_the_real_splits(real_data, task, expected):
    annotations = read_annotations(real_data / "ave" / "Annotations.txt")
    splits = read_splits([real_data / "ave"], annotations, task)
    video_ids = {
        split: [annotations[row].video_id for row in rows] for split, rows in splits.items()
    }
    found = shared_video_ids(video_ids)
    assert {item.name: item.description.split()[0] for item in found} == expected
