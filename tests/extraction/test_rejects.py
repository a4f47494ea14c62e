"""Records that must be rejected are counted, listed and left out."""

import contextlib

import numpy as np
import pytest

from avel_tf.ave import SPLITS
from avel_tf.errors import InputError, MediaError
from avel_tf.extraction import job
from avel_tf.records import Record


class Reader:
    """A reader for which some rows' clips have no sound, and some do not exist."""

    def __init__(self, silent=(), missing=()):
        self._rejected = dict.fromkeys(silent, "no_audio") | dict.fromkeys(missing, "missing_file")

    def read(self, items):
        for item in items:
            if reason := self._rejected.get(item.row):
                yield MediaError(reason, f"clips/{item.video_id}.mp4", "something is wrong")
            else:
                yield Record(item, np.zeros((10, 128)), np.zeros((10, 7, 7, 512)))

    def metadata(self):
        return {"kind": "test"}

    def close(self):
        pass


@pytest.fixture
def use_reader(monkeypatch):
    """Function that replaces the release's reader."""

    def use(reader):
        monkeypatch.setattr(
            job, "open_source", lambda source, job_id: contextlib.nullcontext(reader)
        )

    return use


def test_rejects_are_counted_and_listed(run, use_reader, rows, caplog):
    use_reader(Reader(silent=[10, 1], missing=[6]))
    output = run()
    metadata = output.metadata
    assert metadata["num_rejected"] == {"no_audio": 2, "missing_file": 1}
    assert metadata["num_records"] == {"train": 5, "val": 3, "test": 1}
    rejects = {int(line["row"]): line for line in output.table("rejects.csv")}
    assert {row: line["reason"] for row, line in rejects.items()} == {
        1: "no_audio",
        6: "missing_file",
        10: "no_audio",
    }
    assert rejects[10]["split"] == "test"
    assert rejects[10]["video_id"] == "id5"
    assert rejects[10]["message"] == (
        "clips/id5.mp4: something is wrong (no_audio). Leave the clip out; silence in its place "
        "would be trained on as sound."
    )
    kept = {int(line["row"]) for line in output.table("records.csv")}
    assert kept == set(range(12)) - {1, 6, 10}
    for split in SPLITS:
        found = set(output.split(split)["record_id"].numpy())
        assert found == set(rows[split]) - {1, 6, 10}
    assert "3 of 12 records were rejected (2 no_audio, 1 missing_file). The first is row 1, " in (
        caplog.text
    )


def test_split_without_a_record_stops_the_job(run, use_reader, rows, tmp_path):
    use_reader(Reader(silent=rows["test"]))
    with pytest.raises(InputError) as error:
        run()
    assert "2 of 12 records were rejected" in str(error.value)
    table = tmp_path / "run" / "work" / "rejects.csv"
    assert f"A split is left empty. The full list is in {table}." in str(error.value)
    assert len(table.read_text().splitlines()) == 3
    assert list((tmp_path / "run" / "output").iterdir()) == []


def test_shard_may_lose_all_its_records(run, use_reader):
    use_reader(Reader(silent=[4, 7]))
    output = run()
    assert output.split("val")["record_id"].numpy().tolist() == [8]


def test_different_environments_of_workers_stop_the_job(run, use_reader, monkeypatch):
    versions = iter(range(100))
    monkeypatch.setattr(Reader, "metadata", lambda self: {"version": next(versions)})
    use_reader(Reader())
    with pytest.raises(InputError, match="Workers made features in different ways: version: 1, 2"):
        run()


def test_error_that_is_not_a_reject_ends_the_job(run, use_reader, monkeypatch, tmp_path):
    def fail(self, items):
        raise OSError("no space left")

    monkeypatch.setattr(Reader, "read", fail)
    use_reader(Reader())
    with pytest.raises(Exception, match="no space left"):
        run()
    assert list((tmp_path / "run" / "output").iterdir()) == []
