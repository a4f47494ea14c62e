"""A release's clips without an event: from its files to weakly supervised training."""

import shutil

import h5py
import numpy as np
import pytest

from avel_tf.ave import BACKGROUND, read_annotations
from avel_tf.configuration import ExtractionConfig, TrainingConfig
from avel_tf.errors import InputError
from avel_tf.extraction.job import extract
from avel_tf.records import (
    DatasetFolder,
    parse_examples,
    read_schema,
    read_shard,
    read_split,
    shard_paths,
)
from avel_tf.records.validation import find_anomalies, write_statistics
from components.artifacts import Examples

NUM_CLIPS = 5


@pytest.fixture(scope="module")
def release(feature_folder, tmp_path_factory):
    """A feature release with clips without an event."""
    folder = tmp_path_factory.mktemp("release") / "features"
    shutil.copytree(feature_folder, folder)
    random = np.random.default_rng(1)
    for name, shape in (("audio", (10, 128)), ("visual", (10, 7, 7, 512))):
        with h5py.File(folder / f"{name}_feature_noisy.h5", "w") as file:
            file["avadataset"] = random.random((NUM_CLIPS, *shape), np.float32)
    return folder


@pytest.fixture(scope="module")
def examples(release, tmp_path_factory):
    """Its dataset for supervised localization."""
    folder = tmp_path_factory.mktemp("examples")
    working_dir = tmp_path_factory.mktemp("working")
    config = ExtractionConfig("sel", features_dir=str(release), records_per_shard=8)
    metadata = extract(config, folder, working_dir, working_dir)
    assert metadata["num_records"] == {"train": 40, "val": 12, "test": 12, "background": NUM_CLIPS}
    return folder


def test_clips_become_records_of_background(release, examples):
    serialized = [
        each for path in shard_paths(examples / "Split-background") for each in read_shard(path)
    ]
    parsed = {name: value.numpy() for name, value in parse_examples(serialized).items()}
    assert set(parsed["category"]) == {b"Background"}
    assert (parsed["event_category"] == BACKGROUND).all()
    assert (parsed["segment_label"] == BACKGROUND).all()
    assert not parsed["event_relevance"].any() and not parsed["event_length"].any()
    first = len(read_annotations(release / "Annotations.txt"))
    assert sorted(parsed["record_id"]) == list(range(first, first + NUM_CLIPS))
    with h5py.File(release / "audio_feature_noisy.h5") as file:
        expected = file["avadataset"][:][parsed["record_id"] - first]
    np.testing.assert_array_equal(parsed["audio_features"], expected.astype("float16"))
    records = DatasetFolder(examples).annotations()
    assert [item.event_category for item in records["background"]] == [BACKGROUND] * NUM_CLIPS


def test_the_schema_allows_them(examples, tmp_path):
    path = tmp_path / "FeatureStats.pb"
    write_statistics(examples / "Split-background", path, ())
    assert (
        find_anomalies("background", path, ("Background",), read_schema(of_background=True))[0]
        == []
    )


def test_cross_modality_localization_has_none(release, tmp_path):
    for name in ("output", "working"):
        (tmp_path / name).mkdir()
    config = ExtractionConfig("cml", features_dir=str(release))
    metadata = extract(config, tmp_path / "output", tmp_path / "working", tmp_path)
    assert "background" not in metadata["num_records"]


def test_a_release_lists_them_among_its_inputs(release):
    names = [path.name for path in ExtractionConfig("sel", features_dir=str(release)).input_paths]
    assert {"audio_feature_noisy.h5", "visual_feature_noisy.h5"} <= set(names)


def test_annotations_cannot_name_background(tmp_path):
    (tmp_path / "Annotations.txt").write_text("Background&abc&good&0&10\n")
    with pytest.raises(InputError, match="category of clips without an annotation"):
        read_annotations(tmp_path / "Annotations.txt")


@pytest.mark.slow
def test_weak_training_adds_them(examples, run_training, monkeypatch):
    from avel_tf.training import train as training

    monkeypatch.setattr(training, "export_model", lambda *_: None)  # tested elsewhere
    config = TrainingConfig(
        "sel", "audio", supervision="weak", batch_size=16, epochs=1, devices="cpu"
    )
    seen = []
    batch_arrays = training.batch_arrays

    def recording(arrays, *arguments, **keywords):
        seen.append(arrays["event_category"])
        return batch_arrays(arrays, *arguments, **keywords)

    monkeypatch.setattr(training, "batch_arrays", recording)
    run_training(config, examples)
    train, val = seen
    assert len(train) == 40 + NUM_CLIPS and (train == BACKGROUND).sum() == NUM_CLIPS
    assert len(val) == 12 and (val < BACKGROUND).all()
    # The arrays that all callers share were not changed.
    names = tuple(sorted({"audio_features", "visual_features", *training.LABELS}))
    dataset = DatasetFolder(examples)
    assert len(read_split(dataset, "train", names, True)["event_category"]) == 40


def test_weak_training_without_them_says_what_to_do(run_training, examples_folder):
    config = TrainingConfig("sel", "audio", supervision="weak")
    with pytest.raises(InputError, match=r"`background`. .* audio_feature_noisy.h5 and"):
        run_training(config, examples_folder("sel"))


def test_examples_have_the_split(examples):
    artifact = Examples(str(examples))
    artifact.splits = ["train", "val", "test", "background"]
    assert artifact.split_path("background").is_dir()
