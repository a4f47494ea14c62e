"""The data contract: `schemas/ave_examples.pbtxt`, fitted to other datasets."""

import pathlib
from collections.abc import Mapping
from types import MappingProxyType

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from avel_tf.ave import BACKGROUND_NAME
from avel_tf.choices import PADDING
from avel_tf.records.description import AVE, Description

ENCODERS = ("audio_encoder", "visual_encoder")  # in a dataset's `source`
RECTIFIED = {"vgg19", "vggish"}  # whose range the schema knows
PACKAGE = pathlib.Path(__file__).resolve().parents[1]


def schema_path() -> pathlib.Path:
    """Returns the path of the schema: in the installed package, or next to it in a checkout."""
    name = "schemas/ave_examples.pbtxt"
    installed = PACKAGE / name
    return installed if installed.is_file() else PACKAGE.parent / name


def read_schema(
    of_background: bool = False,
    description: Description = AVE,
    source: Mapping = MappingProxyType({}),
) -> schema_pb2.Schema:
    """Makes the schema of a dataset as a `tensorflow_metadata` proto, from AVE's as the template.

    Args:
        of_background: Boolean. Whether records are clips without an event.
        description: `Description` of the dataset.
        source: How its features were made, as in `dataset.json`. The range of features is only
            known of published encoders.
    """
    schema = text_format.Parse(schema_path().read_text(), schema_pb2.Schema())
    if description != AVE:
        _fit(schema, description)
    if not {source[name]["name"] for name in ENCODERS if name in source} <= RECTIFIED:
        for feature in schema.feature:
            if "_features/" in feature.name and feature.HasField("float_domain"):
                feature.float_domain.ClearField("min")
                feature.float_domain.ClearField("max")
    if of_background:
        schema.string_domain[0].value[:] = [BACKGROUND_NAME]
        domain = _feature(schema, "event_category").int_domain
        domain.min = domain.max = description.background
    return schema


def write_schema(schema: schema_pb2.Schema, path: pathlib.Path) -> None:
    """Writes a schema as text."""
    path.write_text(text_format.MessageToString(schema))


def _fit(schema: schema_pb2.Schema, description: Description) -> None:
    schema.string_domain[0].value[:] = description.label_names
    for name, (low, high) in {
        "event_category": (0, description.background),
        "event_length": (0, description.num_segments),
        "segment_label": (PADDING, description.background),
    }.items():
        domain = _feature(schema, name).int_domain
        domain.min, domain.max = low, high
    _feature(schema, "event_relevance").float_domain.min = PADDING
    for name in ("event_relevance", "segment_label"):
        _feature(schema, name).shape.dim[0].size = description.num_segments


def _feature(schema: schema_pb2.Schema, name: str) -> schema_pb2.Feature:
    return next(feature for feature in schema.feature if feature.name == name)
