"""`avel extract` on any folder of videos, and on the AVE release."""

import functools
import json
import os
import pathlib
import shutil

import numpy as np
import pytest

from avel_tf.cli import extract
from avel_tf.cli.extract import list_names
from avel_tf.cli.program import run_command
from avel_tf.errors import InputError
from avel_tf.media import write_clip
from avel_tf.records import parse_examples, read_shard, shard_paths
from avel_tf.utils.locks import exclusive
from tests import programs

COMMAND = pathlib.Path(__file__).resolve().parents[2] / "pipelines" / "command.py"
WEIGHTS = ["--visual_weights", "random", "--audio_weights", "random", "--frames_per_segment", "1"]
FAST = [*WEIGHTS, "--encoder_precision", "float32"]
main = functools.partial(run_command, extract, "avel extract")


@pytest.fixture
def folder(clips, tmp_path):
    """Three clips, one in a folder, and files that are not clips."""
    folder = tmp_path / "videos"
    (folder / "more").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    first, second, third, *_ = sorted((clips / "AVE").iterdir())
    shutil.copy(first, folder / "a.MP4")
    shutil.copy(second, folder / "more" / "b.mp4")
    shutil.copy(third, folder / ".hidden" / "c.mp4")
    (folder / "d.mkv").write_text("no video")
    (folder / "README.txt").write_text("not a video either")
    return folder


def read_all(output):
    paths = shard_paths(output / "Split-all")
    examples = [example for path in paths for example in read_shard(path)]
    return parse_examples(examples, ("record_id", "video_id", "audio_features", "visual_features"))


def fail_before_publishing(folder, output, monkeypatch):
    """Runs the job to the point where all shards are finished."""
    from avel_tf.extraction import job

    def fail(*arguments, **keywords):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(job, "collect", fail)
        assert main([str(folder), str(output), *FAST]) == 2


def test_any_folder_becomes_a_dataset(folder, fast_encoders, tmp_path, capsys):
    output = tmp_path / "out" / "features"
    assert main([str(folder), str(output), *FAST]) == 0
    parsed = read_all(output)
    found = sorted(zip(parsed["record_id"].numpy(), parsed["video_id"].numpy()))
    assert found == [(0, b"a.MP4"), (2, b"more/b.mp4")]
    assert parsed["visual_features"].shape == (2, 10, 7, 7, 512)
    printed = capsys.readouterr().out
    assert "Read 3 records: 2 written, 1 rejected (1 unreadable)." in printed
    assert f"Rejects: {output}/rejects.csv" in printed
    assert sorted(os.listdir(output.parent)) == ["encoded_clips", "features"]


def test_pictures_encoded_once_are_counted(fast_encoders, tmp_path, capsys):
    (tmp_path / "videos").mkdir()
    for number in range(2):
        still = np.full((20, 32, 32, 3), 100 * number, np.uint8)
        sound = np.zeros(160000)
        path = tmp_path / "videos" / f"{number}.mp4"
        write_clip(path, still, size=(32, 32), fps=2, waveform=sound, sample_rate_hz=16000)
    for output in (tmp_path / "first", tmp_path / "from_store"):
        assert main([str(tmp_path / "videos"), str(output), *FAST]) == 0
        assert json.loads((output / "dataset.json").read_text())["num_repeated_frames"] == 18
        assert "; 18 that equal an earlier one of their clip" in capsys.readouterr().out


def test_names_may_be_any_valid_text(folder):
    for name in ("東京\u3000夏.mp4", "a\u00a0b.mp4", "👩\u200d🚒.mp4"):
        (folder / name).touch()
        assert name in list_names(folder)
    for name in ("two\nlines.mp4", os.fsdecode(b"latin-\xe4.mp4"), "two\u2028lines.mp4"):
        (folder / name).touch()
        with pytest.raises(InputError, match="a file whose name is not valid text: .*Rename it"):
            list_names(folder)
        (folder / name).unlink()


def test_the_ave_release_becomes_a_labeled_dataset(clips, fast_encoders, tmp_path, capsys):
    output = tmp_path / "ave"
    assert main([str(clips), str(output), "--task", "cml", *FAST]) == 0
    metadata = json.loads((output / "dataset.json").read_text())
    assert metadata["task"] == "cml"
    assert metadata["num_records"] == {"train": 2, "val": 2, "test": 2}
    assert "Read 6 records: 6 written, 0 rejected." in capsys.readouterr().out
    assert sorted(os.listdir(tmp_path)) == ["ave", "encoded", "encoded_clips"]


