"""The paper's tables as users make them: one command, from features to tables."""

import dataclasses
import functools
import json

import numpy as np
import pytest

from avel_tf.cli.program import parse_arguments
from avel_tf.evaluation.record_accuracies import RecordAccuracies
from avel_tf.evaluation.results import Control, Scores
from avel_tf.metrics import PRIMARY_METRIC
from avel_tf.reporting import result_tables
from avel_tf.utils.locks import exclusive
from components import launcher
from components.artifacts import Model, RecordScores
from components.launcher import Result
from components.trainer import Trainer
from pipelines import reproduce, tune

PARSE = functools.partial(parse_arguments, reproduce, "avel reproduce")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "output"


def read_table(root, key):
    return json.loads((root / "tables" / f"{key}.json").read_text())


class Runs:
    """Replaces the pipelines: every system has the same accuracies, in another order."""

    def __init__(self, folder):
        self.folder = folder
        self.trainings = []
        self.failures = {}  # by system: component and message
        self.diverged = set()  # systems

    def __call__(self, pipeline, **_):
        by_id = {component.id: component for component in pipeline.components}
        training = by_id["Trainer"].parameters
        number = len(self.trainings)
        self.trainings.append(training)
        if training.system in self.failures:
            component, message = self.failures[training.system]
            return [Result(component, "FAILED", 1.0, error=message)]
        scores = RecordScores(str(self.folder / str(number)))
        scores.path().mkdir()
        names = ("audio_to_visual", "visual_to_audio", "average")
        names = [*(f"{name}_accuracy" for name in names), "segment_accuracy"]
        names += ["category_accuracy", "relevance_accuracy", "average_overlap"]
        primary = PRIMARY_METRIC[training.task]
        value = np.nan if training.system in self.diverged else 0.25 + 0.5 * training.seed
        trivial = {"random window": 0.2}
        controls = {"sound of other records": Control(0.5, (0.0, 0.0), 40, note="a note")}
        controls = {} if training.system in self.diverged else controls
        metrics = dict.fromkeys(names, value)
        content = Scores(training.task, primary, metrics, trivial, {}, controls)
        marked = {"caution": "From a simulation.", **dataclasses.asdict(content)}
        scores.folder().metrics_path.write_text(json.dumps(marked))
        order = np.random.default_rng(number).permutation(40)
        accuracies = order % 3 / 2
        records = RecordAccuracies(
            primary, order + 100, accuracies, dict.fromkeys(controls, accuracies)
        )
        records.save(scores.folder().records_path)
        summary = {"best_epoch": 3, "epochs": 5, "seconds": 7.0, "val_accuracy": 0.5}
        summary |= {"parameters": 1234}
        summary |= {"data": "simulated features", "caution": "From a simulation."}
        return [
            Result("Trainer", "COMPLETE", 1.0, {"model": Model(f"/models/{number}")}, summary),
            Result("Scorer", "COMPLETE", 1.0, {"scores": scores}, {}),
        ]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(result_tables, "draw", lambda table, path, _: path.touch())  # slow
    monkeypatch.setattr("avel_tf.evaluation.bootstrap.RESAMPLES", 500)
    stand_in = Runs(tmp_path)
    monkeypatch.setattr(launcher, "run_pipeline", stand_in)
    return stand_in


def run(root, *arguments):
    (root.parent / "features").mkdir(exist_ok=True)
    features = ("--features_dir", str(root.parent / "features"))
    return reproduce.main([*features, "--output_root", str(root), *arguments])


def test_each_training_runs_once_and_all_of_one_seed_first(runs, root, capsys):
    assert run(root, "--tables", "1", "3", "4", "--runs", "2") == 0
    # Of the 3, 11 and 2 rows, dual attention matching is in all tables, and in one of them twice.
    assert len(runs.trainings) == len(set(runs.trainings)) == 2 * 13
    assert [training.seed for training in runs.trainings] == [0] * 13 + [1] * 13
    for key in ("1", "3", "4"):
        for row in read_table(root, key)["rows"]:
            assert row["metrics"]["average_accuracy"] == {
                "mean": 0.5,
                "standard_deviation": pytest.approx(np.sqrt(0.125)),
                "runs": 2,
            }
            assert (row["epochs"], row["seconds"], row["parameters"]) == (5, 7, 1234)
    screen = capsys.readouterr().out
    assert (
        "[32/32] 4: DAM, cross-matching, run 2\n"
        "      A2V 75.00%, V2A 75.00%, Average 75.00%, Overlap 75.00% (epoch 3 of 5, 7 s)"
    ) in screen
    for key in ("1", "3", "4"):
        assert (root / "tables" / f"{key}.md").read_text() in screen


