import pathlib

from avel_tf.evaluation.evaluation_folder import EvaluationFolder


def test_paths_lie_in_the_folder():
    folder = EvaluationFolder(pathlib.Path("/root/1"))
    paths = (folder.metrics_path, folder.records_path, folder.report_path)
    names = [str(path.relative_to("/root/1")) for path in paths]
    assert names == ["metrics.json", "records.npz", "report.html"]
