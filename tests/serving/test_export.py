"""The SavedModel in standard TensorFlow, compared with the Keras model."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from avel_tf.ave import BACKGROUND_NAME, CATEGORIES, Annotation
from avel_tf.records import Record, parse_examples, read_shard, serialize, shard_paths

OUTPUTS = {
    "sel": {
        "audio_relevance_logits": (tf.float32, [None, 10]),
        "event_category_logits": (tf.float32, [None, 28]),
        "event_relevance_probabilities": (tf.float32, [None, 10]),
        "segment_label": (tf.int32, [None, 10]),
        "visual_relevance_logits": (tf.float32, [None, 10]),
    },
    "cml": {
        "audio_relevance_logits": (tf.float32, [None, 10]),
        "event_relevance_probabilities": (tf.float32, [None, 10]),
        "visual_relevance_logits": (tf.float32, [None, 10]),
    },
}

# As in a server: only TensorFlow, and its C++ loader in a session.
SERVE = """
import sys
import numpy as np
import tensorflow as tf

for folder in sys.argv[1:]:
    requests, outputs = np.load(f"{folder}/requests.npy", allow_pickle=True).item(), {}
    signatures = tf.saved_model.load(f"{folder}/model").signatures
    assert signatures.keys() == requests.keys()
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], f"{folder}/model")
        for name, request in requests.items():
            definition = loaded.signature_def[name]
            fetches = {key: tensor.name for key, tensor in definition.outputs.items()}
            feeds = {definition.inputs[key].name: value for key, value in request.items()}
            outputs[name] = session.run(fetches, feeds)
    for name, request in requests.items():
        answer = signatures[name](**{key: tf.constant(value) for key, value in request.items()})
        for key, value in answer.items():
            if value.dtype == tf.string:
                np.testing.assert_array_equal(outputs[name][key], value)
            else:
                np.testing.assert_allclose(outputs[name][key], value, rtol=1e-4, atol=1e-5)
    np.save(f"{folder}/outputs.npy", outputs)
assert "avel_tf" not in sys.modules and "tensorflow_io" not in sys.modules
"""


@pytest.fixture(scope="module")
def test_examples(examples_folder):
    """Function that returns the serialized test records of a task."""

    def read(task):
        paths = shard_paths(examples_folder(task) / "Split-test")
        return list(itertools.chain.from_iterable(map(read_shard, paths)))

    return read


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_signature_equals_the_keras_model(task, trained, test_examples):
    run, examples = trained(task), test_examples(task)
    model = run.load()
    signature = tf.saved_model.load(str(run.saved_model)).signatures["serving_default"]
    (spec,) = signature.structured_input_signature[1].values()
    assert (spec.name, spec.dtype, spec.shape.as_list()) == ("examples", tf.string, [None])
    assert {
        name: (spec.dtype, spec.shape.as_list())
        for name, spec in signature.structured_outputs.items()
    } == OUTPUTS[task]
    for batch in (examples, examples[:1], examples[3:10], []):
        batch = tf.constant(batch, tf.string)
        features = parse_examples(batch, tuple(model.input))
        expected = model({name: tf.cast(each, tf.float32) for name, each in features.items()})
        outputs = signature(batch)
        assert outputs.keys() == expected.keys()
        for name, output in outputs.items():
            np.testing.assert_allclose(output, expected[name], rtol=1e-4, atol=1e-5)
    audio, visual = np.zeros((10, 128)), np.zeros((10, 7, 7, 512))
    visual[9, 6, 6, 511] = 1e5  # infinite in half precision
    record = serialize(Record(Annotation(0, CATEGORIES[0], "id", 2, 5), audio, visual))
    with pytest.raises(tf.errors.InvalidArgumentError, match="`visual_features` must hold finite"):
        signature(tf.constant([*examples, record]))


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_each_weight_is_written_once(task, trained):
    run = trained(task)
    (data,) = run.saved_model.glob("variables/*.data-*")
    num_bytes = 4 * run.load().count_params()
    assert num_bytes <= data.stat().st_size < 1.2 * num_bytes


@pytest.fixture(scope="module")
def served_outputs(trained, test_examples, tmp_path_factory):
    """Outputs of every signature of both tasks, from one process that has only TensorFlow."""
    folder, random = tmp_path_factory.mktemp("served"), np.random.default_rng(0)
    audio = random.random((2, 10, 128), np.float32)
    visual = random.random((2, 10, 7, 7, 512), np.float32)
    requests = {
        "sel": {"localize_event": {"audio_features": audio, "visual_features": visual}},
        "cml": {
            "audio_to_visual": {
                "query_audio_features": audio[:, :3],
                "candidate_visual_features": visual,
            },
            "visual_to_audio": {
                "query_visual_features": visual[:, :4],
                "candidate_audio_features": audio,
            },
        },
    }
    for task, by_name in requests.items():
        by_name["serving_default"] = {"examples": np.array(test_examples(task), object)}
        (folder / task).mkdir()
        (folder / task / "model").symlink_to(trained(task).saved_model)
        np.save(folder / task / "requests.npy", by_name)
    # In a folder where there is no avel_tf.
    subprocess.run([sys.executable, "-c", SERVE, *requests], check=True, cwd=folder)
    return {
        task: np.load(folder / task / "outputs.npy", allow_pickle=True).item() for task in requests
    }


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_standard_tensorflow_serves_every_signature(task, trained, test_examples, served_outputs):
    run, examples, outputs = trained(task), test_examples(task), served_outputs[task]
    model = run.load()
    features = parse_examples(tf.constant(examples), tuple(model.input))
    expected = model({name: tf.cast(each, tf.float32) for name, each in features.items()})
    assert outputs["serving_default"].keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(outputs["serving_default"][name], value, rtol=1e-4, atol=1e-5)
    if task == "sel":
        names = (run.saved_model / "assets" / "labels.txt").read_text().splitlines()
        assert names == [*CATEGORIES, BACKGROUND_NAME]
        answer = outputs["localize_event"]
        assert [[names[label] for label in labels] for labels in answer["segment_label"]] == [
            [name.decode() for name in labels] for labels in answer["segment_label_name"]
        ]
