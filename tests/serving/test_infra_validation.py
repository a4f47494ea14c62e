"""Infrastructure validation: a SavedModel must load, match the Keras model and keep its limits."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from avel_tf.configuration import InfraValidationConfig
from avel_tf.records import parse_examples
from avel_tf.records.description import AVE
from avel_tf.serving import serving_process, warm_up
from avel_tf.serving.infra_validation import validate_serving
from avel_tf.serving.warm_up import read_warm_up
from tests import programs
from tests.eager import eagerly


@pytest.mark.slow
def test_warm_up_calls_every_signature_once(trained):
    requests = dict(read_warm_up(trained("sel").saved_model))
    assert requests.keys() == {"serving_default", "localize_event"}
    shapes = {name: value.shape for name, value in requests["localize_event"].items()}
    assert shapes == {"audio_features": (1, 10, 128), "visual_features": (1, 10, 7, 7, 512)}
    assert requests["serving_default"]["examples"].shape == (1,)
    features = parse_examples(tf.constant(requests["serving_default"]["examples"]))
    assert features["event_relevance"].numpy().tolist() == [[0, 0, 1, 1, 1, 0, 0, 0, 0, 0]]
    requests = dict(read_warm_up(trained("cml").saved_model))
    assert requests.keys() == {"serving_default", "audio_to_visual", "visual_to_audio"}
    assert requests["visual_to_audio"]["query_visual_features"].shape == (1, 3, 7, 7, 512)
    assert requests["visual_to_audio"]["candidate_audio_features"].shape == (1, 10, 128)


@pytest.fixture
def files(trained, tmp_path):
    """Function that copies the SavedModel of a task, to be damaged; and its Keras file."""

    def copy(task):
        run = trained(task)
        shutil.copytree(run.saved_model, tmp_path / "saved_model")
        return tmp_path / "saved_model", run.model_folder / "Format-Keras" / "model.keras"

    return copy


@pytest.fixture
def quick(monkeypatch):
    """Shares one import of TensorFlow among the servers; compares their answers without tracing."""
    monkeypatch.setattr("subprocess.run", programs.run_isolated)
    with eagerly():
        yield


@pytest.mark.slow
def test_a_good_model_is_servable(files):
    # In a process that did not train it, as when an interrupted run resumes.
    program = """if True:
        import dataclasses, json, pathlib, sys
        from avel_tf.configuration import InfraValidationConfig
        from avel_tf.serving.infra_validation import validate_serving
        paths = map(pathlib.Path, sys.argv[1:])
        verdict = validate_serving(InfraValidationConfig(), *paths)
        print(json.dumps(dataclasses.asdict(verdict)))
    """
    done = programs.run(program, *files("sel"))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["reasons"] == []
    assert 0 < result["load_seconds"] < 60
    assert 0 < result["slowest_request_seconds"] < 10
    assert 0.1 < result["peak_memory_gib"] < 4


@pytest.mark.slow
@eagerly()
def test_every_limit_is_enforced_and_memory_of_the_parent_does_not_count(files):
    ballast = np.ones(2**28)  # 2 GiB
    config = InfraValidationConfig(
        max_load_seconds=1e-9, max_request_seconds=1e-9, max_memory_gib=0.01
    )
    verdict = validate_serving(config, *files("cml"))
    assert not verdict.servable
    names = [reason.split(" is ")[0] for reason in verdict.reasons]
    assert names == ["load_seconds", "slowest_request_seconds", "peak_memory_gib"]
    assert verdict.reasons[2].endswith("more than the limit of 0.01.")
    assert 0 < verdict.peak_memory_gib < ballast.nbytes / 2**30 / 2


@pytest.mark.slow
def test_other_outputs_than_the_keras_models_are_refused(files, quick, tmp_path):
    saved_model, keras_file = files("cml")
    model = keras.saving.load_model(keras_file)
    model.set_weights([weights + 0.1 for weights in model.get_weights()])
    model.save(tmp_path / "other.keras")
    verdict = validate_serving(InfraValidationConfig(), saved_model, tmp_path / "other.keras")
    assert not verdict.servable
    assert (
        "audio_to_visual returns another `window_scores` than the Keras model." in verdict.reasons
    )


@pytest.mark.slow
def test_what_does_not_load_is_refused(files, quick):
    saved_model, keras_file = files("cml")
    (saved_model / "variables" / "variables.index").unlink()
    verdict = validate_serving(InfraValidationConfig(), saved_model, keras_file)
    assert not verdict.servable and verdict.load_seconds is None
    (reason,) = verdict.reasons
    assert reason.startswith("It does not load or answer: ")


def test_a_hanging_model_times_out(tmp_path, monkeypatch):
    program = tmp_path / "hang.py"
    program.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(serving_process, "__file__", str(program))
    config = InfraValidationConfig(max_process_seconds=0.5)
    with pytest.raises(RuntimeError, match="did not answer within 0.5 s. Run the pipeline again"):
        validate_serving(config, tmp_path, tmp_path / "model.keras")


def test_a_killed_process_is_not_a_verdict(tmp_path, monkeypatch):
    program = tmp_path / "killed.py"
    program.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr(serving_process, "__file__", str(program))
    with pytest.raises(RuntimeError, match="ended by SIGKILL. Run the pipeline again"):
        validate_serving(InfraValidationConfig(), tmp_path, tmp_path / "model.keras")


def test_operations_that_a_server_lacks_are_named(tmp_path):
    content = serving_process.saved_model_pb2.SavedModel()
    graph = content.meta_graphs.add().graph_def
    graph.node.add(name="a", op="Library>OfAnother")
    graph.node.add(name="b", op="MatMul")
    graph.node.add(name="c", op="my_function")
    function = graph.library.function.add()
    function.signature.name = "my_function"
    function.node_def.add(name="d", op="FromAnotherLibrary")
    (tmp_path / "saved_model.pb").write_bytes(content.SerializeToString())
    assert serving_process.foreign_ops(tmp_path) == ["FromAnotherLibrary", "Library>OfAnother"]


@pytest.mark.slow
def test_foreign_operations_are_refused_before_anything_is_loaded(files, quick):
    saved_model, keras_file = files("cml")
    content = serving_process.saved_model_pb2.SavedModel.FromString(
        (saved_model / "saved_model.pb").read_bytes()
    )
    content.meta_graphs[0].graph_def.node.add(name="a", op="IO>AudioResample")
    (saved_model / "saved_model.pb").write_bytes(content.SerializeToString())
    verdict = validate_serving(InfraValidationConfig(), saved_model, keras_file)
    assert verdict.reasons == ("Operations outside TensorFlow: IO>AudioResample.",)
    assert verdict.load_seconds is None and verdict.peak_memory_gib > 0


def test_requests_are_reproducible():
    spec = tf.TensorSpec([None, None, 128], name="query_audio_features")
    first, second = (warm_up._features(spec, AVE, np.random.default_rng(0)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (1, 3, 128)


def test_a_request_of_synthetic_frames_and_sound():
    random = np.random.default_rng(0)
    spec = tf.TensorSpec([None, None, None, 224, 224, 3], tf.uint8, name="frames")
    frames = warm_up._value(spec, AVE, random)
    assert (frames.shape, frames.dtype) == ((1, 10, 1, 224, 224, 3), np.uint8)
    assert (frames.min(), frames.max()) == (0, 255)
    waveform = warm_up._value(tf.TensorSpec([None, None], name="waveform"), AVE, random)
    assert (waveform.shape, waveform.dtype) == ((1, 160_000), np.float32)
    assert -1 <= waveform.min() < -0.99 and 0.99 < waveform.max() <= 1


@pytest.mark.parametrize("name", ["max_load_seconds", "max_memory_gib"])
def test_limits_are_positive(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive"):
        InfraValidationConfig(**{name: 0})
