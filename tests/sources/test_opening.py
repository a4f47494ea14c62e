"""One reader per process and job."""

import pickle

import pytest

from avel_tf.configuration import EncodingConfig
from avel_tf.sources import MediaSource, OfficialSource, close_idle_sources, open_source


@pytest.fixture(autouse=True)
def _close():
    yield
    close_idle_sources()


@pytest.mark.parametrize(
    "source",
    [OfficialSource("features", 3), MediaSource("clips", ".mp4", EncodingConfig(), "store")],
    ids=["official", "media"],
)
def test_source_travels_to_workers(source):
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source and hash(copy) == hash(source)


def test_reader_is_made_once_per_process_and_job(feature_folder):
    def source():
        return OfficialSource(str(feature_folder), 64)

    with open_source(source(), "job 1") as first:
        pass
    with open_source(source(), "job 1") as again:
        assert again is first
        # Another job at the same time has its own reader and does not close this one.
        with open_source(source(), "job 2") as second:
            assert second is not first
            assert first._features._audio and second._features._audio  # h5py: open
    with open_source(source(), "job 3"):
        assert not first._features._audio and not second._features._audio
    close_idle_sources()
    with open_source(source(), "job 3") as third, open_source(source(), "job 3") as same:
        close_idle_sources()
        assert third is same and third._features._audio
