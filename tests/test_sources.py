"""Readers of both sources: the right record, and what made it."""

import importlib.metadata
import json
import pickle
import shutil

import h5py
import numpy as np
import pytest

from avel_tf.ave import Annotation, DataError, read_annotations
from avel_tf.media import MediaError
from avel_tf.sources import MediaSource, OfficialSource, open_source

FRAMES = 1


@pytest.fixture(autouse=True)
def _forget_readers():
    yield
    open_source.cache_clear()


def test_official_reader_reads_the_row_of_the_record(feature_folder):
    annotations = read_annotations(feature_folder / "Annotations.txt")
    reader = OfficialSource(str(feature_folder), len(annotations)).open()
    # Rows 8 and 9 have the same video id.
    assert annotations[8].video_id == annotations[9].video_id
    records = [reader.read(annotation) for annotation in annotations[8:10]]
    for name in ("audio", "visual"):
        with h5py.File(feature_folder / f"{name}_feature.h5") as file:
            expected = file["avadataset"][8:10].astype("float32")
        arrays = [getattr(record, f"{name}_features") for record in records]
        np.testing.assert_array_equal(arrays, expected)
    assert [record.annotation for record in records] == annotations[8:10]
    assert reader.metadata() == {"kind": "official_features"}


def test_official_source_is_checked_when_opened(feature_folder):
    with pytest.raises(DataError, match=r"audio_feature.h5 holds \(64, 10, 128\) .* of \(65, 10"):
        OfficialSource(str(feature_folder), 65).open()


@pytest.mark.parametrize(
    "source",
    [OfficialSource("features", 3), MediaSource("clips", "random", "random", FRAMES)],
    ids=["official", "media"],
)
def test_source_travels_to_workers(source):
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source and hash(copy) == hash(source)


def test_reader_is_made_once_a_process(feature_folder):
    source = OfficialSource(str(feature_folder), 64)
    assert open_source(source) is open_source(OfficialSource(str(feature_folder), 64))


def test_missing_clips_folder_is_named(tmp_path):
    source = MediaSource(str(tmp_path / "AVE"), "random", "random", FRAMES)
    with pytest.raises(DataError, match=r"AVE is no folder. `--data_root` must hold Annotations"):
        source.open()


@pytest.mark.slow
def test_media_reader_on_a_real_clip(real_data, tmp_path):
    shutil.copy(real_data / "clips" / "llp_BjCEufrlXm4.mp4", tmp_path / "-video.mp4")
    reader = MediaSource(str(tmp_path), "random", "random", FRAMES).open()

    record = reader.read(Annotation(5, "Bark", "-video", 0, 4))
    assert record.annotation.row == 5
    for array in (record.audio_features, record.visual_features):
        assert array.dtype == np.float32
        assert array.min() >= 0 and array.any(axis=tuple(range(1, array.ndim))).all()
        assert np.isfinite(array).all()

    with pytest.raises(MediaError) as error:
        reader.read(Annotation(6, "Bark", "other", 0, 4))
    assert error.value.reason == "missing_file"

    metadata = reader.metadata()
    assert json.loads(json.dumps(metadata)) == metadata
    assert metadata["kind"] == "media"
    assert metadata["frames_per_segment"] == FRAMES
    assert metadata["decoder"] == f"av {importlib.metadata.version('av')}"
    digests = {metadata[f"{kind}_encoder"]["weights_sha256"] for kind in ("visual", "audio")}
    assert len(digests) == 2
