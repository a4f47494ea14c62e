"""Official features as a source: the right row."""

import json

import h5py
import numpy as np
import pytest

from avel_tf.ave import read_annotations
from avel_tf.errors import InputError
from avel_tf.sources import OfficialSource


def test_official_reader_reads_the_row_of_the_record(feature_folder):
    annotations = read_annotations(feature_folder / "Annotations.txt")
    reader = OfficialSource(str(feature_folder), len(annotations)).open()
    # Rows 8 and 9 have the same video id.
    assert annotations[8].video_id == annotations[9].video_id
    records = list(reader.read(annotations[8:10]))
    for name in ("audio", "visual"):
        with h5py.File(feature_folder / f"{name}_feature.h5") as file:
            expected = file["avadataset"][8:10].astype("float32")
        arrays = [getattr(record, f"{name}_features") for record in records]
        np.testing.assert_array_equal(arrays, expected)
    assert [record.annotation for record in records] == annotations[8:10]
    assert reader.metadata() == {"kind": "official_features"}


def test_simulated_files_are_not_called_official(feature_folder, tmp_path):
    for path in feature_folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "simulation.json").write_text(json.dumps({"seed": 3}))
    reader = OfficialSource(str(tmp_path), 64).open()
    assert reader.metadata() == {"kind": "simulated_features", "seed": 3}


def test_official_source_is_checked_when_opened(feature_folder):
    with pytest.raises(InputError, match=r"audio_feature.h5 holds \(64, 10, 128\) .* of \(65, 10"):
        OfficialSource(str(feature_folder), 65).open()
