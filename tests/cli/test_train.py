"""`avel train` and `avel evaluate`: from a dataset to a model and its report."""

import json
import pathlib

import pytest

from avel_tf.training import train
from pipelines.command import main
from tests.eager import eagerly

FLAGS = ("--units", "16", "--num_heads", "1", "--epochs", "3", "--batch_size", "20")


@pytest.mark.slow
@eagerly()
def test_a_dataset_becomes_a_model_and_a_report(examples_folder, tmp_path, monkeypatch, capsys):
    dataset, model = str(examples_folder("cml")), tmp_path / "models" / "mine"

    def stop(*_):
        raise KeyboardInterrupt

    command = ["train", dataset, str(model), *FLAGS]
    with monkeypatch.context() as patch:
        patch.setattr(train, "export_model", stop)
        assert main(command) == 130
    assert "Stopped. The same command resumes." in capsys.readouterr().err
    assert not model.exists()
    with monkeypatch.context() as patch:
        patch.setattr(train, "fit_model", lambda *_: pytest.fail("all epochs were trained"))
        assert main(command) == 0
    assert "of 3, " in capsys.readouterr().out
    assert [path.name for path in model.parent.iterdir()] == ["mine"]
    assert json.loads((model / "configuration.json").read_text())["model"]["units"] == 16
    assert (model / "run" / "history.csv").is_file()

    assert main(["evaluate", str(model), dataset]) == 0
    printed = capsys.readouterr().out
    assert "95 % interval" in printed and "random window" in printed
    report = pathlib.Path(printed.split("Report: ")[1].strip())
    assert report == tmp_path / "models" / "mine-evaluation" / "report.html"
    assert "Cross-modality localization: dam" in report.read_text()
    metrics = json.loads(report.with_name("metrics.json").read_text())
    assert (metrics["data"], metrics["caution"]) == ("official features", "")
    assert main(["evaluate", str(model), dataset]) == 2
    assert "mine-evaluation exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "none", "out"], "none/dataset.json does not exist. Give the folder"),
        (["train", "plain", "out"], "plain has no labels. Extract the AVE release"),
        (["train", "labelled", "."], "exists. Give another MODEL"),
        (["train", "labelled", "out", "--epochs", "0"], "`--epochs` must be a positive integer"),
        (["train", "labelled", "out", "--system", "avdln"], "`--system` must be one of"),
        (["evaluate", "none", "labelled"], "none/configuration.json does not exist"),
        (["evaluate", "model", "labelled"], "model is for cml, but"),
    ],
)
def test_wrong_inputs_end_with_a_clear_error(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, content in (("plain", {}), ("labelled", {"task": "sel"})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dataset.json").write_text(json.dumps(content))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "configuration.json").write_text('{"task": "cml"}')
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
