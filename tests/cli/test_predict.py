"""`avel predict` and `avel match`, with quick encoders, and once with the real ones."""

import json
import os
import pathlib
import shutil
import signal
import time

import av
import numpy as np
import pytest

from avel_tf import media
from avel_tf.cli import predict
from avel_tf.cli.program import parse_arguments
from avel_tf.cli.with_model import open_reader
from avel_tf.configuration import EncodingConfig
from avel_tf.encoders import precision
from avel_tf.errors import InputError
from avel_tf.prediction import clips, system
from avel_tf.prediction.events import Localization
from avel_tf.prediction.system import System
from avel_tf.records.description import AVE
from pipelines import command as program
from pipelines.command import main
from tests import programs

ENCODERS = {
    "kind": "media",
    "visual_encoder": {"weights": "a.h5", "sha256": "1", "precision": "bfloat16"},
    "audio_encoder": {"weights": "b.h5", "sha256": "2"},
    "frames_per_segment": 4,
    "decoder": "av 18.1.0",
}
WEIGHTS = __file__  # the quick encoder does not read it


class QuickEncoder:
    """Replaces VGG-19 and VGGish by features that depend only on the clip's loudness."""

    frame_size = (224, 224)

    def __init__(self, encoding):
        self.encoding = encoding

    def metadata(self):
        visual = ENCODERS["visual_encoder"] | {"precision": self.encoding.encoder_precision}
        counted = {
            "frames_per_segment": self.encoding.frames_per_segment,
            "resize": self.encoding.resize,
        }
        if self.encoding.visual_weights == "random":
            visual["weights"] = "random(seed=0)"
        return ENCODERS | {"decoder": "av 99", "visual_encoder": visual} | counted

    def __call__(self, clip):
        features = {}
        if clip.sound is not None:
            loudness = np.abs(clip.sound).mean(axis=1)
            features["audio_features"] = np.repeat(loudness[:, None], 128, axis=1)
        if clip.frames is not None:
            features["visual_features"] = np.ones((len(clip.frames), 7, 7, 512), np.float32)
        return features


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(clips, "ClipEncoder", QuickEncoder)
    monkeypatch.setattr(precision, "choose_precision", lambda weights: pytest.fail("not needed"))
    monkeypatch.setattr(clips, "PART_SEGMENTS", 5)


