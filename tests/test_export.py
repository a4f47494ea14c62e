"""The SavedModel against the Keras model, under stock TensorFlow; pushes that appear whole."""

import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

from avel_tf import export
from avel_tf.ave import BACKGROUND_NAME, CATEGORIES
from avel_tf.export import push_model
from avel_tf.records import parse_examples, read_shard, shard_paths

CHECKOUT = pathlib.Path(export.__file__).parent.parent
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

# What a server has: TensorFlow alone, and its C++ loader under a session.
SERVE = """
import sys
import numpy as np
import tensorflow as tf

requests, outputs = np.load(sys.argv[2], allow_pickle=True).item(), {}
signatures = tf.saved_model.load(sys.argv[1]).signatures
assert signatures.keys() == requests.keys()
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], sys.argv[1])
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
np.save(sys.argv[3], outputs)
assert "avel_tf" not in sys.modules and "tensorflow_io" not in sys.modules
"""

# A push that is killed while an old version is removed.
KILLED_REMOVAL = """
import os, pathlib, shutil, signal, sys
from avel_tf.export import push_model

def remove(folder):
    (folder / "saved_model.pb").unlink()
    os.kill(os.getpid(), signal.SIGKILL)

shutil.rmtree = remove
push_model(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), 2)
"""

# A push that is killed when the graph is copied and the weights are not.
KILLED_PUSH = """
import os, pathlib, shutil, signal, sys
from avel_tf.export import push_model

def copy(source, destination):
    shutil.copyfile(source, destination)
    if os.path.basename(source) == "saved_model.pb":
        os.kill(os.getpid(), signal.SIGKILL)

copytree = shutil.copytree
shutil.copytree = lambda *folders: copytree(*folders[:2], copy_function=copy)  # calls itself
push_model(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), 2)
"""


@pytest.fixture
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
    for batch in (examples, examples[:1], examples[3:10]):
        features = parse_examples(tf.constant(batch), tuple(model.input))
        expected = model({name: tf.cast(each, tf.float32) for name, each in features.items()})
        outputs = signature(tf.constant(batch))
        assert outputs.keys() == expected.keys()
        for name, output in outputs.items():
            np.testing.assert_allclose(output, expected[name], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_each_weight_is_written_once(task, trained):
    run = trained(task)
    (data,) = run.saved_model.glob("variables/*.data-*")
    num_bytes = 4 * run.load().count_params()
    assert num_bytes <= data.stat().st_size < 1.2 * num_bytes


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_stock_tensorflow_serves_every_signature(task, trained, test_examples, tmp_path):
    run, examples = trained(task), test_examples(task)
    random = np.random.default_rng(0)
    requests = {"serving_default": {"examples": np.array(examples, object)}}
    audio = random.random((2, 10, 128), np.float32)
    visual = random.random((2, 10, 7, 7, 512), np.float32)
    if task == "sel":
        requests["localize_event"] = {"audio_features": audio, "visual_features": visual}
    else:
        requests["audio_to_visual"] = {
            "query_audio_features": audio[:, :3],
            "candidate_visual_features": visual,
        }
        requests["visual_to_audio"] = {
            "query_visual_features": visual[:, :4],
            "candidate_audio_features": audio,
        }
    np.save(tmp_path / "requests.npy", requests)
    subprocess.run(
        [sys.executable, "-c", SERVE, run.saved_model, "requests.npy", "outputs.npy"],
        check=True,
        cwd=tmp_path,  # where there is no avel_tf
    )
    outputs = np.load(tmp_path / "outputs.npy", allow_pickle=True).item()
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


@pytest.fixture
def saved_model(tmp_path):
    """The files of a SavedModel, without sense."""
    folder = tmp_path / "saved_model"
    (folder / "variables").mkdir(parents=True)
    for name in ("saved_model.pb", "variables/variables.index", "variables/variables.data"):
        (folder / name).write_text(name)
    return folder


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_versions_rise_even_in_one_second(saved_model, tmp_path, monkeypatch):
    now = 1_700_000_000.9
    monkeypatch.setattr(export.time, "time", lambda: now)
    base = tmp_path / "served" / "ave"
    pushed = [push_model(saved_model, base, 20) for _ in range(3)]
    assert [path.name for path in pushed] == ["1700000000", "1700000001", "1700000002"]
    now = 1_600_000_000  # the clock was set back
    assert push_model(saved_model, base, 20).name == "1700000003"
    now = 1_800_000_000
    assert push_model(saved_model, base, 20).name == "1800000000"
    for path in base.iterdir():
        assert files(path) == files(saved_model)


def test_other_files_at_the_destination_stay(saved_model, tmp_path):
    base = tmp_path / "served"
    (base / "assets.7").mkdir(parents=True)
    (base / "models.config").write_text("")
    push_model(saved_model, base, 20)
    assert (base / "assets.7").is_dir() and (base / "models.config").is_file()


def test_reader_never_sees_half_a_version(saved_model, tmp_path, monkeypatch):
    base, pushed, partial, seen = tmp_path / "served", threading.Event(), [], set()

    def slow_copy(source, destination):
        pushed.wait(0.01)
        shutil.copyfile(source, destination)

    copytree = shutil.copytree  # which calls itself, with more arguments
    monkeypatch.setattr(
        shutil, "copytree", lambda *folders: copytree(*folders[:2], copy_function=slow_copy)
    )

    def poll():
        while not pushed.is_set():
            for version in base.glob("[0-9]*"):
                seen.add(version.name)
                if files(version) != files(saved_model):
                    partial.append(files(version))

    base.mkdir()
    reader = threading.Thread(target=poll)
    reader.start()
    versions = {push_model(saved_model, base, 20).name for _ in range(10)}
    pushed.set()
    reader.join()
    assert not partial
    assert len(versions) == 10 and len(seen) > 1


@pytest.mark.slow
def test_killed_push_leaves_no_version_and_the_next_one_cleans_up(saved_model, tmp_path):
    base = tmp_path / "served"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_PUSH, saved_model, base],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    assert killed.returncode == -signal.SIGKILL
    (left,) = base.iterdir()
    assert left.name.startswith(".partial-") and (left / "saved_model.pb").is_file()
    version = push_model(saved_model, base, 20)
    assert [path.name for path in base.iterdir()] == [version.name]
    assert files(version) == files(saved_model)


def test_old_versions_leave_and_those_that_may_be_served_stay(saved_model, tmp_path, monkeypatch):
    monkeypatch.setattr(export.time, "time", lambda: 100)
    base = tmp_path / "served"
    (base / "notes").mkdir(parents=True)
    for keep, expected in ((3, "100"), (3, "100 101"), (3, "100 101 102"), (3, "101 102 103")):
        push_model(saved_model, base, keep)
        assert sorted(path.name for path in base.glob("1*")) == expected.split()
    push_model(saved_model, base, 2)
    assert sorted(path.name for path in base.iterdir()) == ["103", "104", "notes"]


@pytest.mark.slow
def test_a_removal_that_is_killed_leaves_no_half_version(saved_model, tmp_path):
    base = tmp_path / "served"
    first, second = (push_model(saved_model, base, 2) for _ in range(2))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_REMOVAL, saved_model, base],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    assert killed.returncode == -signal.SIGKILL
    assert not first.exists() and (base / f".partial-{first.name}").exists()
    versions = sorted(base.glob("[0-9]*"))
    assert len(versions) == 2 and versions[0] == second
    for version in versions:
        assert files(version) == files(saved_model)
    push_model(saved_model, base, 3)
    assert len(list(base.iterdir())) == 3
