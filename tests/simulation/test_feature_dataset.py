import dataclasses
import json
import shutil

import h5py
import numpy as np
import pytest

from avel_tf.ave import BACKGROUND, OfficialFeatures, read_annotations, read_splits
from avel_tf.errors import InputError
from avel_tf.simulation import FeatureSimulationConfig, feature_dataset, simulate_features
from avel_tf.simulation.feature_model import FeatureModel, FeatureModelConfig
from avel_tf.utils.locks import exclusive

SMALL = FeatureSimulationConfig(num_records=300)
NUM_CLIPS = 3  # without an event


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_dataset, "NUM_BACKGROUND_CLIPS", NUM_CLIPS)
        return simulate_features(tmp_path_factory.mktemp("simulated") / "features", SMALL)


@pytest.fixture
def quick(monkeypatch):
    """Makes all features zero, which takes no time."""
    zeros = np.zeros((10, 128), "float32"), np.zeros((10, 7, 7, 512), "float32")
    monkeypatch.setattr(FeatureModel, "record", lambda *_: zeros)
    monkeypatch.setattr(feature_dataset, "NUM_BACKGROUND_CLIPS", NUM_CLIPS)


def read(folder, name):
    with h5py.File(folder / name) as file:
        return file["avadataset"][:]


@pytest.fixture(scope="module")
def annotations(folder):
    return read_annotations(folder / "Annotations.txt")


def test_the_folder_reads_like_the_official_release(folder, annotations):
    assert len(annotations) == 300
    model = FeatureModel(SMALL.seed, SMALL.model)
    with OfficialFeatures(folder, 300) as features:
        for item in annotations[::70]:
            drawn = model.record(
                item.row, item.event_category, item.start_seconds, item.end_seconds
            )
            for array, expected in zip(features.read(item.row), drawn, strict=True):
                np.testing.assert_array_equal(array, expected.astype("float16"))
    for task in ("sel", "cml"):
        splits = read_splits([folder], annotations, task)
        assert sorted(sum(splits.values(), [])) == list(range(300))
    assert not list(folder.glob(".*"))


def test_labels_match_the_annotations(folder, annotations):
    labels = read(folder, "labels.h5")
    assert labels.shape == (300, 10, 29) and (labels.sum(axis=-1) == 1).all()
    assert labels.argmax(axis=-1).tolist() == [item.segment_label for item in annotations]
    relevance = [item.event_relevance for item in annotations]
    assert read(folder, "labels_closs.h5").tolist() == relevance
    video_labels = read(folder, "mil_labels.h5")
    assert video_labels.shape == (300, 29) and (video_labels.sum(axis=-1) == 1).all()
    assert video_labels.argmax(axis=-1).tolist() == [item.event_category for item in annotations]


def test_clips_without_event_are_in_separate_files(folder):
    expected = np.eye(29)[[BACKGROUND] * NUM_CLIPS]
    np.testing.assert_array_equal(read(folder, "labels_noisy.h5"), expected)
    audio, visual = (read(folder, f"{name}_feature_noisy.h5") for name in ("audio", "visual"))
    assert visual.shape == (NUM_CLIPS, 10, 7, 7, 512)
    model = FeatureModel(SMALL.seed, SMALL.model)
    for index in range(NUM_CLIPS):
        drawn = model.record(feature_dataset.BACKGROUND_ROW + index, None, 0, 0)
        np.testing.assert_array_equal(audio[index], drawn[0].astype("float16"))
        np.testing.assert_array_equal(visual[index], drawn[1].astype("float16"))


def test_vectors_are_the_means_of_the_maps(folder):
    for suffix, count in (("", 300), ("_noisy", NUM_CLIPS)):
        vectors = read(folder, f"visual_feature{suffix}_vec.h5")
        assert vectors.shape == (count, 10, 512) and vectors.dtype == np.float16
        with h5py.File(folder / f"visual_feature{suffix}.h5") as file:
            for row in (0, count - 1):
                means = file["avadataset"][row].astype("float32").mean(axis=(1, 2))
                np.testing.assert_allclose(vectors[row], means, rtol=2e-3, atol=1e-4)


def test_written_features_are_reused(folder, monkeypatch):
    monkeypatch.setattr(feature_dataset, "FeatureModel", None)
    assert simulate_features(folder, SMALL) == folder
    assert json.loads((folder / "simulation.json").read_text())["num_records"] == 300


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"dtype": "float32"}, {"model": FeatureModelConfig(category_share=0.123)}],
)
def test_another_configuration_is_not_overwritten(folder, change):
    with pytest.raises(InputError, match="another configuration. Choose a new or empty folder"):
        simulate_features(folder, dataclasses.replace(SMALL, **change))


