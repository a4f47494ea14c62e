"""Pushes are atomic, whatever happens."""

import itertools
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

import avel_tf.serving.push
from avel_tf.serving.push import push_model
from avel_tf.utils.locks import exclusive

CHECKOUT = pathlib.Path(avel_tf.serving.push.__file__).parents[2]
TEXTS = {"model_card.md": "# Card"}
NUMBERS = itertools.count()
# Pushes repeatedly, each time killed one audit event later.
KILLED_ANYWHERE = """
import itertools, os, pathlib, shutil, signal, sys
from avel_tf.serving.push import push_model

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
        push_model(saved_model, base, 2, {"model_card.md": "# Card", "number": "3"})
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    if status == 0:
        break
"""


@pytest.fixture
def saved_model(tmp_path):
    """The files of a SavedModel, with dummy content."""
    folder = tmp_path / "saved_model"
    (folder / "variables").mkdir(parents=True)
    for name in ("saved_model.pb", "variables/variables.index", "variables/variables.data"):
        (folder / name).write_text(name)
    return folder


def whole(saved_model):
    """Files of a complete version."""
    return files(saved_model) | TEXTS


def files(folder):
    """Reads the text of each file by name."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def versions_in(base):
    return {int(path.name): path for path in base.iterdir() if path.name.isdecimal()}


def texts():
    """Texts that differ each time, as a new model's do; among them those of `TEXTS`."""
    return {**TEXTS, "number": str(next(NUMBERS))}


def is_whole(version, saved_model):
    return files(version).items() >= whole(saved_model).items()


def test_versions_rise_even_in_one_second(saved_model, tmp_path, monkeypatch):
    now = 1_700_000_000.9
    monkeypatch.setattr(avel_tf.serving.push.time, "time", lambda: now)
    base = tmp_path / "served" / "ave"
    pushed = [push_model(saved_model, base, 20, texts()) for _ in range(3)]
    assert [path.name for path in pushed] == ["1700000000", "1700000001", "1700000002"]
    now = 1_600_000_000  # the clock was set back
    assert push_model(saved_model, base, 20, texts()).name == "1700000003"
    now = 1_800_000_000
    assert push_model(saved_model, base, 20, texts()).name == "1800000000"
    assert len(versions_in(base)) == 5
    for path in versions_in(base).values():
        assert is_whole(path, saved_model)


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

    copytree = shutil.copytree  # it calls itself, with more arguments
    monkeypatch.setattr(
        shutil, "copytree", lambda *folders: copytree(*folders[:2], copy_function=slow_copy)
    )

    def poll():
        while not pushed.is_set():
            for version in base.glob("[0-9]*"):
                seen.add(version.name)
                if not is_whole(version, saved_model):
                    partial.append(files(version))

    base.mkdir()
    reader = threading.Thread(target=poll)
    reader.start()
    versions = {push_model(saved_model, base, 20, texts()).name for _ in range(10)}
    pushed.set()
    reader.join()
    assert not partial
    assert len(versions) == 10 and len(seen) > 1


def test_only_versions_that_cannot_be_served_are_removed(saved_model, tmp_path, monkeypatch):
    monkeypatch.setattr(avel_tf.serving.push.time, "time", lambda: 100)
    base = tmp_path / "served"
    (base / "notes").mkdir(parents=True)
    for keep, expected in ((3, "100"), (3, "100 101"), (3, "100 101 102"), (3, "101 102 103")):
        push_model(saved_model, base, keep, texts())
        assert sorted(path.name for path in base.glob("1*")) == expected.split()
    push_model(saved_model, base, 2, texts())
    assert sorted(path.name for path in base.iterdir()) == [".lock", "103", "104", "notes"]


def test_versions_with_leading_zeros_are_removed_too(saved_model, tmp_path):
    for name in ("007", "08"):
        (tmp_path / name).mkdir()
    push_model(saved_model, tmp_path, 2, TEXTS)
    assert not (tmp_path / "007").exists() and (tmp_path / "08").exists()


@pytest.mark.parametrize("name", ["7", "99999999999", "²"])
def test_a_plain_file_named_like_a_version_blocks_no_push(saved_model, tmp_path, name):
    base = tmp_path / "served"
    base.mkdir()
    (base / name).write_text("mine")
    for number in range(4):
        pushed = push_model(saved_model, base, 2, {"number": str(number)})
    assert (base / name).read_text() == "mine"
    folders = sorted(path.name for path in base.iterdir() if path.is_dir())
    assert len(folders) == 2 and folders[-1] == pushed.name
    if name.isdecimal():  # a server would take the file for a version
        assert int(pushed.name) > int(name)


def test_a_failed_push_leaves_nothing(saved_model, tmp_path, monkeypatch):
    def fail(source, destination, **arguments):
        pathlib.Path(destination).mkdir()
        raise OSError("no space left")

    monkeypatch.setattr(shutil, "copytree", fail)
    with pytest.raises(OSError, match="no space left"):
        push_model(saved_model, tmp_path / "served", 2, TEXTS)
    assert [path.name for path in (tmp_path / "served").iterdir()] == [".lock"]


def test_leftovers_are_removed_whatever_they_are(saved_model, tmp_path):
    (tmp_path / ".partial-1").write_text("")
    (tmp_path / ".partial-2").symlink_to("nowhere")
    push_model(saved_model, tmp_path, 2, TEXTS)
    assert not list(tmp_path.glob(".partial-*"))


def test_what_is_served_already_is_not_pushed_again(saved_model, tmp_path):
    base = tmp_path / "served"
    first = push_model(saved_model, base, 2, TEXTS)
    assert push_model(saved_model, base, 2, TEXTS) == first  # nobody recorded it
    other = push_model(saved_model, base, 2, {"model_card.md": "# Other"})
    assert other != first
    assert push_model(saved_model, base, 2, TEXTS) not in (first, other)
    (max(versions_in(base).values()) / "saved_model.pb").write_text("damaged")
    newest = push_model(saved_model, base, 2, TEXTS)
    assert files(newest) == whole(saved_model)


def test_two_pushes_exclude_each_other(saved_model, tmp_path):
    base = tmp_path / "served"
    with exclusive(base), pytest.raises(RuntimeError, match="Another run is using"):
        push_model(saved_model, base, 2, TEXTS)
    assert not versions_in(base)


def test_a_push_killed_anywhere_leaves_only_complete_versions(saved_model, tmp_path):
    program = [sys.executable, "-c", KILLED_ANYWHERE, saved_model, tmp_path / "bases"]
    subprocess.run(program, cwd=CHECKOUT, check=True)
    bases = sorted((tmp_path / "bases").iterdir(), key=lambda base: int(base.name))
    assert len(bases) > 30
    newest = set()
    for base in bases:
        versions = versions_in(base)
        assert {2} <= versions.keys()  # the one being served
        assert all(is_whole(path, saved_model) for path in versions.values()), base
        assert 2 <= len(versions) <= 3
        newest.add(max(versions) == 2)
        # Killed before or after its version was there, the push is made once.
        last = push_model(saved_model, base, 2, {**TEXTS, "number": "3"})
        assert {path.name for path in base.iterdir()} == {".lock", "2", last.name}
    assert newest == {True, False}  # killed before and after the new version was there
