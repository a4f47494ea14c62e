"""The progress line."""

import json
import os

from avel_tf.extraction.journal import show_progress


def test_progress_counts_records_of_finished_and_partial_journals(tmp_path, capsys):
    folder = tmp_path / "journal"
    folder.mkdir()
    whole = '{"record_id": 3, "reason": null}\n{"record_id": 4, "reason": null}\n{"source": {}}\n'
    (folder / "whole.jsonl").write_text(whole)
    message = json.dumps({"record_id": 9, "reason": "unreadable", "message": 'a "record_id"'})
    (folder / "half.partial").write_text(message + '\n{"record_id": 10, "rea')  # being written
    os.symlink(folder / "renamed", folder / "other.partial")  # gone between listing and reading
    with show_progress(tmp_path, 8):
        (folder / "half.partial").write_text("")
    assert "3/8" in capsys.readouterr().err.splitlines()[0]
    with show_progress(tmp_path, 8):
        pass
    assert "2/8" in capsys.readouterr().err.splitlines()[-1]
