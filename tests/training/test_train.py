"""Training on a small dataset: learning, choice of epoch, history, and what it refuses."""

import dataclasses
import json

import numpy as np
import pytest

from avel_tf import metrics
from avel_tf.configuration import ModelConfig, TrainingConfig
from avel_tf.errors import InputError
from avel_tf.training import train as training
from tests.eager import eagerly
from tests.training.runs import TINY, assert_same_weights, read_history


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_learns(trained, task):
    run = trained(task)
    history = read_history(run.run_folder)
    # An untrained model gets one category at best, and a random one of at least two windows.
    assert history[0]["val_accuracy"] < 0.7
    assert run.result.val_accuracy > 0.9
    assert history[-1]["loss"] < history[0]["loss"] / 2
    # Without the moving averages of normalization.
    assert run.result.parameters == sum(
        weight.numpy().size for weight in run.load().trainable_weights
    )


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_history_has_every_output_and_split(trained, task):
    run = trained(task)
    history = read_history(run.run_folder)
    assert [row["epoch"] for row in history] == list(range(1, run.result.epochs + 1))
    scored = metrics.monitored_logs(run.load().output)
    names = {"loss", "audio_relevance_logits_loss", "visual_relevance_logits_loss", *scored}
    assert len(scored) == {"sel": 1, "cml": 2}[task]
    assert names | {f"val_{name}" for name in names} | {"val_accuracy"} <= history[0].keys()
    for row in history:
        assert row["val_accuracy"] == np.mean([row[f"val_{name}"] for name in scored])
    for name in ("train", "validation"):  # for TensorBoard
        assert list((run.run_folder / run.config.run_name / name).glob("events.out.tfevents.*"))
    settings = json.loads((run.model_folder / "configuration.json").read_text())
    assert TrainingConfig(**settings | {"model": ModelConfig(**settings["model"])}) == run.config


@pytest.mark.slow
@eagerly()
def test_curves_and_accuracies_on_made_up_features_are_named_so(
    run_training, examples_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(training, "export_model", lambda *_: None)  # tested elsewhere
    for name in ("Split-train", "Split-val", "records.csv"):
        (tmp_path / name).symlink_to(examples_folder("cml") / name)
    metadata = json.loads((examples_folder("cml") / "dataset.json").read_text())
    metadata["source"] = {"kind": "simulated_features"}
    (tmp_path / "dataset.json").write_text(json.dumps(metadata))
    run = run_training(TINY, tmp_path)
    assert (run.run_folder / f"{TINY.run_name}-simulated_features" / "train").is_dir()
    assert run.result.data == "simulated features"
    assert run.result.caution.startswith("From simulated features: ")
    assert "Training on simulated features: " in capsys.readouterr().err


@pytest.mark.slow
def test_stops_early_and_exports_the_best_epoch(
    trained, run_training, examples_folder, tmp_path, monkeypatch
):
    run = trained("cml")
    values = [row["val_accuracy"] for row in read_history(run.run_folder)]
    best = run.result.best_epoch
    assert values[best - 1] == max(values) > max(values[: best - 1], default=0)
    assert len(values) == best + run.config.patience < run.config.epochs

    # A run that ends with that epoch and sees no test split has the same weights.
    monkeypatch.setattr(training, "export_model", lambda *_: None)  # of a model just like that one
    for name in ("Split-train", "Split-val", "dataset.json", "records.csv"):
        (tmp_path / name).symlink_to(examples_folder("cml") / name)
    config = dataclasses.replace(run.config, epochs=best, devices="cpu")
    repeated = run_training(config, tmp_path)
    assert repeated.result.best_epoch == repeated.result.epochs == best
    assert_same_weights(repeated.load(), run.load())
    assert read_history(repeated.run_folder) == read_history(run.run_folder)[:best]


def test_val_must_be_able_to_rank_epochs(run_training, tmp_path):
    (tmp_path / "dataset.json").write_text('{"num_records": {"train": 1, "val": 1}}')
    lines = ["split,row,category,video_id,start_seconds,end_seconds"]
    lines += ["train,0,Bark,a,2,5", "val,1,Bark,b,0,10", "val,2,Bark,c,3,3"]
    (tmp_path / "records.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match="None of the 2 val records has an event that is shorter"):
        run_training(TrainingConfig("cml"), tmp_path)
