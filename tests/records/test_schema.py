"""The schema matches what the code writes."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2

from avel_tf.ave import BACKGROUND, CATEGORIES, NUM_SEGMENTS
from avel_tf.records import (
    Description,
    Record,
    Window,
    read_schema,
    schema,
    serialize,
    validation,
)
from avel_tf.records.example import FEATURES, parsing_spec

DTYPES = {
    schema_pb2.INT: tf.int64,
    schema_pb2.FLOAT: tf.float32,
    schema_pb2.BYTES: tf.string,
}


@pytest.fixture(scope="module")
def stored():
    """Features of the TFRecords, by name."""
    return {
        feature.name: feature
        for feature in read_schema().feature
        if "EXAMPLES" not in feature.not_in_environment
    }


def size(feature):
    (dim,) = feature.shape.dim
    return dim.size


def test_schema_has_the_features_that_are_parsed(stored):
    assert stored.keys() == parsing_spec(10).keys()
    for name, spec in parsing_spec(10).items():
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


def test_background_has_its_own_category():
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


def test_domains_match_the_dataset(stored):
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
        for name in FEATURES
        for summary in ("minimum", "maximum", "mean", "num_zero_segments")
    }
    assert derived == stored.keys() - set(FEATURES) | summaries


def test_installed_schema_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "PACKAGE", tmp_path / "avel_tf")
    assert schema.schema_path() == tmp_path / "schemas" / "ave_examples.pbtxt"
    installed = tmp_path / "avel_tf" / "schemas" / "ave_examples.pbtxt"
    installed.parent.mkdir(parents=True)
    installed.touch()
    assert schema.schema_path() == installed


OWN = Description(("horn", "bell"), num_segments=4, audio_dim=3, visual_shape=(1, 1, 2))


def own_anomalies(source, scale=1.0, **changes):
    """Anomalies of records of one's own, one of them short, under the schema made for them."""
    windows = [Window(0, "horn", "a.mp4", 0, ".xx"), Window(1, "Background", "b.mp4", 0, "....")]
    records = []
    for window in windows:
        length = window.num_segments
        features = {"audio_features": (length, 3), "visual_features": (length, 1, 1, 2)}
        arrays = {name: scale * np.ones(shape) for name, shape in features.items()}
        records.append(serialize(Record(window, **arrays), OWN))
    statistics = tfdv.generate_statistics_from_dataframe(
        validation.to_record_batch(records, OWN).to_pandas()
    )
    made = read_schema(False, dataclasses.replace(OWN, **changes), source)
    return set(tfdv.validate_statistics(statistics, made, "STATISTICS").anomaly_info)


def test_the_schema_fits_other_datasets():
    assert own_anomalies({"kind": "official_features"}) == set()
    assert "category" in own_anomalies({}, categories=("bell", "dog"))
    assert own_anomalies({}, num_segments=5) == {"event_relevance", "segment_label"}


def test_ranges_are_those_of_the_encoders():
    """Only the published ones end in a rectifier for sure."""
    published = {"visual_encoder": {"name": "vgg19"}, "audio_encoder": {"name": "vggish"}}
    assert "audio_features/minimum" in own_anomalies(published, scale=-1.0)
    other = published | {"visual_encoder": {"name": "my_network"}}
    assert own_anomalies(other, scale=-1.0) == set()
    assert "audio_features/maximum" in own_anomalies(other, scale=np.inf)