@pytest.fixture(autouse=True)
def signals():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def write_video(tmp_path_factory):
    """Function that writes a clip of some seconds, silent except for one of them."""

    def write(name, num_seconds, loud=3):
        path = tmp_path_factory.mktemp("videos") / name
        sound = np.zeros(num_seconds * 16000)
        sound[loud * 16000 : (loud + 1) * 16000] = np.sin(np.arange(16000) / 5) / 2
        pictures = np.random.default_rng(0).integers(0, 255, (num_seconds, 48, 64, 3), np.uint8)
        media.write_clip(
            path,
            (pictures[number // 4] for number in range(4 * num_seconds)),
            **{"size": (48, 64), "fps": 4, "waveform": sound, "sample_rate_hz": 16000},
        )
        return path

    return write


def flags(*arguments):
    return parse_arguments(predict, "avel predict", [str(each) for each in arguments])


@pytest.mark.slow
@pytest.mark.parametrize("form", ["keras", "saved_model", "served"])
def test_events_of_videos(form, trained, write_video, tmp_path, capsys):
    folder = trained("sel").model_folder
    (tmp_path / "served").mkdir()
    for version, target in [("9", tmp_path), ("10", folder / "Format-Serving")]:
        (tmp_path / "served" / version).symlink_to(target)
    model = {
        "keras": folder / "Format-Keras" / "model.keras",
        "saved_model": folder / "Format-Serving",
        "served": tmp_path / "served",
    }[form]
    short, long = write_video("short.mp4", 10), write_video("long.mp4", 13)
    status = main(
        [
            *("predict", str(short), str(tmp_path / "missing.mp4"), str(long)),
            *("--model", str(model), "--audio_weights", "random", "--visual_weights", "random"),
            *("--encoder_precision", "float32", "--frames_per_segment", "2"),
            *("--json", str(tmp_path / "e.json"), "--csv", str(tmp_path / "e.csv")),
            *("--report", str(tmp_path / "e.html")),
        ]
    )
    screen = capsys.readouterr()
    assert status == 1  # one of three cannot be read; the others are not lost
    assert "missing.mp4: there is no such file" in screen.err
    assert f"{long} (13 s)" in screen.out
    warning = "From untrained encoders: these numbers say nothing about real videos."
    assert screen.out.startswith(warning) and warning in (tmp_path / "e.html").read_text()
    assert json.loads((tmp_path / "e.json").read_text())["caution"] == warning
    content = json.loads((tmp_path / "e.json").read_text())
    assert [clip["seconds"] for clip in content["clips"]] == [10, 13]
    assert (tmp_path / "e.html").read_text().count("<section>") == 2
    assert "missing.mp4: there is no such file" in (tmp_path / "e.html").read_text()

    # For a clip of one window, the model's own output.
    inputs = {
        "audio_features": np.zeros((1, 10, 128), np.float32),
        "visual_features": np.ones((1, 10, 7, 7, 512), np.float32),
    }
    sound = media.read_clip(short, modalities=["audio"]).sound
    inputs["audio_features"][0] = np.abs(sound).mean(axis=1)[:, None]
    outputs = trained("sel").load()(inputs)
    segments = content["clips"][0]["segments"]
    found = Localization(outputs["segment_label"][0].numpy(), np.ones((10, 29)), {})
    assert segments["label"] == found.named_labels
    relevance = outputs["event_relevance_probabilities"][0]
    np.testing.assert_allclose(segments["relevance"]["event"], relevance, atol=1e-3)
    assert list(segments["relevance"]) == ["event", "audio", "visual"]


def test_what_is_only_seen_is_told_and_a_threshold_excludes_it(
    write_video, tmp_path, monkeypatch, capsys
):
    def localize_event(audio_features, visual_features):
        shape = audio_features.shape[:2]
        return {
            "segment_label": np.zeros(shape, int),
            "segment_probabilities": np.full((*shape, 29), 0.5),
            "event_relevance_probabilities": np.full(shape, 0.5),
            "audio_relevance_probabilities": np.zeros(shape),
            "visual_relevance_probabilities": np.ones(shape),
        }

    found = System(tmp_path, {"localize_event": localize_event}, ENCODERS, AVE, threshold=0.5)
    monkeypatch.setattr(system, "read_system", lambda path: found)
    arguments = ["predict", write_video("clip.mp4", 4), "--model", "m", "--audio_weights", WEIGHTS]
    arguments += ["--json", tmp_path / "e.json", "--report", tmp_path / "e.html"]
    for threshold, row, num_events in [
        ([], "Church bell         50%     0%   100%", 1),
        (["--threshold", 0.6], "no event", 0),
    ]:
        assert main([str(each) for each in [*arguments, *threshold]]) == 0
        assert row in capsys.readouterr().out
        content = json.loads((tmp_path / "e.json").read_text())
        assert len(content["clips"][0]["events"]) == num_events
        assert content["threshold"] == (threshold[1] if threshold else 0.5)
        page = (tmp_path / "e.html").read_text()
        assert ("relevance of 0.6 or more" in page) == bool(threshold)


def test_which_of_several_streams_is_read_is_told(write_video, tmp_path, caplog):
    path = tmp_path / "two.mkv"
    with av.open(str(write_video("one.mkv", 4))) as source, av.open(str(path), "w") as target:
        outputs = {
            stream: [target.add_stream_from_template(stream) for _ in range(number)]
            for number, stream in enumerate(source.streams, start=1)  # pictures, sound
        }
        for packet in source.demux():
            for output in outputs[packet.stream] if packet.size else ():
                packet.stream = output
                target.mux(packet)
    clips.ClipReader(EncodingConfig(frames_per_segment=1)).read(path, range(2))
    assert f"{path}: of its 2 audio streams, number 1 is read. Cut others out with" in caplog.text


@pytest.mark.parametrize("value", ["1.5", "-0.1", "nan", "half"])
def test_a_threshold_is_a_share(value, capsys):
    with pytest.raises(SystemExit):
        flags("a.mp4", "--model", "m", f"--threshold={value}")
    assert f"--threshold: {value} is not a number from 0 to 1" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("query", ["audio", "video"])
def test_matches(query, trained, write_video, tmp_path, capsys):
    lengths = {"audio": 6, "video": 14} if query == "audio" else {"audio": 14, "video": 6}
    files = {kind: write_video(f"{kind}.mp4", seconds) for kind, seconds in lengths.items()}
    arguments = ["match", "--query", query, "--start", 2.5, "--end", 4.01, "--top", 3]
    arguments += ["--report", tmp_path / "found.html"]
    for kind, path in files.items():
        arguments += [f"--{kind}", path]
    arguments += ["--model", trained("cml").saved_model, "--json", tmp_path / "found.json"]
    arguments += ["--audio_weights", "random", "--encoder_precision", "float32"]
    assert main([str(each) for each in arguments]) == 0
    content = json.loads((tmp_path / "found.json").read_text())
    assert content["query"] == query
    assert (content["start_seconds"], content["end_seconds"]) == (2, 5)
    assert len(content["matches"]) == 3
    for match in content["matches"]:
        assert match["end_seconds"] - match["start_seconds"] == 3
        assert 0 <= match["start_seconds"] <= 11
    scores = [match["score"] for match in content["matches"]]
    assert np.diff(scores).max() <= 1e-5  # equal up to rounding: the earliest first
    screen = capsys.readouterr().out
    assert f"Query: seconds 2 to 5 of {files[query]}\n  rank" in screen
    page = (tmp_path / "found.html").read_text()
    assert f"of seconds 2 to 5 of {files[query]}" in page

    arguments[arguments.index("--end") + 1] = 7
    assert main([str(each) for each in arguments]) == 2
    short = files["audio" if query == "audio" else "video"]
    assert f"`--end` is 7 s, but {short} lasts 6 s." in capsys.readouterr().err
    arguments[arguments.index("--model") + 1] = trained("sel").saved_model
    assert main([str(each) for each in arguments]) == 2
    assert "is not a model for --task cml" in capsys.readouterr().err


def test_encoders_are_set_as_those_of_the_training_data():
    reader = open_reader(flags("a.mp4", "--model", "m", "--audio_weights", WEIGHTS), ENCODERS)
    assert reader.metadata()["visual_encoder"]["precision"] == "bfloat16"
    assert reader.metadata()["frames_per_segment"] == 4
    assert reader.metadata()["resize"] == "antialiased"  # as before there was a choice
    source = ENCODERS | {"resize": "bilinear"}
    reader = open_reader(flags("a.mp4", "--model", "m", "--audio_weights", WEIGHTS), source)
    assert reader.metadata()["resize"] == "bilinear"


def test_encoders_that_differ_from_the_training_data_are_refused():
    given = flags("a.mp4", "--model", "m", "--audio_weights", WEIGHTS)
    others = ENCODERS | {"audio_encoder": {"weights": "b.h5", "sha256": "3"}}
    with pytest.raises(InputError, match=r"other encoders: audio_encoder\.sha256: 3, 2\. Use"):
        open_reader(given, others)
    given.frames_per_segment = 16
    with pytest.raises(InputError, match="frames_per_segment: 4, 16"):
        open_reader(given, ENCODERS)


def test_a_folder_stands_for_its_videos(tmp_path, capsys):
    for name in ("b.mp4", "more/a.MKV", "note.txt", ".hidden/c.mp4", "d.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert predict._videos(tmp_path) == [tmp_path / "b.mp4", tmp_path / "more" / "a.MKV"]
    assert capsys.readouterr().out == "Left out, by suffix: 1 .txt, 1 .wav.\n"
    assert predict._videos(tmp_path / "b.mp4") == [tmp_path / "b.mp4"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file whose name ends in .mp4"):
        predict._videos(tmp_path / "empty")


def test_a_missing_file_of_weights_is_told_before_a_download():
    given = flags("a.mp4", "--model", "m", "--audio_weights", "/none.weights.h5")
    with pytest.raises(InputError, match="`audio_weights`: /none.weights.h5 does not exist"):
        open_reader(given, None)


def test_long_parts_may_take_longer_than_clips(monkeypatch):
    limits = []
    monkeypatch.setattr(clips, "DecoderProcess", limits.append)
    for arguments in ([], ["--max_read_seconds", 10], ["--max_read_seconds", 86400]):
        given = flags("a.mp4", "--model", "m", "--audio_weights", WEIGHTS, *arguments)
        open_reader(given, ENCODERS)
    assert [each.max_read_seconds for each in limits] == [360, 60, 86400]


def test_without_a_note_the_precision_is_chosen(monkeypatch):
    class Choice:
        precision = "float32"

    monkeypatch.setattr(precision, "choose_precision", lambda weights: Choice)
    given = flags("a.mp4", "--model", "m", "--audio_weights", WEIGHTS)
    for source in (None, {"kind": "official_features"}):
        metadata = open_reader(given, source).metadata()
        assert metadata["visual_encoder"]["precision"] == "float32"
        assert metadata["frames_per_segment"] == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--start", 3, "--end", 3], "`--start` must be from 0 and less than `--end`"),
        (["--start", -1.5, "--end", 3], "Received: --start -1.5 --end 3"),
        (["--start", 1, "--end", "inf"], "`--start` must be from 0 and less than `--end`"),
        (["--start", "nan", "--end", 3], "`--start` must be from 0 and less than `--end`"),
        (["--start", 1, "--end", 3, "--top", 0], "`--top` must be at least 1"),
        (["--start", 1, "--end", 3, "--json", "nowhere/m.json"], "nowhere is not a folder"),
        (
            ["--start", 1, "--end", 3, "--json", "/dev/null"],
            "/dev/null already exists and is not a .json file",
        ),
        (["--start", 1, "--end", 3], "model is not a model. Pass a .keras file"),
    ],
)
def test_wrong_flags_are_refused_before_anything_is_read(arguments, message, capsys, tmp_path):
    files = ["--audio", "a.mp4", "--video", "v.mp4", "--model", tmp_path / "model"]
    assert main([str(each) for each in ["match", *files, *arguments]]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_file_that_is_not_a_model_is_named(tmp_path, capsys):
    (tmp_path / "model.keras").write_bytes(b"no model")
    assert main(["predict", "a.mp4", "--model", str(tmp_path / "model.keras")]) == 2
    assert "model.keras must be a .keras file of this project" in capsys.readouterr().err
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(tmp_path / "other.keras")
    assert main(["predict", "a.mp4", "--model", str(tmp_path / "other.keras")]) == 2
    assert "It holds a Sequential that does not take audio_features" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json", "a.txt", "--csv", "./a.txt"], "a.txt is given twice"),
        (
            ["--json", "{}/b.mp4"],
            "b.mp4 already exists and is not a .json file",
        ),  # as if it were a switch
        (["--report", "{}"], " already exists and is not a .html file"),
        (["--csv", "/proc/events.csv"], "/proc"),
        (["--annotations", "none.txt", "--report", "r.html"], "none.txt does not exist"),
        (["--annotations", "Annotations.txt"], "`--annotations` is for the report"),
        (["--annotations", "{}/A.txt", "--report", "{}/r.html"], "A.txt has none of the videos"),
    ],
)
def test_impossible_outputs_are_refused_before_encoding(arguments, message, capsys, tmp_path):
    (tmp_path / "A.txt").write_text("Bark&b&good&0&10\n")
    (tmp_path / "b.mp4").write_text("video")
    arguments = [each.format(tmp_path) for each in arguments]
    assert main(["predict", "a.mp4", "--model", "m", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert (tmp_path / "b.mp4").read_text() == "video"


def test_an_output_that_fails_does_not_cost_the_others(tmp_path):
    outputs = ["--json", tmp_path / "gone" / "e.json", "--csv", tmp_path / "e.csv"]
    given = flags("a.mp4", "--model", "m", *outputs)
    with pytest.raises(FileNotFoundError):
        predict._write_events(given, System(tmp_path, {}, None, AVE), "", [], {}, {})
    assert (tmp_path / "e.csv").read_text().startswith("path,")


def test_a_model_with_its_encoders_inside_is_refused(monkeypatch, capsys):
    found = System("served/ave-media/1", {"localize_media": None}, None, AVE)
    monkeypatch.setattr(system, "read_system", lambda path: found)
    assert main(["predict", "a.mp4", "--model", "served/ave-media"]) == 2
    assert "served/ave-media/1 has its encoders in it" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [pathlib.Path.unlink, lambda path: os.truncate(path, 100)])
def test_half_a_saved_model_is_named(trained, tmp_path, capsys, spoil):
    shutil.copytree(trained("sel").saved_model, tmp_path / "half")
    for path in (tmp_path / "half" / "variables").glob("*.data*"):
        spoil(path)
    assert main(["predict", "a.mp4", "--model", str(tmp_path / "half")]) == 2
    assert "half is not an intact SavedModel: " in capsys.readouterr().err


def interrupt():
    raise KeyboardInterrupt


def end():
    os.kill(os.getpid(), signal.SIGTERM)  # as `kill` and batch systems do
    time.sleep(5)


def fail():
    raise RuntimeError("The decoder process failed on second.mp4")


@pytest.mark.slow
@pytest.mark.parametrize(("stop", "status"), [(interrupt, 130), (end, 130), (fail, 2)])
def test_results_before_an_interruption_are_written(
    stop, status, trained, write_video, tmp_path, monkeypatch
):
    first, second = write_video("-first.mp4", 4), write_video("second.mp4", 4)
    read = clips.ClipReader.read

    def interrupted(reader, path, segments):
        if path == second:
            stop()
        return read(reader, path, segments)

    monkeypatch.setattr(clips.ClipReader, "read", interrupted)
    arguments = ["--model", trained("sel").saved_model, "--json", tmp_path / "e.json"]
    arguments += ["--audio_weights", "random", "--encoder_precision", "float32"]
    monkeypatch.chdir(first.parent)
    assert main(["predict", "./-first.mp4", str(second), *map(str, arguments)]) == status
    (clip,) = json.loads((tmp_path / "e.json").read_text())["clips"]
    assert clip["path"] == "-first.mp4"


@pytest.mark.slow
def test_the_real_encoders(trained, write_video, tmp_path):
    command = ["predict", write_video("clip.mp4", 3, loud=1)]
    command += ["--model", trained("sel").saved_model, "--csv", tmp_path / "events.csv"]
    command += ["--audio_weights", "random", "--visual_weights", "random"]
    command += ["--frames_per_segment", "1", "--encoder_precision", "float32"]
    done = programs.run(pathlib.Path(program.__file__), *command)
    assert done.returncode == 0, done.stderr
    assert "vggish has RANDOM WEIGHTS" in done.stderr
    assert "Encoding clip.mp4: 100%" in done.stderr
    assert "trained on official features" in done.stderr
    assert f"Written: {tmp_path / 'events.csv'}" in done.stdout
    assert (tmp_path / "events.csv").read_text().startswith("path,start_seconds,")
