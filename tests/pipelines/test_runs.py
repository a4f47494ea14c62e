"""The table of runs and their comparison, from a lineage that real components wrote."""

import argparse

import numpy as np
import pytest

from avel_tf.errors import InputError
from avel_tf.evaluation.record_accuracies import RecordAccuracies
from components.lineage import Lineage
from pipelines import configs, runs
from pipelines.ave_pipeline import create_pipeline
from pipelines.command import main

RUN = {
    "task": "sel",
    "system": "audio",
    "settings": "ave",
    "supervision": "full",
    "seed": 3,
    "data": "simulated features",
}


@pytest.fixture
def root(tmp_path):
    """Output root of two evaluated runs, whose records differ by 0.1, and a failed one."""
    root = tmp_path / "runs" / "one"
    root.mkdir(parents=True)
    lineage = Lineage(root / "lineage.sqlite")
    pipeline = create_pipeline(
        configs.ave("sel", features_dir="features"), tmp_path / "served", tmp_path / "store"
    )
    components = {component.id: component for component in pipeline.components}
    accuracy = np.linspace(0.1, 0.9, 40)
    for name, accuracies, blessed in (("first", accuracy + 0.1, True), ("second", accuracy, False)):
        run = lineage.begin_run(pipeline.name, f"run-{name}", root)
        execution = run.begin_execution(components["Evaluator"], {})
        evaluation = components["Evaluator"].OUTPUTS["evaluation"](str(tmp_path / name))
        evaluation.path().mkdir()
        RecordAccuracies("segment_accuracy", np.arange(40), accuracies).save(
            evaluation.folder().records_path
        )
        mean = float(accuracies.mean())
        summary = {
            "num_records": 40 if blessed else 29,
            "primary_metric": "segment_accuracy",
            "metrics": {"segment_accuracy": mean},
            "interval": [mean - 0.05, mean + 0.05],
            "blessed": blessed,
            "run": RUN,
        }
        execution.complete({"evaluation": evaluation}, summary, f"key-{name}")
    run = lineage.begin_run(pipeline.name, "run-third", root)
    run.begin_execution(components["Trainer"], {}).fail("no GPU")
    return root


def flags(root, *arguments):
    parser = argparse.ArgumentParser()
    runs.add_arguments(parser)
    return parser.parse_args(["--output_root", str(root), *arguments])


@pytest.mark.parametrize("level", ["one", "all"])
def test_table(root, level, capsys):
    assert runs.run(flags(root if level == "one" else root.parent)) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == list(runs.COLUMNS)
    assert rows[0].split()[:1] == ["run-first"] and rows[0].endswith("  blessed")
    assert (
        "audio   ave       full         3     simulated features  60.00% [55.0%, 65.0%]" in rows[0]
    )
    assert rows[1].startswith("run-second") and rows[1].endswith(
        "50.00% [45.0%, 55.0%], only 29 records  not blessed"
    )
    assert rows[2].startswith("run-third") and rows[2].endswith("failed in Trainer")


def test_comparison(root, capsys):
    assert runs.run(flags(root, "compare", "run-s", "run-first")) == 0
    screen = capsys.readouterr().out
    # Every record differs by 0.1, so does each resample of them.
    assert "segment_accuracy, 40 test records" in screen
    assert "run-first  60.00%  simulated features\n" in screen
    assert (
        "difference -10.00%, 95 % interval -10.00% to -10.00%, paired by record: run-first is"
        in screen
    )


def test_the_folder_may_be_given_behind_compare(root, capsys):
    places = ["--output_root", str(root)]
    assert main(["runs", "compare", "run-first", "run-second", *places]) == 0
    assert "difference +10.00%" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["compare", "run-", "run-first"],
            r"3 runs have a name that starts with 'run-'\. Choose one",
        ),
        (["compare", "x", "run-first"], r"0 runs .* run-first, run-second, run-third\."),
        (
            ["compare", "run-third", "run-first"],
            r"run-third has no evaluation \(failed in Trainer\)",
        ),
        (["--lineage", "nowhere.sqlite"], "`--lineage`: nowhere.sqlite does not exist"),
    ],
)
def test_errors(root, arguments, message):
    with pytest.raises(InputError, match=message):
        runs.run(flags(root, *arguments))


def test_a_folder_without_runs(tmp_path):
    with pytest.raises(InputError, match=r"has a lineage\.sqlite. Point `--output_root` to"):
        runs.run(flags(tmp_path))
    assert not list(tmp_path.iterdir())
