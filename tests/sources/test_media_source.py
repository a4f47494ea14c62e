"""Media files as a source: the right file, decoded ahead, with the origin of its features."""

import dataclasses
import importlib.metadata
import json
import pathlib
import shutil
import threading
import time

import numpy as np
import pytest

from avel_tf import encoders
from avel_tf.ave import Annotation
from avel_tf.configuration import EncodingConfig
from avel_tf.encoders import choosing
from avel_tf.errors import InputError
from avel_tf.media import write_clip
from avel_tf.records import MediaFile
from avel_tf.records.description import AVE
from avel_tf.sources import MediaSource, media_source

ENCODING = EncodingConfig("random", "random", 1, "float32")


@dataclasses.dataclass
class Choice:
    precision: str
    speed_up: float


class Stub:
    """An encoder of brightness or loudness."""

    frame_shape = (224, 224, 3)

    def __init__(self, weights, precision="float32"):
        self.precision = precision

    def __call__(self, inputs):
        values = np.abs(inputs.astype("float32")).reshape(10, -1).mean(axis=1)
        shape = (10, 128) if inputs.ndim == 2 else (10, 7, 7, 512)
        return values.reshape(10, *[1] * (len(shape) - 1)) * np.ones(shape, "float32")

    def metadata(self):
        return {"precision": self.precision}


@pytest.fixture
def stubs(monkeypatch):
    monkeypatch.setitem(choosing.VISUAL_ENCODERS, "vgg19", Stub)
    monkeypatch.setitem(choosing.AUDIO_ENCODERS, "vggish", Stub)


def write(path, brightness, seconds=10, sample_rate_hz=16000):
    """Writes a clip of one brightness, or one for each frame, with equally loud sound."""
    frames = np.full((2 * seconds, 32, 32, 3), brightness, np.uint8)
    sound = np.sin(np.arange(sample_rate_hz * seconds) * 0.2) * np.mean(brightness) / 255
    write_clip(path, frames, size=(32, 32), fps=2, waveform=sound, sample_rate_hz=sample_rate_hz)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "clips"
    path.mkdir()
    return path


@pytest.fixture
def open_reader(folder, tmp_path):
    """Function that opens a source on `folder`, and closes it after the test."""
    readers = []

    def open_it(suffix=".mp4", encoding=ENCODING):
        source = MediaSource(str(folder), suffix, encoding, str(tmp_path / "features"))
        readers.append(source.resolve().open())
        return readers[-1]

    yield open_it
    for reader in readers:
        reader.close()


def test_missing_clips_folder_is_named(tmp_path):
    source = MediaSource(str(tmp_path / "AVE"), ".mp4", ENCODING, str(tmp_path))
    with pytest.raises(
        InputError, match=r"AVE is not a folder. The AVE release must hold Annotations"
    ):
        source.open()


@pytest.mark.parametrize("place", ["clips/simulation.json", "simulation.json"])
def test_simulated_clips_are_told_and_encoded_like_others(
    stubs, open_reader, folder, tmp_path, place
):
    write(folder / "clip.mp4", 100)
    reader = open_reader(suffix="")
    list(reader.read([MediaFile(0, "clip.mp4")]))
    assert "simulated_clips" not in reader.metadata()
    kept = list((tmp_path / "features").iterdir())
    (tmp_path / place).write_text("{}")  # of the release, or of a folder with clips in it
    reader = open_reader(suffix="")
    assert reader.metadata()["simulated_clips"] is True
    list(reader.read([MediaFile(0, "clip.mp4")]))
    assert list((tmp_path / "features").iterdir()) == kept


def test_records_come_in_their_order_with_the_rejects_among_them(stubs, open_reader, folder):
    for number in range(12):
        if number % 5:
            write(folder / f"clip{number}.mp4", 20 * number)
    items = [Annotation(number, "Bark", f"clip{number}", 0, 4) for number in range(12)]
    results = list(open_reader().read(items))
    reasons = [getattr(result, "reason", None) for result in results]
    assert reasons == [None if number % 5 else "missing_file" for number in range(12)]
    for item, result in zip(items, results, strict=True):
        if item.row % 5:
            assert result.annotation is item
            np.testing.assert_allclose(result.visual_features, 20 * item.row, atol=3)


