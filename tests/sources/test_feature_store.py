"""Features are retrieved by the content and the settings they were made from."""

import numpy as np
import pytest

from avel_tf.sources.feature_store import FeatureStore

AUDIO = ("audio_features",)
BOTH = ("audio_features", "visual_features")


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"content")
    return path


def test_features_are_retrieved_in_half_precision(tmp_path, clip):
    store = FeatureStore(tmp_path / "store", {"weights": 1})
    path = store.path(clip, AUDIO, range(10), 9)
    assert store.read(path, AUDIO) is None
    store.write(path, {"audio_features": np.array([1.0, 1 / 3, 1e6], np.float32)})
    found = store.read(path, AUDIO)
    assert found.keys() == {"audio_features"}
    np.testing.assert_array_equal(found["audio_features"], np.array([1, 1 / 3, np.inf], "<f2"))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_counts_are_kept_as_they_are(tmp_path, clip):
    store = FeatureStore(tmp_path / "store", {})
    path = store.path(clip, ("num_repeated_frames",), range(10), 9)
    store.write(path, {"num_repeated_frames": np.array(4099)})  # which half precision rounds
    assert store.read(path, ("num_repeated_frames",)) == {"num_repeated_frames": 4099}


def test_only_content_and_encoding_count(tmp_path, clip):
    store = FeatureStore(tmp_path, {"weights": 1, "frames": 16})
    renamed = tmp_path / "renamed.mkv"
    renamed.write_bytes(b"content")
    assert store.path(renamed, AUDIO, range(10), 9) == store.path(clip, AUDIO, range(10), 9)
    same = FeatureStore(tmp_path, {"frames": 16, "weights": 1})
    other = FeatureStore(tmp_path, {"frames": 16, "weights": 2})
    assert (
        same.path(clip, AUDIO, range(10), 9)
        == store.path(clip, AUDIO, range(10), 9)
        != other.path(clip, AUDIO, range(10), 9)
    )
    assert store.path(clip, BOTH, range(10), 9) != store.path(clip, AUDIO, range(10), 9)
    renamed.write_bytes(b"Content")
    assert store.path(renamed, AUDIO, range(10), 9) != store.path(clip, AUDIO, range(10), 9)


def test_every_flipped_byte_is_noticed(tmp_path, clip):
    store = FeatureStore(tmp_path / "store", {})
    path = store.path(clip, AUDIO, range(10), 9)
    store.write(path, {"audio_features": np.arange(64.0)})
    content = path.read_bytes()
    for index in range(len(content)):
        path.write_bytes(content[:index] + bytes([content[index] ^ 255]) + content[index + 1 :])
        found = store.read(path, AUDIO)
        assert found is None or np.array_equal(found["audio_features"], np.arange(64.0)), index


def test_unreadable_features_are_an_error(tmp_path, clip, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    store = FeatureStore(tmp_path / "store", {})
    monkeypatch.setattr(np, "load", refuse)  # root may read everything
    with pytest.raises(PermissionError):
        store.read(store.path(clip, AUDIO, range(10), 9), AUDIO)


def test_reading_an_endless_file_times_out(tmp_path):
    with pytest.raises(TimeoutError, match="reading /dev/zero took longer than 0.05 s"):
        FeatureStore(tmp_path, {}).path("/dev/zero", AUDIO, range(10), 0.05)


@pytest.mark.parametrize("damage", ["truncated", "changed", "emptied"])
def test_damaged_file_counts_as_missing(tmp_path, clip, damage):
    store = FeatureStore(tmp_path / "store", {})
    path = store.path(clip, AUDIO, range(10), 9)
    store.write(path, {"audio_features": np.arange(1280.0)})
    content = bytearray(path.read_bytes())
    if damage == "changed":
        content[700] ^= 1
    path.write_bytes({"truncated": content[:900], "changed": content, "emptied": b""}[damage])
    assert store.read(path, AUDIO) is None


def test_failed_write_leaves_nothing(tmp_path, clip, monkeypatch):
    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    store = FeatureStore(tmp_path / "store", {})
    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="no space left"):
        store.write(store.path(clip, AUDIO, range(10), 9), {"audio_features": np.ones(3)})
    assert list((tmp_path / "store").iterdir()) == []
