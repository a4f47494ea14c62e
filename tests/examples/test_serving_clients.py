"""Example clients, with servers that speak TF Serving's protocols over a real SavedModel."""

import ast
import base64
import concurrent.futures
import http.server
import importlib.util
import json
import pathlib
import re
import shlex
import threading

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from avel_tf import media
from avel_tf.serving.warm_up import read_warm_up
from avel_tf.simulation.dataset import draw_annotations
from pipelines import configs

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "examples" / "serving"
RANDOM = np.random.default_rng(0)
AUDIO = RANDOM.random((2, 10, 128), np.float32)
VISUAL = RANDOM.random((2, 10, 7, 7, 512), np.float32)

pytestmark = pytest.mark.slow


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def decoded(value):
    """Decodes an input of the REST API: numbers in lists, or base64 objects."""
    if isinstance(value[0], dict):
        assert all(each.keys() == {"b64"} for each in value)
        return np.array([base64.b64decode(each["b64"]) for each in value], object)
    return np.array(value, "f4")


def answer(signature, inputs):
    outputs = signature(**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in outputs.items()}


@pytest.fixture
def rest_server(trained):
    """URL of a server with the SEL model that follows TF Serving's documented REST API."""
    signatures = tf.saved_model.load(str(trained("sel").saved_model)).signatures

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model = re.fullmatch(r"/v1/models/([^/:]+)(/versions/\d+)?:predict", self.path)
            # Either row ("instances") or columnar ("inputs") format, never both.
            assert request.keys() <= {"signature_name", "inputs"} and "inputs" in request
            if model is None or model[1] != "demo-sel":
                self.reply(404, {"error": "Servable not found for request: Latest(other)"})
                return
            signature = signatures[request.get("signature_name", "serving_default")]
            inputs = {name: decoded(value) for name, value in request["inputs"].items()}
            outputs = {
                name: [[each.decode() for each in row] for row in value]
                if value.dtype == object  # text, for names that do not end in _bytes
                else value.tolist()
                for name, value in answer(signature, inputs).items()
            }
            self.reply(200, {"outputs": outputs})

        def reply(self, status, content):
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def localize_media(frames, waveform):
    """Answers as the documented signature does: a bark in every second that is heard."""
    assert (frames.dtype, waveform.dtype) == (tf.uint8, tf.float32)
    num_segments = frames.shape[1]
    assert frames.shape == (1, num_segments, 1, 224, 224, 3)
    assert waveform.shape == (1, num_segments * 16000)
    loudness = tf.reduce_mean(tf.abs(tf.reshape(waveform, (1, num_segments, -1))), axis=-1)
    return {
        "segment_label_name": tf.where(loudness > 0.1, "Bark", "Background"),
        "event_relevance_probabilities": tf.where(loudness > 0.1, 0.75, 0.25),
    }


@pytest.fixture
def grpc_server(trained):
    """Address of a server with CML's model and a stand-in for one with encoders.

    It uses the service's own definition.
    """
    models = {
        "demo-cml": tf.saved_model.load(str(trained("cml").saved_model)).signatures,
        "demo-media": {"localize_media": localize_media},
    }

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            assert request.model_spec.name in models
            inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
            response = predict_pb2.PredictResponse()
            for name, value in answer(
                models[request.model_spec.name][request.model_spec.signature_name], inputs
            ).items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
            return response

    # As in the server: any size.
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(1),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


def test_rest(rest_server, trained, tmp_path, monkeypatch, capsys):
    np.savez(tmp_path / "features.npz", audio_features=AUDIO, visual_features=VISUAL)
    client = load("rest_client")
    features = str(tmp_path / "features.npz")
    monkeypatch.setattr("sys.argv", ["rest_client.py", rest_server, "demo-sel", features])
    client.main()
    lines = capsys.readouterr().out.splitlines()
    outputs = trained("sel").load()({"audio_features": AUDIO, "visual_features": VISUAL})
    names = (trained("sel").saved_model / "assets" / "labels.txt").read_text().splitlines()
    assert lines == [
        f"record {record}, second {second}: {names[label]} (event {probability:.2f})"
        for record in range(2)
        for second, (label, probability) in enumerate(
            zip(
                outputs["segment_label"][record].numpy(),
                outputs["event_relevance_probabilities"][record].numpy(),
                strict=True,
            )
        )
    ]
    examples = dict(read_warm_up(trained("sel").saved_model))["serving_default"]
    outputs = client.predict(rest_server, "demo-sel", "serving_default", examples)
    signatures = tf.saved_model.load(str(trained("sel").saved_model)).signatures
    for name, value in answer(signatures["serving_default"], examples).items():
        np.testing.assert_allclose(outputs[name], value, rtol=1e-5)
    with pytest.raises(RuntimeError, match="Servable not found"):
        client.predict(rest_server, "other", "localize_event", {"audio_features": AUDIO})


