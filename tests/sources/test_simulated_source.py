"""Simulated features, drawn on the fly."""

import h5py
import numpy as np

from avel_tf.ave import BACKGROUND_NAME, Annotation, read_annotations
from avel_tf.records.description import AVE
from avel_tf.simulation import FeatureSimulationConfig, feature_dataset, simulate_features
from avel_tf.simulation.ave_annotations import MIN_RECORDS
from avel_tf.sources import SimulatedSource


def test_records_equal_those_of_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_dataset, "NUM_BACKGROUND_CLIPS", 4)  # the clips take long to draw
    config = FeatureSimulationConfig(num_records=MIN_RECORDS, dtype="float32")
    folder = simulate_features(tmp_path / "features", config)
    annotations = read_annotations(folder / "Annotations.txt")
    clip = Annotation(len(annotations) + 3, BACKGROUND_NAME, "background-003", 0, 0)
    reader = SimulatedSource(config, len(annotations)).resolve().open()
    items = [annotations[7], clip]
    for record, suffix, row in zip(reader.read(items), ("", "_noisy"), (7, 3), strict=True):
        for name, features in record.padded_features(AVE).items():
            modality = name.partition("_")[0]
            with h5py.File(folder / f"{modality}_feature{suffix}.h5") as file:
                np.testing.assert_array_equal(features, file["avadataset"][row])
    assert reader.metadata()["kind"] == "simulated_features"
    assert reader.metadata()["seed"] == config.seed
    reader.close()