def test_tables_say_what_the_features_are(runs, root):
    run(root, "--tables", "1", "--rows", "DCCA", "--runs", "1")
    features = root.parent / "features"
    assert read_table(root, "1-rows")["data"] == f"features of {features}."
    (features / "simulation.json").write_text('{"annotations_dir": "AVE"}')
    run(root, "--tables", "1", "--rows", "DCCA", "--runs", "1")
    assert "simulated features" in read_table(root, "1-rows")["data"]
    assert read_table(root, "1-rows")["caution"] == "From a simulation."


@pytest.mark.parametrize("flag", ["--features_dir", "--annotations_dir"])
@pytest.mark.parametrize("program", [reproduce, tune])
def test_without_the_data_nothing_is_made(program, flag, root, capsys):
    missing = root.parent / "missing"
    assert program.main([flag, str(missing), "--output_root", str(root)]) == 2
    assert capsys.readouterr().err == (
        f"Error: `{flag}`: {missing} is not a folder. Give another one.\n"
    )
    assert not root.exists()


def test_systems_are_compared_record_by_record(runs, root):
    run(root, "--tables", "1", "--runs", "3")
    *others, last = read_table(root, "1")["rows"]
    assert last["difference"] is None
    for row in others:  # equal on every record, whatever the order they came in
        assert row["difference"] == [0, 0]
        assert row["interval"][0] < 0.5 < row["interval"][1]
        assert row["training"]["in_memory"] is True
    # The control has the same accuracies, too.
    (control,) = last["controls"].values()
    assert control["difference"] == [0, 0] and control["num_records"] == 40
    assert (control["value"], control["note"]) == (pytest.approx(0.4875), "a note")


def test_a_row_that_fails_says_so_and_others_run(runs, root, capsys):
    runs.failures["avdln"] = ("Trainer", "no memory left")
    assert run(root, "--tables", "1", "--runs", "2") == 1
    assert len(runs.trainings) == 6
    cells = [row.get("metrics", row["error"]) for row in read_table(root, "1")["rows"]]
    assert cells[1] == "Trainer: no memory left"
    assert cells[0] == cells[2] != cells[1]
    printed = capsys.readouterr()
    assert printed.out.count("FAILED: Trainer: no memory left") == 2
    line = next(line for line in printed.out.splitlines() if line.startswith("| AVDLN"))
    assert line.split("|")[7].strip() == "failed"
    assert "Failed runs: 2. The same command tries them again, but" in printed.err


@pytest.mark.parametrize("system", ["avdln", "dam"])
def test_a_diverged_run_counts_as_failed(runs, root, system, capsys):
    runs.diverged.add(system)
    assert run(root, "--tables", "1", "--runs", "2") == 1
    assert len(runs.trainings) == 6
    rows = {row["training"]["system"]: row for row in read_table(root, "1")["rows"]}
    assert "diverged" in rows.pop(system)["error"]
    assert all(row["metrics"]["average_accuracy"]["mean"] == 0.5 for row in rows.values())
    assert "diverged" in capsys.readouterr().out


def test_settings_of_a_file_are_for_its_rows(runs, root, tmp_path, capsys):
    path = tmp_path / "tuned.json"
    path.write_text('{"task": "cml", "batch_size": 17}')
    assert run(root, "--tables", "1", "--runs", "1", "--settings", str(path)) == 0
    sizes = {training.system: training.batch_size for training in runs.trainings}
    assert sizes.pop("dam") == 17 and set(sizes.values()) == {8, 256}
    assert (root / "tables" / "1-tuned.md").is_file()
    assert run(root, "--tables", "2", "--settings", str(path)) == 2
    assert "tuned.json is for none of the rows" in capsys.readouterr().err


