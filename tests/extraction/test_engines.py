"""The same job on Beam's own engines in several processes, with the same bytes."""

import contextlib
import os

import pytest

from avel_tf.configuration import EncodingConfig, ExtractionConfig
from avel_tf.sources import release


@contextlib.contextmanager
def processes():
    yield (
        "--runner=DirectRunner",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
    )


@contextlib.contextmanager
def dask():
    from dask.distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:
        yield ("--runner=DaskRunner", f"--dask_client_address={cluster.scheduler_address}")


@pytest.mark.slow
@pytest.mark.parametrize("engine", [processes, dask])
def test_engine_makes_the_same_dataset(clips, fast_encoders, run_in, tmp_path, monkeypatch, engine):
    import fast_encoders as module

    monkeypatch.setattr(release, "MediaSource", module.FastSource)
    encoding = EncodingConfig("random", "random", 1, "float32")
    config = ExtractionConfig("sel", data_root=str(clips), encoding=encoding, records_per_shard=1)
    expected = run_in(tmp_path / "here", config)
    with engine() as beam_args:
        made = run_in(tmp_path / "there", config, beam_args)
    assert made.tree() == expected.tree()
    workers = fast_encoders.processes()[6:]
    assert len(workers) == 6 and str(os.getpid()) not in workers
