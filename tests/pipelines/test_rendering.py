"""The demo's clips: by one run at a time, and without leftovers."""

import pytest

from avel_tf.simulation import SimulationConfig
from avel_tf.utils import atomic
from avel_tf.utils.locks import exclusive
from pipelines.demo import render_clips

SMALL = SimulationConfig(num_clips=3, num_categories=1, fps=1, width=32, height=32)


def test_a_second_run_is_told_of_the_first(tmp_path):
    with exclusive(tmp_path):
        with pytest.raises(RuntimeError, match="Another run is using .*Wait until it ends"):
            render_clips(tmp_path / "clips", SMALL, tmp_path)
    assert not (tmp_path / "clips").exists()


def test_what_a_killed_run_left_is_removed(tmp_path):
    atomic._partial(tmp_path / "clips").mkdir()
    (tmp_path / ".partial-1-others").mkdir()
    assert len(list(tmp_path.iterdir())) == 2
    render_clips(tmp_path / "clips", SMALL, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"clips", ".lock", ".partial-1-others"}
    assert (tmp_path / "clips" / "Annotations.txt").is_file()
    render_clips(tmp_path / "clips", SMALL, tmp_path)  # they are there