def test_tables_of_other_settings_have_their_own_name(runs, root):
    for settings in ("ave", "faithful"):
        run(root, "--tables", "1", "--runs", "1", "--settings", settings)
    assert {path.stem for path in (root / "tables").iterdir()} == {"1", "1-faithful"}
    for key, text in (("1", "Settings: ave; of the"), ("1-faithful", "Settings: faithful; of the")):
        table = (root / "tables" / f"{key}.md").read_text()
        assert text in table and "### Table 1: " in table
    assert "of the last row relevance loss mean, float32, at most 100 epochs, patience 20" in table


def test_the_last_row_may_fail_too(runs, root):
    runs.failures["dam"] = ("Scorer", "broken")
    assert run(root, "--tables", "1", "--runs", "1") == 1
    assert [row.get("difference") for row in read_table(root, "1")["rows"]] == [None] * 3


def test_without_data_nothing_runs(runs, root, capsys):
    runs.failures["dcca"] = ("AveExampleGen", "No Annotations.txt in nowhere.")
    assert run(root) == 2
    assert len(runs.trainings) == 1
    assert capsys.readouterr().err == "Error: AveExampleGen: No Annotations.txt in nowhere.\n"


def test_one_program_at_a_time(runs, root, capsys):
    with exclusive(root):
        assert run(root, "--tables", "1") == 2
    assert f"Another run is using {root}. Wait" in capsys.readouterr().err
    assert runs.trainings == []


def test_a_folder_of_clips_does_not_count_as_features(root, capsys):
    clips = root.parent / "features"
    clips.mkdir()
    (clips / "simulation.json").write_text('{"num_clips": 96}')
    assert run(root, "--tables", "1") == 2
    assert "No Annotations.txt in" in capsys.readouterr().err


def test_an_interrupted_run_says_how_to_resume(monkeypatch, root, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "run_pipeline", interrupt)
    assert run(root) == 130
    assert "The same command resumes." in capsys.readouterr().err


def test_one_cell(runs, root):
    assert run(root, "--tables", "3", "1", "--rows", "DAM, GRU", "--runs", "1", "--seed", "4") == 0
    (training,) = runs.trainings
    assert (training.model.embedding, training.seed) == ("gru", 4)
    (row,) = read_table(root, "3-rows")["rows"]
    assert row["name"] == "DAM, GRU"
    assert {path.stem for path in (root / "tables").iterdir()} == {"3-rows"}


def test_flags_reach_every_training():
    flags = ["--epochs", "3", "--patience", "2", "--seed", "5", "--precision", "mixed_bfloat16"]
    for table in reproduce.select(PARSE([*flags, "--devices", "cpu", "--tables", "1", "weak"])):
        for row in table.rows:
            training = row.training
            assert (training.epochs, training.patience, training.seed) == (3, 2, 5)
            assert (training.precision, training.devices) == ("mixed_bfloat16", "cpu")
            assert training.in_memory
    faithful = reproduce.select(PARSE(["--settings", "faithful", "--tables", "1"]))
    assert faithful[0].rows[-1].training.relevance_loss == "mean"


def test_a_system_with_fewer_epochs_keeps_them():
    rows = reproduce.select(PARSE(["--epochs", "30", "--tables", "1"]))[0].rows
    assert [row.training.epochs for row in rows] == [30, 20, 30]
    assert [row.training.patience for row in rows] == [8, 8, 20]


