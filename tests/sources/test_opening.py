"""One reader a process and job."""

import pickle

import pytest

from avel_tf.configuration import EncodingConfig
from avel_tf.sources import MediaSource, OfficialSource, close_source, open_source


@pytest.fixture(autouse=True)
def _close():
    yield
    close_source()


@pytest.mark.parametrize(
    "source",
    [OfficialSource("features", 3), MediaSource("clips", ".mp4", EncodingConfig(), "store")],
    ids=["official", "media"],
)
def test_source_travels_to_workers(source):
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source and hash(copy) == hash(source)


def test_reader_is_made_once_a_process_and_job(feature_folder):
    def source():
        return OfficialSource(str(feature_folder), 64)

    first = open_source(source(), "job 1")
    assert open_source(source(), "job 1") is first
    second = open_source(source(), "job 2")
    assert second is not first
    assert not first._features._audio and second._features._audio  # h5py: closed, open
    close_source()
    assert not second._features._audio
