"""A simulated dataset passes through AVE's own door, repeats by seed, and shows what it says."""

import dataclasses
import pathlib

import numpy as np
import pytest

from avel_tf import ave, media, simulation
from avel_tf.simulation import dataset, scenes
from avel_tf.simulation.categories import SIMULATED_CATEGORIES

CONFIG = simulation.SimulationConfig(num_clips=9, num_categories=3, fps=8, width=64, height=48)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulation.render_dataset(tmp_path_factory.mktemp("simulated") / "clips", CONFIG)


def read_records(folder):
    return ave.read_annotations(folder / "Annotations.txt")


def clip(folder, annotation):
    return folder / "AVE" / f"{annotation.video_id}.mp4"


def test_both_splits_cover_the_records_with_every_category_in_each(folder):
    annotations = read_records(folder)
    assert len(annotations) == CONFIG.num_clips
    for task in ("sel", "cml"):
        splits = ave.read_splits([folder], annotations, task)
        assert sorted(sum(splits.values(), [])) == list(range(CONFIG.num_clips))
        for rows in splits.values():
            assert len({annotations[row].category for row in rows}) == CONFIG.num_categories


def test_set_files_and_order_files_name_the_same_records(folder, tmp_path):
    annotations = read_records(folder)
    for path in folder.glob("*Set.txt"):
        (tmp_path / path.name).write_text(path.read_text())
    from_sets = ave.read_splits([tmp_path], annotations, "sel")
    assert from_sets == ave.read_splits([folder], annotations, "sel")


def test_cross_modality_tests_have_something_to_localize():
    config = simulation.SimulationConfig()
    annotations = dataset.draw_annotations(config)
    splits = dataset.draw_splits(annotations, config.seed, only_short=True)
    lengths = [annotations[row].event_length for row in splits["val"] + splits["test"]]
    assert min(lengths) >= 2 and max(lengths) < 10


def test_names_are_those_that_trip_readers_up():
    annotations = dataset.draw_annotations(simulation.SimulationConfig())
    assert {item.video_id[0] for item in annotations} >= {"-", "_"}
    assert {len(item.video_id) for item in annotations} == {11}
    assert {"Male speech, man speaking", "Frying (food)"} <= {i.category for i in annotations}
    assert set(SIMULATED_CATEGORIES) <= set(ave.CATEGORIES)


def test_clips_last_ten_seconds_in_picture_and_sound(folder):
    annotation = read_records(folder)[0]
    frames = media.read_frames(clip(folder, annotation), frames_per_segment=2)
    assert frames.shape == (10, 2, 224, 224, 3)
    assert media.read_waveform(clip(folder, annotation)).shape == (10, 16000)


def test_events_are_seen_and_heard_where_the_annotation_says(folder):
    """Louder than the quietest second, and another picture than the emptiest one."""
    shorts = [item for item in read_records(folder) if item.event_length < 10]
    assert shorts
    for annotation in shorts:
        event = np.array(annotation.event_relevance, bool)
        level = media.read_waveform(clip(folder, annotation)).std(axis=1)
        frames = media.read_frames(clip(folder, annotation), frames_per_segment=1)[:, 0]
        contrast = frames.astype(np.float32).std(axis=(1, 2)).mean(axis=1)
        assert level[event].min() > 2 * level[~event].min()
        assert contrast[event].min() > contrast[~event].min()


def test_background_is_seen_alone_heard_alone_or_neither():
    config = simulation.SimulationConfig(num_clips=60, num_categories=3)
    kinds = set()
    for annotation in dataset.draw_annotations(config):
        generator = np.random.default_rng(annotation.row)
        seen, heard = scenes.draw_presence(annotation, generator)
        event = np.array(annotation.event_relevance, bool)
        assert (seen & heard == event).all()
        kinds |= set(zip(seen[~event].tolist(), heard[~event].tolist()))
    assert kinds == {(True, False), (False, True), (False, False)}


def test_the_same_seed_gives_the_same_pictures_and_sound(folder, tmp_path):
    again = simulation.render_dataset(tmp_path / "again", CONFIG)
    other = simulation.render_dataset(
        tmp_path / "other", dataclasses.replace(CONFIG, seed=CONFIG.seed + 1)
    )
    assert read_records(again) == read_records(folder) != read_records(other)
    first = read_records(folder)[0]
    for reader in (media.read_waveform, media.read_frames):
        expected = reader(clip(folder, first))
        np.testing.assert_array_equal(reader(clip(again, first)), expected)
        assert not np.array_equal(reader(clip(other, read_records(other)[0])), expected)


def test_a_finished_dataset_is_used_again_and_another_is_refused(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    simulation.render_dataset(folder, CONFIG)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    with pytest.raises(ValueError, match="seed=0, not 5.*Name another folder"):
        simulation.render_dataset(folder, dataclasses.replace(CONFIG, seed=5))


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match="Name a new or empty folder"):
        simulation.render_dataset(tmp_path, CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_failed_rendering_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(dataset, "_write_clip", fail)
    with pytest.raises(OSError, match="No space left"):
        simulation.render_dataset(tmp_path / "clips", CONFIG)
    assert list(pathlib.Path(tmp_path).iterdir()) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_clips": 0}, "`num_clips` must be a positive integer. Received: num_clips=0"),
        ({"num_clips": 5}, "`num_clips` must be at least 3 for each of 8 categories"),
        ({"num_categories": 29}, "`num_categories` must be at most"),
        ({"width": 33}, "`width` must be an even number"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        simulation.SimulationConfig(**values)