def test_a_failed_job_leaves_no_output_and_resumes(folder, fast_encoders, tmp_path, monkeypatch):
    output = tmp_path / "out"
    fail_before_publishing(folder, output, monkeypatch)
    assert not output.exists() and fast_encoders.count() == 2
    assert main([str(folder), str(output), *FAST]) == 0
    assert fast_encoders.count() == 2
    assert not list(tmp_path.glob(".out*"))


def test_features_may_be_required_to_match_others(folder, fast_encoders, tmp_path, capsys):
    def run(name, *arguments):
        return main([str(folder), str(tmp_path / name), *FAST, *arguments])

    assert run("first") == 0
    weights = ["--visual_weights", "random", "--audio_weights", "random"]
    like = ["--like", str(tmp_path / "first")]
    assert main([str(folder), str(tmp_path / "second"), *weights, *like]) == 0
    assert run("third", "--like", str(tmp_path / "first"), "--frames_per_segment", "2") == 2
    assert "not match those of `--like`: frames_per_segment: 1, 2." in (capsys.readouterr().err)
    assert run("third", "--like", str(tmp_path / "nowhere")) == 2
    assert "nowhere/dataset.json does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["empty", "out", *FAST], "holds no file whose name ends in .mp4, "),
        (["videos", "videos", *FAST], "videos exists. Choose another OUTPUT"),
        (["videos", "out", *FAST, "--audio_weights", "a.h5"], "`--audio_weights`: "),
        (["videos", "out", *FAST, "--beam_args=--runner=X"], "cannot make the runner 'X'"),
        (["videos", "out", *FAST, "--task", "sel"], "No Annotations.txt in"),
        (["none", "out", *FAST, "--task", "sel"], "none is not a folder. Pass the folder"),
        (
            ["videos", "out", "--audio_weights", "none.weights.h5"],  # before a download of VGG-19
            "none.weights.h5 does not exist",
        ),
    ],
)
def test_wrong_arguments_end_with_a_clear_error(
    folder, tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    if "No Annotations.txt" not in message:
        assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_it_runs_as_a_program_with_the_real_encoders(folder, tmp_path):
    finished = programs.run(COMMAND, "extract", folder, tmp_path / "out", *FAST)
    assert finished.returncode == 0, finished.stderr
    assert "2 written, 1 rejected (1 unreadable)." in finished.stdout
    assert "Traceback" not in finished.stderr and "RANDOM WEIGHTS" in finished.stderr
    features = read_all(tmp_path / "out")["visual_features"].numpy()
    assert np.isfinite(features).all() and features.std(axis=(0, 2, 3, 4)).min() > 0


def test_two_jobs_never_make_one_output(folder, fast_encoders, tmp_path, capsys):
    output = tmp_path / "out"
    with exclusive(tmp_path / ".out.working"):
        assert main([str(folder), str(output), *FAST]) == 2
    assert "Another run is using" in capsys.readouterr().err
    assert main([str(folder), str(output), *FAST]) == 0


def test_changed_code_makes_a_failed_job_start_anew(folder, fast_encoders, tmp_path, monkeypatch):
    from avel_tf.sources import media_source

    output = tmp_path / "out"
    fail_before_publishing(folder, output, monkeypatch)
    assert fast_encoders.count() == 2
    monkeypatch.setattr(media_source, "code_digest", lambda: "other code")
    assert main([str(folder), str(output), *FAST]) == 0
    assert fast_encoders.count() == 4
    assert json.loads((output / "dataset.json").read_text())["source"]["code"] == "other code"


def test_precision_follows_the_dataset_to_match(folder, fast_encoders, tmp_path):
    def run(name, *arguments):
        return main([str(folder), str(tmp_path / name), *WEIGHTS, *arguments])

    assert run("first", "--encoder_precision", "bfloat16") == 0
    assert run("second", "--like", str(tmp_path / "first")) == 0  # auto would have to be tried


def test_advice_about_links_can_be_followed(folder, fast_encoders, tmp_path, capsys):
    (folder / "a.MP4").rename(tmp_path / "a.MP4")
    (folder / "a.MP4").symlink_to(tmp_path / "a.MP4")
    (folder / "more" / "b.mp4").unlink()
    (folder / "loop.mp4").symlink_to(folder / "loop.mp4")
    (folder / "round").symlink_to(folder)
    assert main([str(folder), str(tmp_path / "out"), *FAST]) == 2
    assert "(2 unreadable, 1 outside_folder)" in capsys.readouterr().err
    (folder / "a.MP4").unlink()
    os.link(tmp_path / "a.MP4", folder / "a.MP4")
    assert main([str(folder), str(tmp_path / "out"), *FAST]) == 0
    printed = capsys.readouterr().out
    assert "Left out, by suffix: 1 .txt." in printed
    assert "1 written, 2 rejected (2 unreadable)" in printed
