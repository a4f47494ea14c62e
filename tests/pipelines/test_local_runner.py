"""The pipeline as users run it: one command, features in, a served model out."""

import functools
import json
import pathlib
import re
import signal
import time

import pytest

from tests import programs

PIPELINES = pathlib.Path(__file__).resolve().parents[2] / "pipelines"
RUNNER = PIPELINES / "local_runner.py"
COMPONENTS = (
    "AveExampleGen",
    "StatisticsGen",
    "ExampleValidator",
    "Trainer",
    "Evaluator",
    "InfraValidator",
    "Pusher",
)
TRAINING = ("--epochs", 6, "--batch_size", 8, "--relevance_loss", "each")

pytestmark = pytest.mark.slow


def run(*arguments, status=0, shares_imports=True):
    result = programs.run(RUNNER, *arguments, shares_imports=shares_imports)
    assert result.returncode == status, result.stdout + result.stderr
    return result


def flags(features, root, task, *more):
    return [
        *("--config", "ave", "--features_dir", features, "--task", task, "--output_root", root),
        *("--allow_anomaly", "missing_category:*", *TRAINING, *more),
    ]


def outcomes(screen):
    """Finds pairs of component and outcome on the screen."""
    return re.findall(r"\[\d/7\] (\w+)\n\s+([a-zA-Z, ]+?) \(", screen)


@pytest.fixture(scope="module")
def first_run(feature_folder, tmp_path_factory):
    """Function that runs a task's pipeline once and returns its output root and `Finished`.

    That of `sel` starts its server as users' runs do, that of `cml` is killed first.
    """

    @functools.cache
    def run_once(task):
        root = tmp_path_factory.mktemp(task)
        arguments = flags(feature_folder, root, task)
        if task == "cml":
            kill_in_training(root, arguments)
        return root, run(*arguments, shares_imports=task == "cml")

    return run_once


def kill_in_training(root, arguments):
    program = programs.Program(RUNNER, *arguments)
    deadline = time.monotonic() + 300
    while not list(root.glob("artifacts/Trainer/.working/*/*/checkpoints/epoch-00002.keras")):
        assert program.is_running() and time.monotonic() < deadline
        time.sleep(0.02)
    program.kill()
    assert program.wait().returncode == -signal.SIGKILL
    assert not list(root.glob("artifacts/Trainer/model/[0-9]*"))


@pytest.mark.parametrize(("task", "num_cached"), [("sel", 0), ("cml", 3)])
def test_features_become_a_served_model_and_a_second_run_is_cached(
    feature_folder, first_run, task, num_cached
):
    root, first = first_run(task)
    screen = first.stdout
    assert outcomes(screen) == [
        (name, "done" if place >= num_cached else "unchanged, served from cache")
        for place, name in enumerate(COMPONENTS)
    ]

    versions = list((root / "served" / f"ave-{task}").glob("[0-9]*"))
    assert len(versions) == 1 and versions[0].name.isdigit()
    assert (versions[0] / "saved_model.pb").is_file()
    assert f"Model:       {versions[0]}" in screen
    for place in ("Report", "TensorBoard", "Lineage"):
        path = re.search(rf"{place}: +(.+)", screen)[1]
        assert pathlib.Path(path).exists()
    metrics = json.loads(
        next(root.glob("artifacts/Evaluator/evaluation/*/metrics.json")).read_text()
    )
    primary = metrics["metrics"][metrics["primary_metric"]]
    assert primary > max(metrics["trivial_baselines"].values())
    for value in (primary, *metrics["trivial_baselines"].values()):
        assert f"{value:.2%}" in screen
    other = {"sel": "relevance_f1", "cml": "average_overlap"}[task]
    assert f"{other} {metrics['metrics'][other]:.2%}" in screen

    second = run(*flags(feature_folder, root, task))
    assert outcomes(second.stdout) == [
        (name, "unchanged, served from cache") for name in COMPONENTS
    ]
    # The same summary, only from the lineage.
    summary = screen[screen.index("\n\n") : screen.index("Time:")]
    assert summary in second.stdout


def test_another_threshold_evaluates_again_and_nothing_else(feature_folder, first_run):
    root, _ = first_run("sel")
    result = run(*flags(feature_folder, root, "sel", "--max_regression", 0.02))
    assert dict(outcomes(result.stdout)) == dict.fromkeys(
        COMPONENTS, "unchanged, served from cache"
    ) | dict.fromkeys(["Evaluator", "Pusher"], "done")


def test_killed_training_resumes_and_gives_the_same_model(first_run, tmp_path):
    root, resumed = first_run("cml")
    assert "Training resumes after epoch" in resumed.stderr
    (dataset,) = root.glob("artifacts/AveExampleGen/examples/[0-9]*")
    trained = programs.run(
        PIPELINES / "command.py", "train", dataset, tmp_path / "model", *TRAINING
    )
    assert trained.returncode == 0, trained.stderr
    (history,) = root.glob("artifacts/Trainer/model_run/[0-9]*/history.csv")
    assert history.read_text() == (tmp_path / "model" / "run" / "history.csv").read_text()


def test_failure_names_component_reason_and_remedy(feature_folder, first_run):
    root, _ = first_run("sel")
    places = ("--features_dir", feature_folder, "--output_root", root)
    result = run("--config", "ave", "--task", "sel", *places, status=1)
    assert "ExampleValidator failed: Anomalies of the dataset (" in result.stderr
    assert "missing_category:train:Mandolin" in result.stderr
    assert "--allow_anomaly NAME" in result.stderr
    assert "the same command resumes the run" in result.stderr
    assert outcomes(result.stdout)[-1] == ("ExampleValidator", "FAILED")
    assert "Traceback" not in result.stderr


def test_a_model_no_better_than_chance_is_not_pushed(feature_folder, first_run):
    root, _ = first_run("cml")
    served = set((root / "served").glob("*/*"))
    chance = ("--epochs", 1, "--learning_rate", 1e-9)
    result = run(*flags(feature_folder, root, "cml", *chance), status=3)
    assert "not pushed" in result.stdout
    assert set((root / "served").glob("*/*")) == served != set()
