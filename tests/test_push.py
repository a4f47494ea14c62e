"""Pushes that appear whole, whatever happens."""

import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

import avel_tf.push
from avel_tf.locks import exclusive
from avel_tf.push import push_model

CHECKOUT = pathlib.Path(avel_tf.push.__file__).parent.parent
TEXTS = {"model_card.md": "# Card"}
# Pushes again and again, each time killed at a later one of the steps that Python tells of.
KILLED_ANYWHERE = """
import itertools, os, pathlib, shutil, signal, sys
from avel_tf.push import push_model

saved_model, bases = map(pathlib.Path, sys.argv[1:])
for deadly in itertools.count(1):
    base = bases / str(deadly)
    for version in (1, 2):
        shutil.copytree(saved_model, base / str(version))
        (base / str(version) / "model_card.md").write_text("# Card")
    child = os.fork()
    if not child:
        steps = 0

        def count(event, arguments):
            global steps
            steps += event.startswith(("os.", "open", "shutil."))
            if steps == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        push_model(saved_model, base, 2, {"model_card.md": "# Card"})
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    if status == 0:
        break
"""


@pytest.fixture
def saved_model(tmp_path):
    """The files of a SavedModel, without sense."""
    folder = tmp_path / "saved_model"
    (folder / "variables").mkdir(parents=True)
    for name in ("saved_model.pb", "variables/variables.index", "variables/variables.data"):
        (folder / name).write_text(name)
    return folder


def whole(saved_model):
    """The files of a version."""
    return files(saved_model) | TEXTS


def files(folder):
    """Texts by name."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def versions_in(base):
    return {int(path.name): path for path in base.iterdir() if path.name.isdigit()}


def test_versions_rise_even_in_one_second(saved_model, tmp_path, monkeypatch):
    now = 1_700_000_000.9
    monkeypatch.setattr(avel_tf.push.time, "time", lambda: now)
    base = tmp_path / "served" / "ave"
    pushed = [push_model(saved_model, base, 20, TEXTS) for _ in range(3)]
    assert [path.name for path in pushed] == ["1700000000", "1700000001", "1700000002"]
    now = 1_600_000_000  # the clock was set back
    assert push_model(saved_model, base, 20, TEXTS).name == "1700000003"
    now = 1_800_000_000
    assert push_model(saved_model, base, 20, TEXTS).name == "1800000000"
    assert len(versions_in(base)) == 5
    for path in versions_in(base).values():
        assert files(path) == whole(saved_model)


def test_other_files_at_the_destination_stay(saved_model, tmp_path):
    base = tmp_path / "served"
    (base / "assets.7").mkdir(parents=True)
    (base / "models.config").write_text("")
    push_model(saved_model, base, 20, TEXTS)
    assert (base / "assets.7").is_dir() and (base / "models.config").is_file()


def test_reader_never_sees_half_a_version(saved_model, tmp_path, monkeypatch):
    base, pushed, partial, seen = tmp_path / "served", threading.Event(), [], set()

    def slow_copy(source, destination):
        pushed.wait(0.01)
        shutil.copyfile(source, destination)

    copytree = shutil.copytree  # which calls itself, with more arguments
    monkeypatch.setattr(
        shutil, "copytree", lambda *folders: copytree(*folders[:2], copy_function=slow_copy)
    )

    def poll():
        while not pushed.is_set():
            for version in base.glob("[0-9]*"):
                seen.add(version.name)
                if files(version) != whole(saved_model):
                    partial.append(files(version))

    base.mkdir()
    reader = threading.Thread(target=poll)
    reader.start()
    versions = {push_model(saved_model, base, 20, TEXTS).name for _ in range(10)}
    pushed.set()
    reader.join()
    assert not partial
    assert len(versions) == 10 and len(seen) > 1


def test_old_versions_leave_and_those_that_may_be_served_stay(saved_model, tmp_path, monkeypatch):
    monkeypatch.setattr(avel_tf.push.time, "time", lambda: 100)
    base = tmp_path / "served"
    (base / "notes").mkdir(parents=True)
    for keep, expected in ((3, "100"), (3, "100 101"), (3, "100 101 102"), (3, "101 102 103")):
        push_model(saved_model, base, keep, TEXTS)
        assert sorted(path.name for path in base.glob("1*")) == expected.split()
    push_model(saved_model, base, 2, TEXTS)
    assert sorted(path.name for path in base.iterdir()) == [".lock", "103", "104", "notes"]


def test_versions_with_leading_zeros_leave_too(saved_model, tmp_path):
    for name in ("007", "08"):
        (tmp_path / name).mkdir()
    push_model(saved_model, tmp_path, 2, TEXTS)
    assert not (tmp_path / "007").exists() and (tmp_path / "08").exists()


def test_two_pushes_do_not_meet(saved_model, tmp_path):
    base = tmp_path / "served"
    with exclusive(base), pytest.raises(RuntimeError, match="Another run is using"):
        push_model(saved_model, base, 2, TEXTS)
    assert not versions_in(base)


def test_a_push_killed_anywhere_leaves_whole_versions_alone(saved_model, tmp_path):
    program = [sys.executable, "-c", KILLED_ANYWHERE, saved_model, tmp_path / "bases"]
    subprocess.run(program, cwd=CHECKOUT, check=True)
    bases = sorted((tmp_path / "bases").iterdir(), key=lambda base: int(base.name))
    assert len(bases) > 30
    newest = set()
    for base in bases:
        versions = versions_in(base)
        assert {2} <= versions.keys()  # which was the served one
        assert all(files(path) == whole(saved_model) for path in versions.values()), base
        assert 2 <= len(versions) <= 3
        newest.add(max(versions) == 2)
        last = push_model(saved_model, base, 2, TEXTS)
        before = max(versions)
        assert {path.name for path in base.iterdir()} == {".lock", str(before), last.name}
    assert newest == {True, False}  # killed before and after the new version was there
