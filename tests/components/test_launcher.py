"""Order, cache, failure, kill and lock, with the toy pipeline and an SQLite lineage."""

import json
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

from avel_tf.errors import DeviceError, InputError
from components import component_code, launcher
from components.component import ComponentError
from components.lineage import Lineage

CHECKOUT = pathlib.Path(launcher.__file__).parent.parent
ORDER = ["Source", "Train", "Judge", "Push"]
ALL_CACHED = dict.fromkeys(ORDER, "CACHED")
ALL_COMPLETE = dict.fromkeys(ORDER, "COMPLETE")


def edit(file):
    file.write_text(f"{file.read_text()}# A comment: enough to run it again.\n")


def fail_with(error):
    def hook(working_dir):
        raise error

    return hook


def test_components_run_in_the_order_of_their_channels(runner, toy):
    calls = []
    results = launcher.run_pipeline(
        toy.make_pipeline(runner.folder),
        pipeline_root=runner.root,
        lineage=runner.lineage,
        run_id="run",
        on_start=lambda component_id: calls.append(("start", component_id)),
        on_finish=lambda result: calls.append(("finish", result.component_id)),
    )
    assert [result.component_id for result in results] == ORDER
    assert calls == [(event, name) for name in ORDER for event in ("start", "finish")]
    assert all(result.state == "COMPLETE" and result.error is None for result in results)
    assert all(0 < result.seconds < 60 for result in results)


def test_outputs_lie_where_their_uri_says(runner):
    train = runner.run()["Train"]
    model = train.outputs["model"]
    execution_id = model.path().name
    assert model.uri == str(runner.root / "Train" / "model" / execution_id)
    assert train.outputs["model_run"].uri == str(runner.root / "Train" / "model_run" / execution_id)
    assert model.folder().configuration_path.read_text() == "10.0"  # 5 in the file times gain 2
    assert {path.name for path in (runner.root / "Train" / "model").iterdir()} == {execution_id}


def test_unchanged_pipeline_is_served_from_cache_with_summaries(runner):
    first = runner.run()
    second = runner.run()
    assert {key: result.state for key, result in second.items()} == ALL_CACHED
    for key in ORDER:
        assert second[key].summary == first[key].summary
        assert second[key].outputs == first[key].outputs
    assert second["Train"].summary == {"restored": False}
    assert second["Source"].outputs["examples"].splits == ["train"]


def test_cache_can_be_disabled(runner):
    runner.run()
    assert runner.states(enable_cache=False) == ALL_COMPLETE


def test_the_newest_outputs_serve(runner):
    runner.run()
    newest = runner.run(enable_cache=False)["Source"].outputs["examples"]
    assert runner.run()["Source"].outputs["examples"] == newest


def test_parameter_change_reruns_its_component_and_what_follows(runner):
    runner.run()
    assert runner.states(gain=3.0) == ALL_COMPLETE | {"Source": "CACHED"}
    assert runner.states(gain=3.0, threshold=1.0) == ALL_CACHED | {
        "Judge": "COMPLETE",
        "Push": "COMPLETE",
    }
    # The first run's outputs still exist, but the model now has a newer one to be compared with.
    assert runner.states() == ALL_CACHED | {"Judge": "COMPLETE", "Push": "COMPLETE"}


def test_external_file_change_reruns(runner):
    runner.run()
    (runner.folder / "number").write_text("6")
    results = runner.run()
    assert {key: result.state for key, result in results.items()} == ALL_COMPLETE
    assert results["Train"].outputs["model"].folder().configuration_path.read_text() == "12.0"


def test_code_change_reruns_what_uses_it(runner, checkout):
    """Checks toy components, which use the lineage's code by a shared file, but no report."""
    runner.run()
    edit(checkout / "avel_tf" / "utils" / "locks.py")
    assert runner.states() == ALL_COMPLETE
    edit(checkout / "avel_tf" / "reporting" / "report.py")
    edit(checkout / "schemas" / "ave_examples.pbtxt")
    (checkout / "avel_tf" / "utils" / "__pycache__").mkdir()
    (checkout / "avel_tf" / "utils" / "__pycache__" / "locks.pyc").touch()
    assert runner.states() == ALL_CACHED


def test_version_of_a_main_package_is_part_of_the_key(runner, monkeypatch):
    runner.run()
    monkeypatch.setattr(
        component_code.importlib.metadata, "version", lambda name: "9" if name == "keras" else "1"
    )
    assert runner.states() == ALL_COMPLETE


