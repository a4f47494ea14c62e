import json
import pathlib

import numpy as np

from avel_tf.evaluation.evaluation_folder import EvaluationFolder
from avel_tf.evaluation.record_accuracies import RecordAccuracies


def test_paths_lie_in_the_folder():
    folder = EvaluationFolder(pathlib.Path("/root/1"))
    paths = (folder.metrics_path, folder.records_path, folder.report_path)
    names = [str(path.relative_to("/root/1")) for path in paths]
    assert names == ["metrics.json", "records.npz", "report.html"]


def test_scores_are_read_back(tmp_path):
    accuracies = RecordAccuracies("segment_accuracy", np.array([3]), np.array([0.5]))
    folder = EvaluationFolder(tmp_path)
    folder.write_scores({"primary_metric": "segment_accuracy"}, accuracies)
    assert json.loads(folder.metrics_path.read_text()) == {"primary_metric": "segment_accuracy"}
    assert RecordAccuracies.load(folder.records_path).accuracy.tolist() == [0.5]
