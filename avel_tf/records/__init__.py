"""Records of AVE as tf.Examples in TFRecord shards, and the dataset folder that holds them.

The only code that knows the wire format and the names in that folder.
"""

import importlib
from typing import Any

# Imported on first use: TensorFlow takes seconds, and the schema needs packages that inference on
# videos does not.
_MODULES = {
    "DatasetFolder": "dataset_folder",
    "Description": "description",
    "MediaFile": "example",
    "Record": "example",
    "batch_arrays": "memory",
    "check_split": "integrity",
    "keep_splits": "memory",
    "parse_examples": "example",
    "read_batches": "input_pipeline",
    "read_schema": "schema",
    "read_shard": "shards",
    "read_split": "memory",
    "segments_of": "memory",
    "serialize": "example",
    "shard_paths": "shards",
    "unpack_shards": "shards",
    "Window": "window",
    "write_shard": "shards",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
