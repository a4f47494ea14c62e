"""Released weights: in the cache, quickly downloaded, or given up."""

import dataclasses
import hashlib
import threading

import pytest
from keras.src.applications import efficientnet_v2

from avel_tf.encoders import released_files
from avel_tf.encoders.released_files import EFFICIENTNETV2B0, ReleasedFile, fetch_quickly

CONTENT = b"weights"


@pytest.fixture
def released(tmp_path, monkeypatch) -> ReleasedFile:
    """A file in a folder in place of the network, and an empty cache."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    origin = tmp_path / "released.h5"
    origin.write_bytes(CONTENT)
    return ReleasedFile(origin.as_uri(), "models", "md5", hashlib.md5(CONTENT).hexdigest())


def test_a_file_is_kept_where_keras_looks_for_it(released, tmp_path):
    assert not released.is_cached()
    assert fetch_quickly([released], 60)
    assert (tmp_path / "keras/models/released.h5").read_bytes() == CONTENT
    (tmp_path / "released.h5").unlink()
    assert fetch_quickly([released], 0)  # from the cache


def test_half_a_file_in_the_cache_is_replaced(released):
    released.path.parent.mkdir(parents=True)
    released.path.write_bytes(CONTENT[:3])
    assert fetch_quickly([released], 60)
    assert released.path.read_bytes() == CONTENT


def test_another_file_is_not_kept(released):
    other = dataclasses.replace(released, digest="0" * 32)
    assert not fetch_quickly([other], 60)
    assert not list(released.path.parent.iterdir())


def test_one_missing_file_is_a_failure(released):
    missing = dataclasses.replace(released, url=released.url + ".missing")
    assert not fetch_quickly([released, missing], 60)


def test_a_network_that_does_not_answer_is_not_waited_for(released, monkeypatch):
    answer = threading.Event()

    def never(*_, **__):
        answer.wait()
        raise OSError

    monkeypatch.setattr(released_files, "CONNECT_SECONDS", 0.01)
    monkeypatch.setattr("urllib.request.urlopen", never)
    assert not fetch_quickly([released], 1e6)
    answer.set()


def test_what_lasts_too_long_is_given_up(released):
    assert not fetch_quickly([released], -1)
    assert not released.path.exists()


def test_the_network_of_keras_is_meant():
    base, name = efficientnet_v2.BASE_WEIGHTS_PATH, "efficientnetv2-b0_notop.h5"
    assert EFFICIENTNETV2B0.url == base + name
    assert efficientnet_v2.WEIGHTS_HASHES["b0"][1] == EFFICIENTNETV2B0.digest
