"""Features are found again by what they were made from."""

import numpy as np
import pytest

from avel_tf.feature_store import FeatureStore


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"content")
    return path


def test_features_come_back_in_half_precision(tmp_path, clip):
    store = FeatureStore(tmp_path / "store", {"weights": 1})
    path = store.path(clip, "audio")
    assert store.read(path) is None
    store.write(path, {"audio_features": np.array([1.0, 1 / 3, 1e6], np.float32)})
    found = store.read(path)
    assert found.keys() == {"audio_features"}
    np.testing.assert_array_equal(found["audio_features"], np.array([1, 1 / 3, np.inf], "<f2"))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_only_content_and_encoding_count(tmp_path, clip):
    store = FeatureStore(tmp_path, {"weights": 1, "frames": 16})
    renamed = tmp_path / "renamed.mkv"
    renamed.write_bytes(b"content")
    assert store.path(renamed, "audio") == store.path(clip, "audio")
    assert FeatureStore(tmp_path, {"frames": 16, "weights": 1}).path(clip, "audio") == store.path(
        clip, "audio"
    )
    assert FeatureStore(tmp_path, {"frames": 16, "weights": 2}).path(clip, "audio") != store.path(
        clip, "audio"
    )
    assert store.path(clip, "audio and visual") != store.path(clip, "audio")
    renamed.write_bytes(b"Content")
    assert store.path(renamed, "audio") != store.path(clip, "audio")


@pytest.mark.parametrize("damage", ["truncated", "changed", "emptied"])
def test_damaged_file_counts_as_none(tmp_path, clip, damage):
    store = FeatureStore(tmp_path / "store", {})
    path = store.path(clip, "audio")
    store.write(path, {"audio_features": np.arange(1280.0)})
    content = bytearray(path.read_bytes())
    if damage == "changed":
        content[700] ^= 1
    path.write_bytes({"truncated": content[:900], "changed": content, "emptied": b""}[damage])
    assert store.read(path) is None


def test_failed_write_leaves_nothing(tmp_path, clip, monkeypatch):
    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    store = FeatureStore(tmp_path / "store", {})
    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="no space left"):
        store.write(store.path(clip, "audio"), {"audio_features": np.ones(3)})
    assert list((tmp_path / "store").iterdir()) == []