def test_given_annotations_are_all_used():
    with pytest.raises(ValueError, match="without `annotations_dir`. Received: num_records=300."):
        FeatureSimulationConfig(annotations_dir="AVE_Dataset", num_records=300)


def test_features_of_other_annotations_or_code_are_not_reused(
    feature_folder, tmp_path, quick, monkeypatch
):
    given = tmp_path / "given"
    shutil.copytree(feature_folder, given)
    config = FeatureSimulationConfig(annotations_dir=str(given))
    folder = simulate_features(tmp_path / "features", config)
    assert simulate_features(folder, config) == folder
    text = (given / "Annotations.txt").read_text()
    (given / "Annotations.txt").write_text(text.replace("&good&1&", "&good&0&"))
    with pytest.raises(InputError, match="of other code or annotations. Choose a new"):
        simulate_features(folder, config)
    (given / "Annotations.txt").write_text(text)
    assert simulate_features(folder, config) == folder
    monkeypatch.setattr(feature_dataset, "CODE", feature_dataset.CODE[1:])
    with pytest.raises(InputError, match="of other code or annotations. Choose a new"):
        simulate_features(folder, config)


def test_foreign_files_are_not_overwritten(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(InputError, match="other files. Choose a new or empty folder"):
        simulate_features(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_nothing_is_left_of_a_failed_run(tmp_path, monkeypatch, error):
    def fail(self, row, *_):
        if row == 2:
            raise error
        return np.zeros((10, 128)), np.zeros((10, 7, 7, 512))

    monkeypatch.setattr(FeatureModel, "record", fail)
    with pytest.raises(error):
        simulate_features(tmp_path / "features", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_run_are_cleared(tmp_path, quick):
    partial = tmp_path / ".features-partial"
    partial.mkdir()
    for name in (".lock", "audio_feature.h5", "old.h5"):
        (partial / name).write_text("half")
    folder = simulate_features(tmp_path / "features", SMALL)
    assert list(tmp_path.iterdir()) == [folder]
    assert len(list(folder.iterdir())) == 18 and not (folder / "old.h5").exists()


def test_two_runs_exclude_each_other(tmp_path, quick):
    with exclusive(tmp_path / ".features-partial"):
        with pytest.raises(RuntimeError, match="Another run is using"):
            simulate_features(tmp_path / "features", SMALL)
    assert not (tmp_path / "features").exists()


def test_given_annotations_and_splits_are_kept(feature_folder, tmp_path, quick):
    config = FeatureSimulationConfig(annotations_dir=str(feature_folder))
    folder = simulate_features(tmp_path / "features", config)
    given = read_annotations(feature_folder / "Annotations.txt")
    annotations = read_annotations(folder / "Annotations.txt")
    assert annotations == given
    for task in ("sel", "cml"):
        splits = read_splits([folder], annotations, task)
        assert splits == read_splits([feature_folder], given, task)
    assert read(folder, "audio_feature.h5").shape == (len(given), 10, 128)


def test_real_annotations_are_kept(real_data, tmp_path, quick):
    records = read_annotations(real_data / "ave" / "Annotations.txt")
    config = FeatureSimulationConfig(annotations_dir=str(real_data / "ave"))
    annotations, splits = feature_dataset.annotations_and_splits(config)
    assert annotations == records
    assert [len(splits["cml"][split]) for split in ("train", "val", "test")] == [3339, 402, 402]
    feature_dataset._write_labels(tmp_path, annotations)
    for name in ("labels_closs.h5", "mil_labels.h5"):
        with h5py.File(real_data / "ave" / name) as file:
            real = file["avadataset"][:]
        if name == "mil_labels.h5":  # of the one record without event: background in AVE's file
            real = np.delete(real, 26, axis=0)
            simulated = np.delete(read(tmp_path, name), 26, axis=0)
        else:
            simulated = read(tmp_path, name)
        np.testing.assert_array_equal(simulated, real)


def test_missing_annotations_leave_nothing_behind(tmp_path):
    config = FeatureSimulationConfig(annotations_dir=str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="nowhere/Annotations.txt does not exist"):
        simulate_features(tmp_path / "features", config)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "value"), [("num_records", 0), ("seed", -1), ("dtype", "int8")])
def test_values_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=rf"`{name}` must be .* Received: {name}={value!r}"):
        FeatureSimulationConfig(**{name: value})
