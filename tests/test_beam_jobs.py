"""Beam options: the right runner, and no misspelled option."""

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import StandardOptions

from avel_tf import beam_jobs


def test_default_runs_in_process():
    assert beam_jobs.options().view_as(StandardOptions).runner == "FnApiRunner"


@pytest.mark.parametrize("runner", ["FlinkRunner", "SparkRunner", "PortableRunner"])
def test_runners_of_clusters_are_known_with_their_options(runner):
    options = beam_jobs.options([f"--runner={runner}", "--environment_type=LOOPBACK"])
    assert options.view_as(StandardOptions).runner == runner


def test_dask_gets_one_shard_per_task():
    from apache_beam.runners.dask.dask_runner import DaskOptions

    args = ["--runner=DaskRunner", "--dask_client_address=tcp://localhost:1"]
    assert beam_jobs.options(args).view_as(DaskOptions).partition_size == 1
    chosen = beam_jobs.options([*args, "--dask_npartitions=3"]).view_as(DaskOptions)
    assert (chosen.npartitions, chosen.partition_size) == (3, None)


@pytest.mark.parametrize("runner", ["NoRunner", "no.such.module.Runner"])
def test_unknown_runner_is_named(runner):
    with pytest.raises(ValueError, match=f"Beam cannot make the runner '{runner}'.*--beam_args"):
        beam_jobs.options([f"--runner={runner}"])


def test_ctrl_c_stays_ctrl_c():
    def interrupt(element):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with beam_jobs.pipeline() as job:
            _ = job | beam.Create([1]) | beam.Map(interrupt)


def test_misspelled_option_is_named():
    with pytest.raises(ValueError, match=r"Beam has no option \['direct_num_worker'\]"):
        beam_jobs.options(["--direct_num_worker=2"])
