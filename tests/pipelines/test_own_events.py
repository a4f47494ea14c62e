"""Videos and events of one's own: from a folder and a list to a served model that predicts."""

import csv
import json
import pathlib

import keras
import numpy as np
import pytest
from keras import layers

from avel_tf.media import write_clip
from tests import programs

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
RUNNER = CHECKOUT / "pipelines" / "local_runner.py"
AVEL = CHECKOUT / "avel_tf" / "__main__.py"
SECONDS, FPS, RATE_HZ = 6, 4, 16000
EVENTS = {"high beep, red": (0, 2000), "low beep, blue": (2, 200)}  # color channel, Hz


def write_video(path, seconds, events):
    """Writes a gray and silent video with colored, loud events: category, start, end."""
    frames = np.full((seconds * FPS, 32, 48, 3), 60, np.uint8)
    time = np.arange(seconds * RATE_HZ) / RATE_HZ
    sound = 0.01 * np.sin(2 * np.pi * 600 * time)
    for name, start, end in events:
        channel, hz = EVENTS[name]
        frames[start * FPS : end * FPS, ..., channel] = 250
        part = slice(start * RATE_HZ, end * RATE_HZ)
        sound[part] = 0.5 * np.sin(2 * np.pi * hz * time[part])
    write_clip(path, frames, size=(32, 48), fps=FPS, waveform=sound, sample_rate_hz=RATE_HZ)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A folder of 24 videos and a list of their events, some of which cannot be used."""
    folder = tmp_path_factory.mktemp("own") / "videos"
    (folder / "day two").mkdir(parents=True)
    random = np.random.default_rng(0)
    rows = []
    for number in range(24):
        name = f"day two/{number}.mp4" if number % 2 else f"{number}.mp4"
        seconds = SECONDS + number % 3  # one window of six seconds, some with a short rest
        start = int(random.integers(0, 3))
        event = [*EVENTS][number // 2 % 2], start, start + 3
        write_video(folder / name, seconds, [event])
        rows.append([name, event[1] + 0.2, event[2] - 0.2, event[0]])
    write_video(folder / "quiet.mp4", SECONDS, [])
    write_video(folder / "unlisted.mp4", SECONDS, [])
    rows += [["quiet.mp4", "", "", ""], ["0.mp4", 5, 4, "high beep, red"]]
    with (folder.parent / "events.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "start", "end", "event"], *rows])
    return folder


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Model files that see the mean color of quarters, and hear loudness by frequency."""
    folder = tmp_path_factory.mktemp("encoders")
    colors = [keras.Input((32, 48, 3)), layers.Rescaling(1 / 255), layers.AvgPool2D((16, 24))]
    keras.Sequential(colors).save(folder / "colors.keras")
    hearing = keras.Sequential(
        [
            keras.Input((16000,)),
            layers.Reshape((16000, 1)),
            layers.STFTSpectrogram(frame_length=512, frame_step=512, fft_length=512),
            layers.GlobalAveragePooling1D(),
            layers.Rescaling(0.1),
        ]
    )
    hearing.save(folder / "hearing.keras")
    return [
        "--visual_encoder",
        folder / "colors.keras",
        "--audio_encoder",
        folder / "hearing.keras",
    ]


def run(*arguments, status=0):
    result = programs.run(RUNNER, *arguments, shares_imports=True)
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def trained(videos, encoders, tmp_path_factory):
    """Output root, and what the screen said."""
    root = tmp_path_factory.mktemp("run")
    arguments = ["--config", "own", "--data_root", videos, "--events", videos.parent / "events.csv"]
    arguments += ["--window_seconds", 6, "--frames_per_segment", 2, "--epochs", 30]
    arguments += ["--system", "audio_visual", "--learning_rate", 0.005, "--output_root", root]
    return root, run(*arguments, *encoders)


@pytest.mark.slow
def test_a_folder_and_a_list_become_a_served_model(trained):
    root, screen = trained
    assert "24 videos" in screen or "25 videos" in screen
    assert "unlisted" in screen or "not in the list" in screen or "1 video" in screen
    (served,) = (root / "served" / "own-sel-audio_visual").glob("[0-9]*")
    labels = (served / "assets" / "labels.txt").read_text().splitlines()
    assert labels == ["high beep, red", "low beep, blue", "Background"]
    (dataset,) = (root / "artifacts" / "AveExampleGen" / "examples").iterdir()
    described = json.loads((dataset / "dataset.json").read_text())["description"]
    assert described["categories"] == labels[:2] and described["num_segments"] == 6
    assert described["visual_shape"] == [2, 2, 3]
    with (dataset / "rejects.csv").open(newline="") as file:
        (reject,) = csv.DictReader(file)
    assert reject["video_id"] == "0.mp4" and reject["reason"] == "end_before_start"
    (report,) = (root / "artifacts" / "Evaluator" / "evaluation").glob("*/report.html")
    assert "low beep, blue" in report.read_text()


@pytest.mark.slow
def test_it_finds_the_events_of_another_video_by_itself(trained, tmp_path):
    """A video of two windows and a rest; the command names neither encoders nor weights."""
    root, _ = trained
    events = [("low beep, blue", 1, 4), ("high beep, red", 7, 10)]
    write_video(tmp_path / "new.mp4", 14, events)
    command = [tmp_path / "new.mp4", "--model", root / "served" / "own-sel-audio_visual"]
    command += ["--json", tmp_path / "events.json", "--labels", tmp_path]
    done = programs.run(AVEL, "predict", *command)
    assert done.returncode == 0, done.stderr
    (clip,) = json.loads((tmp_path / "events.json").read_text())["clips"]
    found = clip["events"]
    assert [event["category"] for event in found] == [name for name, _, _ in events]
    for event, (name, start, end) in zip(found, events, strict=True):
        # A second at an edge depends on the training, which differs between processors.
        assert abs(event["start_seconds"] - start) <= 1 and abs(event["end_seconds"] - end) <= 1
        row = f"{event['start_seconds']}.000000\t{event['end_seconds']}.000000\t{name}\n"
        assert row in (tmp_path / "new.txt").read_text()
        assert f"\n{name} " in (tmp_path / "new.vtt").read_text()


@pytest.mark.slow
def test_other_encoders_are_refused(trained, encoders, tmp_path):
    root, _ = trained
    write_video(tmp_path / "new.mp4", 6, [])
    layer = layers.AvgPool2D((8, 12))
    keras.Sequential([keras.Input((32, 48, 3)), layer]).save(tmp_path / "other.keras")
    command = [tmp_path / "new.mp4", "--model", root / "served" / "own-sel-audio_visual"]
    other = ["--visual_encoder", tmp_path / "other.keras"]
    done = programs.run(AVEL, "predict", *command, *other)
    assert done.returncode == 2
    assert "features of other encoders: visual_encoder.name: " in done.stderr
