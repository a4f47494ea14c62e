import dataclasses
import json

import numpy as np
import pytest

from avel_tf import media
from avel_tf.ave import CATEGORIES, read_annotations, read_splits
from avel_tf.encoders.log_mel import log_mel_spectrogram
from avel_tf.errors import InputError
from avel_tf.simulation import SimulationConfig, render_dataset
from avel_tf.simulation import dataset as simulated
from avel_tf.simulation.categories import APPEARANCES, SIMULATED_CATEGORIES
from avel_tf.simulation.scenes import draw_frames, draw_presence, draw_waveform

SMALL = SimulationConfig(num_clips=6, num_categories=2, fps=10, width=64, height=48)


@pytest.fixture(scope="module")
def small_dataset(tmp_path_factory):
    return render_dataset(tmp_path_factory.mktemp("simulated") / "ave", SMALL)


def clip_of(folder, annotation):
    return folder / "AVE" / f"{annotation.video_id}.mp4"


def read_all(folder):
    """Reads frames and samples of the whole dataset."""
    clips = [clip_of(folder, item) for item in read_annotations(folder / "Annotations.txt")]
    frames = [media.read_frames(clip, frames_per_segment=2, size=(48, 64)) for clip in clips]
    return np.stack(frames), np.stack([media.read_waveform(clip) for clip in clips])


def test_the_folder_reads_like_ave(small_dataset):
    annotations = read_annotations(small_dataset / "Annotations.txt")
    assert len(annotations) == 6
    assert sorted(path.name for path in (small_dataset / "AVE").iterdir()) == sorted(
        f"{item.video_id}.mp4" for item in annotations
    )
    lines = (small_dataset / "Annotations.txt").read_text().splitlines()
    assert lines[0] == "Category&VideoID&Quality&StartTime&EndTime"
    splits = read_splits([small_dataset], annotations, "sel")
    for split, rows in splits.items():
        set_lines = (small_dataset / f"{split}Set.txt").read_text().splitlines()
        assert set_lines == [lines[1 + row] for row in rows]
    read_splits([small_dataset], annotations, "cml")


@pytest.mark.parametrize("num_clips", [24, 96, 101])
def test_every_category_is_in_every_split_and_queries_are_short(num_clips):
    config = SimulationConfig(num_clips=num_clips)
    annotations = simulated.draw_annotations(config)
    assert [item.row for item in annotations] == list(range(num_clips))
    for only_short in (False, True):
        splits = simulated.draw_splits(annotations, 0, only_short=only_short)
        assert sorted(sum(splits.values(), [])) == list(range(num_clips))
        for rows in splits.values():
            assert {annotations[row].category for row in rows} == set(SIMULATED_CATEGORIES)
        if only_short:
            held_out = [annotations[row] for row in splits["val"] + splits["test"]]
            assert max(item.event_length for item in held_out) < 10


def test_annotations_have_the_pitfalls_of_ave():
    annotations = simulated.draw_annotations(SimulationConfig())
    assert {len(item.video_id) for item in annotations} == {11}
    assert len({item.video_id for item in annotations}) == 96
    assert {"-", "_"} <= {item.video_id[0] for item in annotations}
    assert {"Male speech, man speaking", "Frying (food)"} <= set(SIMULATED_CATEGORIES)
    assert set(SIMULATED_CATEGORIES) <= set(CATEGORIES)
    lengths = np.array([item.event_length for item in annotations])
    assert lengths.min() >= 2
    assert 0.5 < (lengths < 10).mean() < 0.7
    assert len({item.start_seconds for item in annotations if item.event_length < 10}) > 4


def test_an_event_is_exactly_what_is_both_seen_and_heard():
    generator = np.random.default_rng(0)
    kinds = set()
    for annotation in simulated.draw_annotations(SimulationConfig()):
        seen, heard = draw_presence(annotation, generator)
        np.testing.assert_array_equal(seen & heard, annotation.event_relevance)
        kinds |= set(zip(seen.tolist(), heard.tolist(), strict=True))
    assert len(kinds) == 4


def test_the_object_is_drawn_in_the_seconds_that_show_it():
    seen = np.arange(10) % 3 == 0
    for appearance in APPEARANCES.values():
        frames = np.stack(
            list(draw_frames(appearance, seen, SMALL, np.random.default_rng(0)))
        ).reshape(10, SMALL.fps, 48, 64, 3)
        background = frames[1, 0]
        changed = (frames != background).any(axis=-1).mean(axis=(2, 3))  # share of the frame
        np.testing.assert_array_equal(changed[~seen], 0)
        assert changed[seen].min() > 0.02


