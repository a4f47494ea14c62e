"""A run that was killed or failed resumes where it stopped."""

import signal

import pytest

from avel_tf.configuration import ExtractionConfig
from avel_tf.extraction import job
from tests import programs

# Runs the job of `undisturbed` and kills itself at a given call of a function.
PROGRAM = """
import os, pathlib, signal, sys
from avel_tf.configuration import ExtractionConfig
from avel_tf.extraction import collecting, job
from avel_tf.extraction.job import extract

release, output, work, name, count = sys.argv[1:]
owner = {"rename": pathlib.Path, "link_or_copy": collecting}.get(name, job)
original, calls = getattr(owner, name), []

def dying(*arguments):
    calls.append(arguments)
    if len(calls) == int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments)

setattr(owner, name, dying)
config = ExtractionConfig("sel", features_dir=release, records_per_shard=2)
extract(config, pathlib.Path(output), pathlib.Path(work), pathlib.Path(work) / "features")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count", "num_whole"),
    [
        ("serialize", 6, (2, 3)),  # inside a shard; some shards hold one record
        ("rename", 3, (2, 2)),  # a shard is written, but not its journal
        ("link_or_copy", 2, (7, 7)),  # one shard is in the output, which is thrown away
        ("link_or_copy", 10, (7, 7)),  # all shards are
    ],
)
def test_killed_run_resumes_where_it_stopped(
    release, undisturbed, tmp_path, run_in, name, count, num_whole
):
    work, output = tmp_path / "work", tmp_path / "killed"
    work.mkdir()
    output.mkdir()
    killed = programs.run(PROGRAM, release, output, work, name, count)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    def written(folder):
        """Returns when and to which file on disk each shard was written."""
        return {
            path.relative_to(folder): (path.stat().st_ino, path.stat().st_mtime_ns)
            for path in folder.glob("Split-*/*.gz")
        }

    journals = {path.name for path in work.glob("journal/*.jsonl")}
    whole = {
        path: status
        for path, status in written(work).items()
        if f"{path.parent.name.removeprefix('Split-')}-{path.name}.jsonl" in journals
    }
    assert num_whole[0] <= len(whole) <= num_whole[1]
    config = ExtractionConfig("sel", features_dir=str(release), records_per_shard=2)
    finished = run_in(tmp_path, config)
    assert finished.tree() == undisturbed.tree()
    again = written(finished.folder)
    assert {path for path in whole if again[path] == whole[path]} == whole.keys()


def test_failed_run_resumes_where_it_stopped(run, undisturbed, tmp_path, monkeypatch):
    serialize, calls = job.serialize, []

    def count(record, description):
        calls.append(record.annotation.row)
        if len(calls) == 6:
            raise OSError("no space left")
        return serialize(record, description)

    monkeypatch.setattr(job, "serialize", count)
    with pytest.raises(Exception, match="no space left"):
        run()
    before = list(calls)
    (tmp_path / "run" / "output").rmdir()
    assert run().tree() == undisturbed.tree()
    # Each record once, except for those of the shard that failed.
    again = set(before) & set(calls[len(before) :])
    assert set(calls) == set(range(12)) and len(calls) == 12 + len(again)
    assert 1 <= len(again) <= 2 and before[-1] in again