def test_all_tables_of_the_paper_are_made_by_default():
    flags = PARSE([])
    assert (flags.tables, flags.runs) == (["1", "2", "3", "4", "5", "figure5"], 3)
    assert [table.key for table in reproduce.select(flags)] == flags.tables


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tables", "1", "--rows", "GRU"], "No row of tables 1 is called ['GRU']. They are: DC"),
        (["--epochs", "0"], "`--epochs` must be a positive integer. Received: epochs=0"),
        (["--seed", "-1"], "`--seed` must be an integer from 0"),
        (["--runs", "0"], "`--runs` must be a positive integer. Received: runs=0"),
        (["--num_records", "300"], "`--num_records` are for simulated features: leave out"),
    ],
)
def test_wrong_values_end_with_a_clear_error(runs, root, arguments, message, capsys):
    assert run(root, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: ") and message in error
    assert not runs.trainings and not (root / "tables").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tables", "6"], "invalid choice: '6'"),
        (
            ["--settings", "best"],
            "'best' is not one of ave, faithful, own, nor a file ending in .json",
        ),
    ],
)
def test_wrong_flags_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        PARSE(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_simulated_features_become_a_table_and_a_second_run_is_cached(root, monkeypatch, capsys):
    monkeypatch.setattr("avel_tf.simulation.feature_dataset.NUM_BACKGROUND_CLIPS", 2)
    monkeypatch.setattr("avel_tf.training.train.export_model", lambda *_: None)  # tested elsewhere
    # The code may be edited in the meantime.
    monkeypatch.setattr(launcher, "check_unchanged", lambda kind: None)
    execute = Trainer.execute

    def fail(self, *arguments):
        if (self.parameters.system, self.parameters.seed) == ("avdln", 1):
            raise MemoryError("no memory left")
        return execute(self, *arguments)

    def make(*, status):
        arguments = ("--num_records", "300", "--tables", "1", "--epochs", "1", "--runs", "2")
        arguments += ("--rows", "AVDLN", "DAM", "--output_root", str(root))
        assert reproduce.main(arguments) == status
        return read_table(root, "1-rows"), capsys.readouterr().out

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "execute", fail)
        table, screen = make(status=1)
    errors = [row["error"] for row in table["rows"]]
    assert errors == ["Trainer: MemoryError: no memory left", None]
    assert screen.count("FAILED") == 1
    assert "from cache" not in screen

    # Only the run that had failed is trained.
    table, screen = make(status=0)
    assert screen.count("from cache") == 3
    assert "simulated annotations" in table["data"]
    (dataset,) = root.glob("artifacts/AveExampleGen/examples/*/dataset.json")
    assert json.loads(dataset.read_text())["source"]["kind"] == "simulated_features"
    assert set(table["trivial_baselines"]) > {"random window", "last window"}
    for row in table["rows"]:
        assert row["error"] is None
        for name in table["metrics"]:
            assert 0 <= row["metrics"][name]["mean"] <= 1
            assert row["metrics"][name]["runs"] == 2
        assert row["epochs"] == 1 and len(set(row["models"])) == 2
        mean = row["metrics"]["average_accuracy"]["mean"]
        assert row["interval"][0] <= mean <= row["interval"][1]
    assert [row["difference"] is None for row in table["rows"]] == [False, True]
    assert "| DAM " in screen

    # The same tables only from cache, where nothing can be trained.
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "execute", None)
        again, screen = make(status=0)
    assert again == table
    assert screen.count("from cache") == 4


def test_own_events_are_extracted_from_their_videos(tmp_path, root):
    events = tmp_path / "events.csv"
    events.touch()
    own = ("--tables", "own", "--data_root", tmp_path, "--events", events, "--split_seed", 3)
    flags = PARSE(list(map(str, (*own, "--output_root", root, "--rows", "DAM"))))
    reproduce.check_data(flags)
    data = reproduce.prepare_data(flags)
    extraction = data.config("sel").extraction
    assert (extraction.own_events.events, extraction.own_events.split_seed) == (str(events), 3)
    assert extraction.encoding.frames_per_segment == 4
    assert data.feature_store == (root / "encoded_clips").resolve()
    (table,) = reproduce.select(flags)
    assert table.key == "own-rows" and table.rows[0].training.settings_name == "own"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tables", "own"], "`--data_root` and `--events` go together"),
        (["--data_root", "/", "--events", "e.csv"], "with `--tables own`"),
        (["--tables", "own", "2", "--data_root", "/", "--events", "e.csv"], "no other table"),
        (
            ["--tables", "own", "--data_root", "/", "--events", "e.csv", "--features_dir", "/"],
            "leave the flags of features out",
        ),
        (["--tables", "own", "--data_root", "/", "--events", "/no.csv"], "/no.csv does not exist"),
    ],
)
def test_own_events_need_their_flags_and_no_others(arguments, message, capsys, root):
    assert reproduce.main([*arguments, "--output_root", str(root)]) == 2
    assert message in capsys.readouterr().err
    assert not root.exists()