def test_a_main_package_may_be_missing(runner, monkeypatch):
    version = component_code.importlib.metadata.version

    def without_tensorflow_io(name):
        if name == "tensorflow-io":
            raise component_code.importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(component_code.importlib.metadata, "version", without_tensorflow_io)
    assert runner.states() == ALL_COMPLETE


def test_code_change_in_one_component_does_not_rerun_those_before_it(
    runner, toy, tmp_path, monkeypatch
):
    module = tmp_path / "judging.py"
    module.write_text("import toy\n\n\nclass Judge(toy.Judge):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import judging

    monkeypatch.setattr(toy, "Judge", judging.Judge)
    runner.run()
    edit(module)
    states = runner.states()
    del sys.modules["judging"]
    assert states == {
        "Source": "CACHED",
        "Train": "CACHED",
        "Judge": "COMPLETE",
        "Push": "COMPLETE",
    }


def test_code_that_changed_is_not_run_by_a_program_that_began_before(runner, toy, checkout):
    file = checkout / "avel_tf" / "utils" / "locks.py"
    before = file.read_text()
    toy.HOOKS["Train"] = lambda _: file.write_text("edited while it trained: not even Python\n")
    results = runner.run()
    assert {key: result.state for key, result in results.items()} == {
        **dict.fromkeys(["Source", "Train"], "COMPLETE"),
        "Judge": "FAILED",  # which might import what was edited
    }
    assert results["Judge"].error == (
        "Code that Judge uses has changed since this program started (locks.py). Start it again."
    )
    # The same program does not serve or make anything later, either.
    (again,) = launcher.run_pipeline(
        toy.make_pipeline(runner.folder, runner.name),
        pipeline_root=runner.root,
        lineage=runner.lineage,
        run_id="later",
    )
    assert again.state == "FAILED"
    del toy.HOOKS["Train"]
    file.write_text(before + "# edited\n")
    assert runner.states() == ALL_COMPLETE  # of the edited code
    file.write_text(before)
    states = runner.states()  # the training was that of the code before
    assert states["Train"] == "CACHED"


def test_vanished_output_is_made_again(runner):
    first = runner.run()
    shutil.rmtree(first["Train"].outputs["model_run"].uri)
    second = runner.run()
    assert second["Source"].state == "CACHED"
    assert second["Train"].state == "COMPLETE"
    assert second["Train"].outputs["model"].id > first["Train"].outputs["model"].id


def test_damaged_output_is_made_again(runner, caplog):
    first = runner.run()
    damaged = first["Train"].outputs["model"].folder().configuration_path
    damaged.write_text("1")
    second = runner.run()
    assert {key: result.state for key, result in second.items()} == ALL_COMPLETE | {
        "Source": "CACHED"
    }
    assert second["Train"].outputs["model"].folder().configuration_path.read_text() == "10.0"
    assert f"{damaged} is not what was published. The Model is made again." in caplog.text
    assert second["Judge"].summary == {"baseline_score": None}  # the blessed model was damaged
    assert f"{damaged} is not what was published. The Model is passed over." in caplog.text
    assert runner.states() == ALL_CACHED


def test_input_damaged_during_the_run_is_not_used(runner, toy):
    def damage(_):
        (number,) = runner.root.glob("Source/examples/*/Split-train/number")
        number.write_text("66")

    pipeline = toy.make_pipeline(runner.folder, runner.name)
    results = launcher.run_pipeline(
        pipeline,
        pipeline_root=runner.root,
        lineage=runner.lineage,
        run_id=runner.name,
        on_start=lambda name: damage(name) if name == "Train" else None,
    )
    assert results[-1].component_id == "Train" and results[-1].state == "FAILED"
    assert results[-1].error.endswith(
        "Split-train/number is not what was published, which is part of the input `examples`. Run "
        "again: it is made again."
    )
    assert runner.states() == ALL_COMPLETE


def test_vanished_push_destination_is_pushed_again(runner):
    runner.run()
    shutil.rmtree(runner.folder / "serving")
    assert runner.states() == ALL_CACHED | {"Push": "COMPLETE"}
    assert (runner.folder / "serving").is_dir()


def test_failure_stops_the_run_and_the_next_one_resumes(runner, toy):
    toy.HOOKS["Train"] = fail_with(ComponentError("No disk space. Free some."))
    failed = runner.run()
    assert {key: result.state for key, result in failed.items()} == {
        "Source": "COMPLETE",
        "Train": "FAILED",
    }
    assert failed["Train"].error == "No disk space. Free some."
    assert failed["Train"].outputs == {}
    left = [path.name for path in (runner.root / "Train").rglob("*") if path.is_file()]
    assert left == ["checkpoint"]

    del toy.HOOKS["Train"]
    resumed = runner.run()
    assert {key: result.state for key, result in resumed.items()} == ALL_COMPLETE | {
        "Source": "CACHED"
    }
    assert resumed["Train"].summary == {"restored": True}
    assert not list((runner.root / "Train" / ".working").rglob("checkpoint"))


def test_other_work_resumes_and_that_of_older_code_is_removed(runner, toy):
    toy.HOOKS["Train"] = fail_with(ComponentError("Stop."))
    runner.run(gain=7.0)
    del toy.HOOKS["Train"]
    older = runner.root / "Train" / ".working" / "older"
    (older / "key").mkdir(parents=True)
    assert runner.run(gain=8.0)["Train"].summary == {"restored": False}
    assert not older.exists()
    assert runner.run(gain=7.0)["Train"].summary == {"restored": True}


def test_what_was_served_before_is_pushed_again(runner):
    def pushed(gain):
        result = runner.run(gain=gain)["Push"]
        return result.state, pathlib.Path(result.outputs["pushed"].custom["pushed_destination"])

    first, second = pushed(2.0)[1], pushed(3.0)[1]
    assert int(first.name) < int(second.name)
    pushed(2.0)
    # The toy pushes under the model's number, so the other one stays the newest.
    assert pushed(2.0) == ("COMPLETE", first)
    shutil.rmtree(second)
    assert pushed(2.0) == ("CACHED", first)


def test_unexpected_error_is_logged_with_its_type(runner, toy, caplog):
    toy.HOOKS["Train"] = fail_with(KeyError("width"))
    assert runner.run()["Train"].error == "KeyError: 'width'"
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("error", [InputError("x.gz is damaged."), DeviceError("No GPU. Add one.")])
def test_errors_of_the_library_that_say_what_to_do_are_expected(runner, toy, caplog, error):
    toy.HOOKS["Train"] = fail_with(error)
    assert runner.run()["Train"].error == str(error)
    assert "Traceback" not in caplog.text


def test_a_long_unexpected_message_is_cut_in_log_and_lineage(runner, toy, caplog):
    toy.HOOKS["Train"] = fail_with(ValueError("First part. " + "5a" * 250_000 + " Last part."))
    message = runner.run()["Train"].error
    assert message.startswith("ValueError: First part. 5a5a")
    assert "[498035 characters left out]" in message
    assert message.endswith("5a Last part.")
    executions = Lineage(runner.connection).store.get_executions()
    assert executions[-1].custom_properties["error"].string_value == message
    assert "Traceback" in caplog.text and "in execute" in caplog.text
    assert "Last part." in caplog.text and len(caplog.text) < 10_000


def test_interrupt_is_recorded_and_ends_the_run(runner, toy):
    toy.HOOKS["Train"] = fail_with(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    executions = Lineage(runner.connection).store.get_executions()
    assert executions[-1].custom_properties["error"].string_value == "KeyboardInterrupt: "
    assert not list(runner.root.glob("Train/model*/*"))


def test_summary_must_be_json(runner, toy, monkeypatch):
    monkeypatch.setattr(toy.Train, "execute", lambda self, *arguments: {"loss": object()})
    result = runner.run()["Train"]
    assert result.state == "FAILED"
    assert "not JSON serializable" in result.error
    assert not list(runner.root.glob("Train/model*/*"))


def test_a_summary_is_the_same_from_cache(runner, toy, monkeypatch):
    execute = toy.Train.execute
    summary = {"reasons": ("a", "b"), "interval": (0.1, 0.2)}
    monkeypatch.setattr(toy.Train, "execute", lambda *arguments: execute(*arguments) and summary)
    fresh, cached = runner.run()["Train"], runner.run()["Train"]
    assert (fresh.state, cached.state) == ("COMPLETE", "CACHED")
    assert fresh.summary == cached.summary == {"reasons": ["a", "b"], "interval": [0.1, 0.2]}


def test_checkpoints_of_other_parameters_are_not_reused(runner, toy):
    toy.HOOKS["Train"] = fail_with(ComponentError("Stop."))
    runner.run(gain=2.0)
    del toy.HOOKS["Train"]
    assert runner.run(gain=3.0)["Train"].summary == {"restored": False}


def run_program(folder, *arguments):
    return subprocess.run(
        [sys.executable, pathlib.Path(__file__).parent / "toy.py", folder, *arguments],
        env={"PYTHONPATH": str(CHECKOUT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_killed_run_leaves_nothing_incomplete_and_the_next_one_resumes(tmp_path):
    (tmp_path / "number").write_text("5")
    killed = run_program(tmp_path, "first", "Train")
    assert killed.returncode == -signal.SIGKILL
    assert list(tmp_path.glob("root/Train/model/.partial-*/half"))
    assert not list(tmp_path.glob("root/Train/model/[0-9]*"))

    report = json.loads(run_program(tmp_path, "second").stdout)
    assert report["states"] == ALL_COMPLETE | {"Source": "CACHED"}
    assert report["summaries"]["Train"] == {"restored": True}
    assert not list(tmp_path.glob("root/*/*/.partial-*"))

    executions = Lineage(tmp_path / "lineage.sqlite").store.get_executions()
    assert [each.State.Name(each.last_known_state) for each in executions] == [
        "COMPLETE",  # Source of the first run
        "FAILED",  # Train of the first run, found abandoned by the second
        "CACHED",
        "COMPLETE",
        "COMPLETE",
        "COMPLETE",
    ]
    assert executions[1].custom_properties["error"].string_value == "The process was killed."

    cached = json.loads(run_program(tmp_path, "third").stdout)
    assert cached["states"] == ALL_CACHED
    heavy = {"tensorflow", "keras", "apache_beam", "tensorflow_model_analysis", "numpy"}
    assert heavy.isdisjoint(cached["modules"])


def test_unpublished_output_of_a_killed_run_is_removed(runner, toy):
    pipeline = toy.make_pipeline(runner.folder, runner.name)
    run = runner.lineage.begin_run(runner.name, "killed", runner.root)
    execution = run.begin_execution(pipeline.components[0], {})
    orphan = runner.root / "Source" / "examples" / str(execution.id)
    orphan.mkdir(parents=True)
    runner.run()
    assert not orphan.exists()


def test_concurrent_run_is_refused(runner, toy):
    refusals = []

    def start_another(working_dir):
        with pytest.raises(RuntimeError, match=f"Another run is using {runner.root}") as caught:
            runner.run()
        refusals.append(caught.value)

    toy.HOOKS["Source"] = start_another
    assert runner.states() == ALL_COMPLETE
    assert len(refusals) == 1
    assert runner.states() == ALL_CACHED  # the lock is free again


def test_other_lineage_database_cannot_overwrite_outputs(runner, tmp_path):
    model = runner.run()["Train"].outputs["model"]
    runner.lineage = Lineage(tmp_path / "other.sqlite")
    result = runner.run()["Source"]
    assert result.state == "FAILED"
    assert "was made under another lineage database" in result.error
    assert model.is_present()


def test_latest_blessed_is_the_newest_other_blessed_model(runner):
    def judge(**arguments):
        result = runner.run(**arguments)["Judge"]
        return result.state, result.summary["baseline_score"]

    assert judge(gain=2.0) == ("COMPLETE", None)
    # The candidate is blessed by now, but is never its own baseline model.
    assert judge(gain=2.0) == ("CACHED", None)
    assert judge(gain=3.0) == ("COMPLETE", 10.0)
    assert judge(gain=3.0) == ("CACHED", 10.0)
    assert judge(gain=4.0, threshold=99.0) == ("COMPLETE", 15.0)
    # The model of gain 4 was not blessed.
    assert judge(gain=5.0) == ("COMPLETE", 15.0)
    # The model of gain 5 loses its blessing to a stricter gate.
    assert judge(gain=5.0, threshold=99.0) == ("COMPLETE", 15.0)
    assert judge(gain=6.0) == ("COMPLETE", 15.0)
    # An old model that comes back from cache is compared with what was blessed since.
    assert judge(gain=2.0) == ("COMPLETE", 30.0)
    # It was blessed last now; the model of gain 6 is once its verdict comes from cache.
    assert judge(gain=7.0) == ("COMPLETE", 10.0)
    assert judge(gain=6.0) == ("COMPLETE", 35.0)
    assert judge(gain=7.0) == ("COMPLETE", 30.0)
    assert judge(gain=6.0) == ("CACHED", 35.0)
    assert judge(gain=8.0) == ("COMPLETE", 30.0)


def test_latest_blessed_skips_a_deleted_model(runner):
    runner.run(gain=2.0)
    model = runner.run(gain=3.0)["Train"].outputs["model"]
    shutil.rmtree(model.uri)
    assert runner.run(gain=4.0)["Judge"].summary == {"baseline_score": 10.0}


def test_latest_blessed_knows_only_its_own_pipeline(runner):
    runner.run()
    runner.name += "-other"
    assert runner.run(gain=3.0)["Judge"].summary == {"baseline_score": None}


def test_run_id_is_used_once(runner, toy):
    runner.run()
    runner.run_ids.clear()
    with pytest.raises(ValueError, match="`run_id` must be new. Received: run_id='toy-"):
        runner.run()
