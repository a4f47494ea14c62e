"""`python -m avel_tf`, with encoders that are quick, and once with the real ones."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from avel_tf import media
from avel_tf.__main__ import main, parse_arguments
from avel_tf.ave import DataError
from avel_tf.prediction import clips, commands
from avel_tf.prediction.events import Localization
from avel_tf.prediction.system import System

ENCODERS = {
    "kind": "media",
    "visual_encoder": {"weights": "a.h5", "sha256": "1", "precision": "bfloat16"},
    "audio_encoder": {"weights": "b.h5", "sha256": "2"},
    "frames_per_segment": 4,
    "decoder": "av 18.1.0",
}


class QuickEncoder:
    """In place of VGG-19 and VGGish: features that know nothing of the clip but its loudness."""

    def __init__(self, encoding):
        self.encoding = encoding

    def metadata(self):
        visual = ENCODERS["visual_encoder"] | {"precision": self.encoding.encoder_precision}
        counted = {"frames_per_segment": self.encoding.frames_per_segment}
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
    monkeypatch.setattr(commands, "choose_precision", lambda weights: pytest.fail("not needed"))
    monkeypatch.setattr(clips, "PART_SEGMENTS", 5)


@pytest.fixture(autouse=True)
def signals():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def write_video(tmp_path_factory):
    """Function writing a clip of some seconds, silent but for one of them."""

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
    return parse_arguments([str(each) for each in arguments])


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
    content = json.loads((tmp_path / "e.json").read_text())
    assert [clip["seconds"] for clip in content["clips"]] == [10, 13]
    assert (tmp_path / "e.html").read_text().count("<section>") == 2

    # Of a clip of one window, what the model itself says.
    inputs = {
        "audio_features": np.zeros((1, 10, 128), np.float32),
        "visual_features": np.ones((1, 10, 7, 7, 512), np.float32),
    }
    sound = media.read_clip(short, modalities=["audio"]).sound
    inputs["audio_features"][0] = np.abs(sound).mean(axis=1)[:, None]
    outputs = trained("sel").load()(inputs)
    segments = content["clips"][0]["segments"]
    found = Localization(outputs["segment_label"][0].numpy(), np.ones((10, 29)), {})
    assert segments["label"] == [commands.output.label_name(label) for label in found.labels]
    relevance = outputs["event_relevance_probabilities"][0]
    np.testing.assert_allclose(segments["relevance"]["event"], relevance, atol=1e-3)
    assert list(segments["relevance"]) == ["event", "audio", "visual"]


@pytest.mark.slow
@pytest.mark.parametrize("query", ["audio", "video"])
def test_matches(query, trained, write_video, tmp_path, capsys):
    lengths = {"audio": 6, "video": 14} if query == "audio" else {"audio": 14, "video": 6}
    files = {kind: write_video(f"{kind}.mp4", seconds) for kind, seconds in lengths.items()}
    arguments = ["match", "--query", query, "--start", 2, "--end", 5, "--top", 3]
    for kind, path in files.items():
        arguments += [f"--{kind}", path]
    arguments += ["--model", trained("cml").saved_model, "--json", tmp_path / "found.json"]
    arguments += ["--audio_weights", "random", "--encoder_precision", "float32"]
    assert main([str(each) for each in arguments]) == 0
    content = json.loads((tmp_path / "found.json").read_text())
    assert content["query"] == query
    assert len(content["matches"]) == 3
    for match in content["matches"]:
        assert match["end_seconds"] - match["start_seconds"] == 3
        assert 0 <= match["start_seconds"] <= 11
    scores = [match["score"] for match in content["matches"]]
    assert scores == sorted(scores, reverse=True)
    assert "rank" in capsys.readouterr().out

    arguments[arguments.index("--end") + 1] = 7
    assert main([str(each) for each in arguments]) == 2
    short = files["audio" if query == "audio" else "video"]
    assert f"`--end` is 7 s, but {short} lasts 6 s." in capsys.readouterr().err
    arguments[arguments.index("--model") + 1] = trained("sel").saved_model
    assert main([str(each) for each in arguments]) == 2
    assert "is not a model for --task cml" in capsys.readouterr().err


def test_encoders_are_set_as_those_of_the_training_data():
    reader = commands.open_reader(
        flags("predict", "a.mp4", "--model", "m", "--audio_weights", "/b.h5"), ENCODERS
    )
    assert reader.metadata()["visual_encoder"]["precision"] == "bfloat16"
    assert reader.metadata()["frames_per_segment"] == 4


def test_other_encoders_than_those_of_the_training_data_are_refused():
    given = flags("predict", "a.mp4", "--model", "m", "--audio_weights", "/b.h5")
    others = ENCODERS | {"audio_encoder": {"weights": "b.h5", "sha256": "3"}}
    with pytest.raises(DataError, match=r"other encoders: audio_encoder\.sha256: 3, 2\. Give"):
        commands.open_reader(given, others)
    given.frames_per_segment = 16
    with pytest.raises(DataError, match="frames_per_segment: 4, 16"):
        commands.open_reader(given, ENCODERS)
    given.audio_weights = ""
    with pytest.raises(DataError, match="`--audio_weights` must be given"):
        commands.open_reader(given, ENCODERS)


def test_long_parts_may_take_longer_than_clips(monkeypatch):
    limits = []
    monkeypatch.setattr(clips, "DecoderProcess", limits.append)
    for arguments in ([], ["--max_read_seconds", 10], ["--max_read_seconds", 86400]):
        given = flags("predict", "a.mp4", "--model", "m", "--audio_weights", "/b.h5", *arguments)
        commands.open_reader(given, ENCODERS)
    assert [each.max_read_seconds for each in limits] == [360, 60, 86400]


def test_without_a_note_the_precision_is_chosen(monkeypatch):
    class Choice:
        precision = "float32"

    monkeypatch.setattr(commands, "choose_precision", lambda weights: Choice)
    given = flags("predict", "a.mp4", "--model", "m", "--audio_weights", "/b.h5")
    for source in (None, {"kind": "official_features"}):
        metadata = commands.open_reader(given, source).metadata()
        assert metadata["visual_encoder"]["precision"] == "float32"
        assert metadata["frames_per_segment"] == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--start", 3, "--end", 3], "`--start` must be from 0 and less than `--end`"),
        (["--start", -1, "--end", 3], "Received: --start -1 --end 3"),
        (["--start", 1, "--end", 3, "--top", 0], "`--top` must be at least 1"),
        (["--start", 1, "--end", 3, "--json", "nowhere/m.json"], "nowhere is no folder"),
        (["--start", 1, "--end", 3, "--json", "/dev/null"], "/dev/null is there and no .json file"),
        (["--start", 1, "--end", 3], "model is no model. Give a .keras file"),
    ],
)
def test_wrong_flags_are_told_before_anything_is_read(arguments, message, capsys, tmp_path):
    files = ["--audio", "a.mp4", "--video", "v.mp4", "--model", tmp_path / "model"]
    assert main([str(each) for each in ["match", *files, *arguments]]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_file_that_is_no_model_is_named(tmp_path, capsys):
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
        (["--json", "{}/b.mp4"], "b.mp4 is there and no .json file"),  # as if it were a switch
        (["--report", "{}"], " is there and no .html file"),
        (["--csv", "/proc/events.csv"], "/proc"),
        (["--annotations", "none.txt", "--report", "r.html"], "none.txt does not exist"),
        (["--annotations", "Annotations.txt"], "`--annotations` is for the report"),
        (["--annotations", "{}/A.txt", "--report", "{}/r.html"], "A.txt has none of the videos"),
    ],
)
def test_outputs_that_cannot_be_are_told_before(arguments, message, capsys, tmp_path):
    (tmp_path / "A.txt").write_text("Bark&b&good&0&10\n")
    (tmp_path / "b.mp4").write_text("video")
    arguments = [each.format(tmp_path) for each in arguments]
    assert main(["predict", "a.mp4", "--model", "m", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert (tmp_path / "b.mp4").read_text() == "video"


def test_an_output_that_fails_does_not_cost_the_others(tmp_path):
    outputs = ["--json", tmp_path / "gone" / "e.json", "--csv", tmp_path / "e.csv"]
    given = flags("predict", "a.mp4", "--model", "m", *outputs)
    with pytest.raises(FileNotFoundError):
        commands._write_events(given, System(tmp_path, {}, None), [], {}, {})
    assert (tmp_path / "e.csv").read_text().startswith("path,")


def test_a_model_with_its_encoders_in_it_is_told_apart(monkeypatch, capsys):
    system = System("served/ave-media/1", {"localize_media": None}, None)
    monkeypatch.setattr(commands, "read_system", lambda path: system)
    assert main(["predict", "a.mp4", "--model", "served/ave-media"]) == 2
    assert "served/ave-media/1 has its encoders in it" in capsys.readouterr().err


@pytest.mark.slow
def test_half_a_saved_model_is_named(trained, tmp_path, capsys):
    shutil.copytree(trained("sel").saved_model, tmp_path / "half")
    for path in (tmp_path / "half" / "variables").iterdir():
        path.unlink()
    assert main(["predict", "a.mp4", "--model", str(tmp_path / "half")]) == 2
    assert "half is no whole SavedModel: " in capsys.readouterr().err


def interrupt():
    raise KeyboardInterrupt


def end():
    os.kill(os.getpid(), signal.SIGTERM)  # as `kill` and batch systems do
    time.sleep(5)


def fail():
    raise RuntimeError("The decoder process failed on second.mp4")


@pytest.mark.slow
@pytest.mark.parametrize(("stop", "status"), [(interrupt, 130), (end, 130), (fail, 2)])
def test_what_was_found_before_the_end_is_written(
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
    command = [sys.executable, "-m", "avel_tf", "predict", write_video("clip.mp4", 3, loud=1)]
    command += ["--model", trained("sel").saved_model, "--csv", tmp_path / "events.csv"]
    command += ["--audio_weights", "random", "--visual_weights", "random"]
    command += ["--frames_per_segment", "1", "--encoder_precision", "float32"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "vggish has RANDOM WEIGHTS" in done.stderr
    assert "Encoding clip.mp4: 100%" in done.stderr
    assert "learned on official features" in done.stderr
    assert f"Written: {tmp_path / 'events.csv'}" in done.stdout
    assert (tmp_path / "events.csv").read_text().startswith("path,start_seconds,")