def test_grpc(grpc_server, trained, tmp_path, monkeypatch, capsys):
    np.savez(tmp_path / "query.npz", audio_features=AUDIO)
    np.savez(tmp_path / "candidates.npz", visual_features=VISUAL[1:])
    files = [str(tmp_path / f"{name}.npz") for name in ("query", "candidates")]
    flags = [grpc_server, "demo-cml", *files, "--start", "3", "--end", "6"]
    monkeypatch.setattr("sys.argv", ["grpc_client.py", *flags])
    load("grpc_client").main()
    signatures = tf.saved_model.load(str(trained("cml").saved_model)).signatures
    expected = answer(
        signatures["audio_to_visual"],
        {"query_audio_features": AUDIO[:1, 3:6], "candidate_visual_features": VISUAL[1:]},
    )
    start = expected["window_start"][0]
    score = expected["window_scores"][0, start]
    assert capsys.readouterr().out == f"seconds {start} to {start + 3}, score {score:.3f}\n"


def test_the_printed_commands_run_after_the_demo(
    rest_server, grpc_server, examples_folder, tmp_path, monkeypatch, capsys
):
    text = (EXAMPLES.parents[1] / "serving.md").read_text().replace("\\\n", "")
    commands = [
        shlex.split(line)[1:]
        for line in text.splitlines()
        if line.startswith("python docs/examples/serving/")
    ]
    names = [pathlib.Path(script).stem for script, *_ in commands]
    assert names == ["write_inputs", "rest_client", "grpc_client", "media_client"]
    for script, arguments in zip(names, commands):  # its docstring has the same one
        assert arguments == shlex.split(printed_in(script))[1:]

    (dataset,) = (each for each in commands[0] if "artifacts" in each)
    (video,) = (each for each in commands[3] if each.endswith(".mp4"))
    for path in (dataset, video):
        (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / dataset).symlink_to(examples_folder("sel"))
    drawn = draw_annotations(configs.demo("sel", "clips").simulation)
    assert pathlib.Path(video).stem in [annotation.video_id for annotation in drawn]
    sound = np.repeat([0, 0.5, 0], 16000) * np.sin(np.arange(48000))
    media.write_clip(
        tmp_path / video,
        [np.zeros((48, 64, 3), np.uint8)] * 12,
        **{"size": (48, 64), "fps": 4, "waveform": sound, "sample_rate_hz": 16000},
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLES)  # where Python looks for what a script imports
    servers = {"http://localhost:8501": rest_server, "localhost:8500": grpc_server}
    printed = []
    for script, arguments in zip(names, commands):
        monkeypatch.setattr("sys.argv", [servers.get(each, each) for each in arguments])
        load(script).main()
        printed.append(capsys.readouterr().out.splitlines())
    assert printed[0] == ["Wrote features.npz, 2 records."]
    assert len(printed[1]) == 20 and printed[1][-1].startswith("record 1, second 9: ")
    assert re.fullmatch(r"seconds (\d) to (\d), score .*", printed[2][0])
    assert printed[3] == [
        "second 0: Background (event 0.25)",
        "second 1: Bark (event 0.75)",
        "second 2: Background (event 0.25)",
    ]


def printed_in(script):
    """Finds the command in an example's docstring."""
    lines = ast.get_docstring(ast.parse((EXAMPLES / f"{script}.py").read_text()))
    return re.search(r"python (?:.*\\\n)*.*", lines)[0].replace("\\\n", "")


def test_the_documented_command_mounts_the_configured_paths():
    command = (EXAMPLES.parents[1] / "serving.md").read_text().split("```")[1]
    text = (EXAMPLES / "models.config").read_text()
    for path in re.findall(r'base_path: "(.*)"', text):
        name = path.rpartition("/")[2]
        folder = f"served/{name}" if name == "demo-media" else f"runs/{name}/served/{name}"
        assert f"-v $PWD/{folder}:{path} " in command
    assert "batching" not in command


def test_the_largest_batch_is_allowed():
    """Checks what the server requires of the file; its message type is in no package."""
    text = (EXAMPLES / "batching.config").read_text()
    sizes = re.findall(r"allowed_batch_sizes: (\d+)", text)
    assert sizes[-1] == re.search(r"max_batch_size { value: (\d+) }", text)[1]


def test_the_servers_configuration_is_valid():
    text = (EXAMPLES / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    names = [model.name for model in config.model_config_list.config]
    assert names == ["demo-sel", "demo-cml", "demo-media"]
    for model in config.model_config_list.config:
        assert model.base_path == f"/models/{model.name}"
        assert model.model_version_policy.latest.num_versions == 1