def test_decoded_clips_show_and_sound_what_was_decided(tmp_path, monkeypatch):
    seen, heard = np.arange(10) % 3 == 0, np.arange(10) % 2 == 0
    monkeypatch.setattr(simulated, "draw_presence", lambda annotation, generator: (seen, heard))
    config = dataclasses.replace(SMALL, num_clips=24, num_categories=8)
    for annotation in simulated.draw_annotations(config)[::3]:
        path = tmp_path / "clip.mp4"
        simulated._write_clip(path, annotation, config)
        loudness = media.read_waveform(path).std(axis=1)
        assert loudness[heard].min() > 2 * loudness[~heard].max(), annotation.category
        pictures = media.read_frames(path, size=(48, 64))[:, :, ::4, ::4].astype(int)
        difference = abs(pictures - pictures[~seen].mean(axis=(0, 1))).max(axis=(1, 2, 3, 4))
        assert difference[seen].min() > 1.5 * difference[~seen].max(), annotation.category


def test_the_same_configuration_gives_the_same_frames_and_sound(small_dataset, tmp_path):
    again = render_dataset(tmp_path / "again", SMALL)
    other = render_dataset(tmp_path / "other", dataclasses.replace(SMALL, seed=1))
    for name in ("Annotations.txt", "trainSet.txt", "testSet.txt"):
        assert (again / name).read_text() == (small_dataset / name).read_text()
        assert (again / name).read_text() != (other / name).read_text()
    for first, second, third in zip(*map(read_all, (small_dataset, again, other)), strict=True):
        np.testing.assert_array_equal(first, second)
        assert (first != third).mean() > 0.5


def test_a_linear_readout_classifies_sounds_of_unheard_clips():
    config = SimulationConfig()
    sounds, categories = [], []
    for clip in range(12):
        for category, appearance in enumerate(APPEARANCES.values()):
            generator = np.random.default_rng([clip, category])
            waveform = draw_waveform(appearance, np.arange(10) < 2, config, generator)
            seconds = waveform.reshape(10, 16000)[[0, 5]]
            sounds.append(log_mel_spectrogram(seconds).mean(axis=1))
            categories.append((category, len(APPEARANCES)))
    features, targets = np.concatenate(sounds), np.eye(9)[np.ravel(categories)]
    features = np.append(features, np.ones((len(features), 1)), axis=1)
    train = len(features) // 2
    gram = features[:train].T @ features[:train] + 10 * np.eye(features.shape[1])
    readout = np.linalg.solve(gram, features[:train].T @ targets[:train])
    guesses = (features[train:] @ readout).argmax(axis=1)
    assert (guesses == targets[train:].argmax(axis=1)).mean() > 0.9


def test_a_rendered_folder_is_reused(small_dataset, monkeypatch):
    monkeypatch.setattr(simulated, "write_clip", None)
    assert render_dataset(small_dataset, SMALL) == small_dataset
    assert json.loads((small_dataset / "simulation.json").read_text())["num_clips"] == 6


def test_another_configuration_is_not_overwritten(small_dataset):
    with pytest.raises(InputError, match=r"another configuration: seed=0, not 5\. Choose another"):
        render_dataset(small_dataset, dataclasses.replace(SMALL, seed=5))


def test_clips_of_other_code_are_not_reused(small_dataset, monkeypatch):
    monkeypatch.setattr(simulated, "CODE", simulated.CODE[1:])
    with pytest.raises(InputError, match="clips drawn by other code. Choose another folder"):
        render_dataset(small_dataset, SMALL)


def test_foreign_files_are_not_overwritten(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(InputError, match="no simulated dataset. Choose a new or empty folder"):
        render_dataset(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_nothing_is_left_of_a_failed_run(tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise OSError("disk full")

    monkeypatch.setattr(simulated, "write_clip", fail)
    with pytest.raises(OSError, match="disk full"):
        render_dataset(tmp_path / "ave", SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_clips", 0),
        ("num_clips", 23),
        ("num_categories", 9),
        ("seed", -1),
        ("fps", 0),
        ("width", 161),
        ("height", 30),
        ("sample_rate_hz", 8000),
    ],
)
def test_values_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=rf"`{name}` must be .* Received: {name}={value}\."):
        SimulationConfig(**{name: value})
