"""The data contract, `schemas/ave_examples.pbtxt`."""

import pathlib

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from avel_tf.ave import BACKGROUND, BACKGROUND_NAME

PACKAGE = pathlib.Path(__file__).resolve().parents[1]


def schema_path() -> pathlib.Path:
    """Path of the schema: inside the package where installed, else beside it in a checkout."""
    name = "schemas/ave_examples.pbtxt"
    installed = PACKAGE / name
    return installed if installed.is_file() else PACKAGE.parent / name


def read_schema(of_background: bool = False) -> schema_pb2.Schema:
    """The schema as a `tensorflow_metadata` proto.

    Args:
        of_background: Boolean. Whether records are clips without event.
    """
    schema = text_format.Parse(schema_path().read_text(), schema_pb2.Schema())
    if of_background:
        (domain,) = schema.string_domain
        domain.value[:] = [BACKGROUND_NAME]
        for feature in schema.feature:
            if feature.name == "event_category":
                feature.int_domain.min = feature.int_domain.max = BACKGROUND
    return schema
