"""The wire format: records survive a round trip, directly and inside tf.data."""

import gzip

import numpy as np
import pytest
import tensorflow as tf

from avel_tf.ave import read_annotations
from avel_tf.ave.official_features import AUDIO_SHAPE, VISUAL_SHAPE
from avel_tf.records import Record, parse_examples, serialize, shards, write_shard
from avel_tf.records.description import AVE
from avel_tf.records.example import FEATURES, parsing_spec

FULL_SIZE = 4143


def parse_one(record, names=None):
    """Parses one record from the wire format, without a batch axis."""
    parsed = parse_examples(tf.constant([serialize(record)]), names)
    return {name: value[0].numpy() for name, value in parsed.items()}


@pytest.mark.parametrize("inside_tf_data", [False, True])
def test_round_trip(make_record, inside_tf_data):
    records = [make_record(row) for row in (0, 7, 12)]
    serialized = tf.constant([serialize(record) for record in records])
    if inside_tf_data:
        dataset = tf.data.Dataset.from_tensors(serialized).map(parse_examples)
        assert dataset.element_spec["visual_features"].shape[1:] == VISUAL_SHAPE
        (parsed,) = dataset
    else:
        parsed = parse_examples(serialized)
    assert parsed.keys() == parsing_spec(10).keys()
    for name in FEATURES:
        assert parsed[name].dtype == tf.half
        expected = [getattr(record, name) for record in records]
        np.testing.assert_array_equal(parsed[name].numpy(), expected)
    for index, record in enumerate(records):
        annotation = record.annotation
        assert parsed["record_id"][index] == annotation.row
        assert parsed["video_id"][index] == annotation.video_id.encode()
        assert parsed["category"][index] == annotation.category.encode()
        for name in ("event_category", "event_length", "event_relevance", "segment_label"):
            np.testing.assert_array_equal(parsed[name][index], getattr(annotation, name))


def test_real_annotations_survive(real_data, make_record):
    annotations = read_annotations(real_data / "ave" / "Annotations.txt")
    zeros = {name: np.zeros(shape, "float32") for name, shape in AVE.feature_shapes.items()}
    for annotation in annotations[:40]:  # row 26 has no event
        parsed = parse_one(Record(annotation, **zeros))
        assert parsed["category"].decode() == annotation.category
        assert parsed["video_id"].decode() == annotation.video_id
        np.testing.assert_array_equal(parsed["event_relevance"], annotation.event_relevance)
        np.testing.assert_array_equal(parsed["segment_label"], annotation.segment_label)


def test_other_values_round_to_eleven_bits(make_record):
    rng = np.random.default_rng(0)
    # Between the smallest and the largest normal half, where the relative error is bounded.
    values = np.exp2(rng.uniform(-14, 15.9, AUDIO_SHAPE)).astype("float32")
    parsed = parse_one(make_record(audio_features=values))["audio_features"]
    errors = np.abs(parsed.astype("float64") / values - 1)
    assert 0 < errors.max() <= 2**-11


def test_bytes_are_little_endian(make_record):
    values = np.ones(AUDIO_SHAPE, ">f4")
    example = tf.train.Example.FromString(serialize(make_record(audio_features=values)))
    (raw,) = example.features.feature["audio_features"].bytes_list.value
    assert raw == b"\x00\x3c" * values.size  # 1.0 is 0x3c00


def test_nothing_is_hidden(make_record):
    values = np.zeros(AUDIO_SHAPE, "float32")
    values[0, :4] = [np.nan, np.inf, 65504, 65520]
    values[1, 0] = -1e9
    parsed = parse_one(make_record(audio_features=values))["audio_features"]
    np.testing.assert_array_equal(parsed[0, :4], [np.nan, np.inf, 65504, np.inf])
    assert parsed[1, 0] == -np.inf
    assert not parsed[2:].any()


def test_only_the_named_features_are_parsed(make_record):
    record = make_record(7)
    parsed = parse_one(record, ("audio_features", "event_length"))
    assert parsed.keys() == {"audio_features", "event_length"}
    np.testing.assert_array_equal(parsed["audio_features"], record.audio_features)
    assert parse_one(record, ("record_id",)) == {"record_id": 7}


@pytest.mark.parametrize("name", FEATURES)
def test_wrong_shape_names_the_record(make_record, name):
    shape = AVE.feature_shapes[name]
    with pytest.raises(ValueError) as error:
        serialize(make_record(7, **{name: np.zeros(shape[1:])}))
    assert str(error.value) == (
        f"`{name}` of record 7 (-video_7) must have the shape {shape}. Received: {shape[1:]}."
    )


def test_features_of_another_size_are_not_regrouped(make_record):
    # Two such records have as many bytes as one whole record.
    example = tf.train.Example.FromString(serialize(make_record()))
    (raw,) = example.features.feature["audio_features"].bytes_list.value
    example.features.feature["audio_features"].bytes_list.value[:] = [raw[: len(raw) // 2]]
    with pytest.raises(tf.errors.InvalidArgumentError):
        parse_examples(tf.constant([example.SerializeToString()] * 2), ("audio_features",))


def test_same_record_same_bytes(make_record):
    assert serialize(make_record(3)) == serialize(make_record(3))
    assert serialize(make_record(3)) != serialize(make_record(4))


def test_full_dataset_fits(tmp_path, make_record):
    # An incompressible record, as an upper bound.
    rng = np.random.default_rng(0)
    features = {name: rng.random(shape, "float32") for name, shape in AVE.feature_shapes.items()}
    serialized = serialize(make_record(**features))
    path = tmp_path / shards.shard_name(0, 1)
    write_shard(str(path), [serialized])
    assert len(gzip.decompress(path.read_bytes())) >= len(serialized)
    assert max(len(serialized), path.stat().st_size) * FULL_SIZE < 2.5e9