def test_links_out_of_the_folder_are_not_read(stubs, open_reader, folder, tmp_path):
    write(tmp_path / "secret.mp4", 100)
    (folder / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (folder / "dangling.mp4").symlink_to(tmp_path / "nothing.mp4")
    names = ["link.mp4", "../secret.mp4", str(tmp_path / "secret.mp4"), "dangling.mp4"]
    results = open_reader(suffix="").read([MediaFile(0, name) for name in names])
    assert [result.reason for result in results] == ["outside_folder"] * 4


def test_a_file_nobody_may_read_is_a_reject(stubs, open_reader, folder, monkeypatch):
    def refuse(self, clip, names, segments, max_seconds):
        raise PermissionError(13, "Permission denied", str(clip))

    (folder / "clip.mp4").write_bytes(b"x")
    monkeypatch.setattr(media_source.FeatureStore, "path", refuse)  # root may read everything
    (result,) = open_reader().read([Annotation(0, "Bark", "clip", 0, 4)])
    assert result.reason == "unreadable" and "Permission denied" in str(result)


def test_audio_files_give_only_audio_features(stubs, open_reader, folder):
    import av

    with av.open(str(folder / "bark.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        samples = np.full((1, 160000), 8192, np.int16)
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    (record,) = open_reader(suffix="").read([MediaFile(0, "bark.wav")])
    np.testing.assert_allclose(record.audio_features, 0.25)
    assert record.visual_features is None
    (again,) = open_reader(suffix="").read([MediaFile(0, "bark.wav")])  # from the store
    assert again.visual_features is None
    shutil.copy(folder / "bark.wav", folder / "bark.mp4")  # the store must not treat it as audio
    (other,) = open_reader(suffix="").read([MediaFile(1, "bark.mp4")])
    assert other.reason == "no_video"


def test_stored_features_equal_the_computed_ones(stubs, open_reader, folder):
    write(folder / "clip.mp4", 77)
    items = [Annotation(0, "Bark", "clip", 0, 4)]
    (made,), (kept,) = open_reader().read(items), open_reader().read(items)
    stored = kept.padded_features(AVE)
    for name, array in made.padded_features(AVE).items():
        np.testing.assert_array_equal(stored[name], array.astype("<f2"))
    assert kept.audio_features.dtype == np.dtype("<f2") != made.audio_features.dtype


def test_pictures_that_come_again_are_counted_from_the_store_too(stubs, open_reader, folder):
    write(folder / "still.mp4", 77)
    write(folder / "moving.mp4", np.linspace(50, 240, 20)[:, None, None, None])
    items = [Annotation(0, "Bark", "still", 0, 4), Annotation(1, "Bark", "moving", 0, 4)]
    for _ in range(2):
        records = open_reader().read(items)
        assert [record.num_repeated_frames for record in records] == [9, 0]


def replace(clip, other):
    other.rename(clip)


def overwrite(clip, other):
    clip.write_bytes(other.read_bytes())


@pytest.mark.parametrize("change", [replace, overwrite, lambda clip, other: clip.unlink()])
def test_features_of_a_clip_that_changes_meanwhile_are_not_kept(
    stubs, open_reader, folder, tmp_path, monkeypatch, change
):
    write(folder / "clip.mp4", 77)
    write(tmp_path / "other.mp4", 200)
    read = media_source.DecoderProcess.read

    def change_and_read(self, path, **settings):
        copy = shutil.copy(path, tmp_path / "copy.mp4")
        change(path, tmp_path / "other.mp4")
        return read(self, path if path.exists() else copy, **settings)

    monkeypatch.setattr(media_source.DecoderProcess, "read", change_and_read)
    (result,) = open_reader().read([Annotation(0, "Bark", "clip", 0, 4)])
    assert result.reason == "changed"
    assert str(result).endswith(
        "clip.mp4: it was changed or replaced while it was read (changed). Run again once nothing "
        "writes to it."
    )
    assert not list(tmp_path.glob("features/*.npz"))


def test_decoding_runs_ahead_within_limits(stubs, open_reader, folder, monkeypatch):
    decoded = []
    monkeypatch.setattr(
        media_source.MediaReader,
        "_decode",
        lambda self, item: (decoded.append(item.row), (pathlib.Path("kept"), {}))[1],
    )
    monkeypatch.setattr(media_source, "_finish", lambda item, features: features.result() or item)
    results = open_reader().read([MediaFile(row, "clip") for row in range(100)])
    next(results)
    assert len(decoded) <= 1 + media_source.CLIPS_AHEAD
    assert sum(1 for _ in results) == 99 and sorted(decoded) == list(range(100))


def test_the_next_clip_is_decoded_while_one_is_encoded_and_written(
    stubs, open_reader, folder, monkeypatch
):
    write(folder / "clip.mp4", 77)
    write(folder / "next.mp4", 99)
    reader, decoded = open_reader(), threading.Event()
    decode, encode = reader._decode, reader._encode

    def decode_and_tell(item):
        found = decode(item)
        if item.row == 1:
            decoded.set()
        return found

    def encode_after_that(*arguments):
        assert decoded.wait(60)  # or the first clip is never encoded
        return encode(*arguments)

    monkeypatch.setattr(reader, "_decode", decode_and_tell)
    monkeypatch.setattr(reader, "_encode", encode_after_that)
    items = [MediaFile(0, "clip"), MediaFile(1, "next"), MediaFile(2, "none")]
    results = reader.read(items)
    assert next(results).annotation is items[0]
    # While the caller writes that one, the next is encoded.
    end = time.monotonic() + 60
    while len(list(folder.parent.glob("features/*.npz"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert [getattr(result, "reason", None) for result in results] == [None, "missing_file"]


def test_sound_is_resampled_ahead_of_the_encoders(stubs, open_reader, folder, monkeypatch):
    write(folder / "clip.mp4", 77, sample_rate_hz=44100)
    reader, rates = open_reader(), []
    encode = reader._encode
    monkeypatch.setattr(
        reader, "_encode", lambda kept, clip: (rates.append(clip.rate_hz), encode(kept, clip))[1]
    )
    list(reader.read([MediaFile(0, "clip")]))
    assert rates == [16000]


def test_other_code_or_weights_make_other_features_but_another_file_name_does_not(
    stubs, open_reader, folder, monkeypatch
):
    write(folder / "clip.mp4", 77)
    names = ("audio_features", "visual_features")

    def kept():
        return open_reader()._store.path(folder / "clip.mp4", names, range(10), 9)

    monkeypatch.setattr(Stub, "metadata", lambda self: {"weights": "a.h5", "weights_sha256": "1"})
    first = kept()
    monkeypatch.setattr(Stub, "metadata", lambda self: {"weights": "b.h5", "weights_sha256": "1"})
    assert kept() == first
    monkeypatch.setattr(Stub, "metadata", lambda self: {"weights": "b.h5", "weights_sha256": "2"})
    assert kept() != first
    monkeypatch.setattr(Stub, "metadata", lambda self: {"weights": "a.h5", "weights_sha256": "1"})
    monkeypatch.setattr(media_source, "code_digest", lambda: "other code")
    assert kept() != first


def test_features_depend_on_the_code_that_makes_them(monkeypatch):
    read = pathlib.Path.read_bytes

    def digest_if_changed(name):
        media_source.code_digest.cache_clear()
        monkeypatch.setattr(
            pathlib.Path, "read_bytes", lambda path: read(path) + b"#" * (path.name == name)
        )
        return media_source.code_digest()

    names = ("", "log_mel.py", "frames.py", "media_source.py", "conversion.py")
    unchanged, *changed, irrelevant = (digest_if_changed(name) for name in names)
    media_source.code_digest.cache_clear()
    assert unchanged not in changed and len(set(changed)) == 3
    assert irrelevant == unchanged


def test_a_bug_in_an_encoder_is_not_a_reject(stubs, open_reader, folder, monkeypatch):
    write(folder / "clip.mp4", 77)
    reader = open_reader()
    monkeypatch.setattr(Stub, "__call__", lambda self, inputs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(reader.read([Annotation(0, "Bark", "clip", 0, 4)]))


def test_automatic_precision_is_chosen_once_per_store(monkeypatch, folder, tmp_path):
    calls = []

    def choose(weights):
        calls.append(weights)
        return Choice("bfloat16", 3.0)

    monkeypatch.setattr(encoders, "choose_precision", choose, raising=False)
    encoding = EncodingConfig("random", "random", 1)
    source = MediaSource(str(folder), ".mp4", encoding, str(tmp_path / "features"))
    for _ in range(2):
        assert source.resolve().encoding.encoder_precision == "bfloat16"
    assert calls == ["random"]
    fixed = MediaSource(str(folder), ".mp4", ENCODING, str(tmp_path / "features"))
    assert fixed.resolve() == fixed


@pytest.mark.slow
def test_media_reader_on_a_real_clip(real_data, folder, open_reader):
    shutil.copy(real_data / "clips" / "llp_BjCEufrlXm4.mp4", folder / "-video.mp4")
    reader = open_reader()

    (record,) = reader.read([Annotation(5, "Bark", "-video", 0, 4)])
    assert record.annotation.row == 5
    for array in (record.audio_features, record.visual_features):
        assert array.dtype == np.float32
        assert array.min() >= 0 and array.any(axis=tuple(range(1, array.ndim))).all()
        assert np.isfinite(array).all()

    metadata = reader.metadata()
    assert json.loads(json.dumps(metadata)) == metadata
    assert metadata["kind"] == "media"
    assert metadata["frames_per_segment"] == 1
    assert metadata["decoder"] == f"av {importlib.metadata.version('av')}"
    digests = {metadata[f"{kind}_encoder"]["weights_sha256"] for kind in ("visual", "audio")}
    assert len(digests) == 2
