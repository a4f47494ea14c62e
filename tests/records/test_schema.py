"""The schema says what the code writes."""

import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from avel_tf.ave import BACKGROUND, CATEGORIES, NUM_SEGMENTS
from avel_tf.records import read_schema, schema, serialize
from avel_tf.records.example import FEATURE_SHAPES, PARSING_SPEC

DTYPES = {
    schema_pb2.INT: tf.int64,
    schema_pb2.FLOAT: tf.float32,
    schema_pb2.BYTES: tf.string,
}


@pytest.fixture(scope="module")
def stored():
    """The features of the TFRecords, by name."""
    return {
        feature.name: feature
        for feature in read_schema().feature
        if "EXAMPLES" not in feature.not_in_environment
    }


def size(feature):
    (dim,) = feature.shape.dim
    return dim.size


def test_schema_has_the_features_that_are_parsed(stored):
    assert stored.keys() == PARSING_SPEC.keys()
    for name, spec in PARSING_SPEC.items():
        assert DTYPES[stored[name].type] == spec.dtype, name
        assert size(stored[name]) == (spec.shape or [1])[0], name
        assert stored[name].presence.min_fraction == 1, name


@pytest.mark.parametrize("row", [0, 7])
def test_written_examples_keep_to_the_schema(stored, make_record, row):
    example = tf.train.Example.FromString(serialize(make_record(row)))
    assert example.features.feature.keys() == stored.keys()
    kinds = {
        schema_pb2.INT: "int64_list",
        schema_pb2.FLOAT: "float_list",
        schema_pb2.BYTES: "bytes_list",
    }
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        assert kind == kinds[stored[name].type], name
        values = getattr(feature, kind).value
        assert len(values) == size(stored[name]), name
        for domain in ("int_domain", "float_domain"):
            if stored[name].HasField(domain):
                limits = getattr(stored[name], domain)
                assert limits.min <= min(values) and (
                    not limits.max or max(values) <= limits.max
                ), name


def test_background_has_a_category_of_its_own():
    (domain,) = read_schema(of_background=True).string_domain
    assert list(domain.value) == ["Background"]
    strict, loose = (
        {feature.name: feature for feature in read_schema(of_background=flag).feature}
        for flag in (False, True)
    )
    assert strict.pop("event_category").int_domain.max == 27
    domain = loose.pop("event_category").int_domain
    assert (domain.min, domain.max) == (28, 28)
    assert strict == loose


def test_domains_are_those_of_the_dataset(stored):
    (domain,) = read_schema().string_domain
    assert stored["category"].domain == domain.name
    assert tuple(domain.value) == CATEGORIES
    assert stored["event_category"].int_domain.max == len(CATEGORIES) - 1
    assert stored["segment_label"].int_domain.max == BACKGROUND
    assert stored["event_length"].int_domain.max == NUM_SEGMENTS


def test_statistics_stand_for_the_segment_features(stored):
    derived = {
        feature.name
        for feature in read_schema().feature
        if "STATISTICS" not in feature.not_in_environment
    }
    summaries = {
        f"{name}/{summary}"
        for name in FEATURE_SHAPES
        for summary in ("minimum", "maximum", "mean", "num_zero_segments")
    }
    assert derived == stored.keys() - FEATURE_SHAPES.keys() | summaries


def test_installed_schema_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "PACKAGE", tmp_path / "avel_tf")
    assert schema.schema_path() == tmp_path / "schemas" / "ave_examples.pbtxt"
    installed = tmp_path / "avel_tf" / "schemas" / "ave_examples.pbtxt"
    installed.parent.mkdir(parents=True)
    installed.touch()
    assert schema.schema_path() == installed
