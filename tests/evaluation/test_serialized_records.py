import pathlib
import types

import numpy as np
import tensorflow as tf

from avel_tf.evaluation.serialized_records import exchange_features, load_signature, parse_records
from avel_tf.records import read_shard, shard_paths
from avel_tf.records.dataset_folder import DatasetFolder


def test_records_are_given_by_name(monkeypatch):
    class Signature:
        structured_input_signature = ((), {"examples": None})

        def __call__(self, **inputs):
            return inputs

    saved_model = types.SimpleNamespace(signatures={"serving_default": Signature()})
    monkeypatch.setattr(tf.saved_model, "load", lambda folder: saved_model)
    assert load_signature(pathlib.Path("model"))([b"a"]) == {"examples": [b"a"]}


def test_features_of_other_records_are_theirs_and_the_rest_stays(examples_folder):
    folder = DatasetFolder(examples_folder("cml"))
    paths = shard_paths(folder.split_path("test"))
    records = [record for path in paths for record in read_shard(path)]
    partners = np.roll(np.arange(len(records)), 1)
    names = ("record_id", "event_relevance", "audio_features", "visual_features")
    exchanged = {"audio_features": partners, "event_relevance": partners}
    swapped = list(exchange_features(records, exchanged))
    own, found = (parse_records(each, names, folder.description()) for each in (records, swapped))
    for name in names:
        expected = own[name][partners] if name in exchanged else own[name]
        np.testing.assert_array_equal(found[name], expected)
    assert (own["audio_features"] != found["audio_features"]).any()
