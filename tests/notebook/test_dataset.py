"""Datasets as arrays: the same records from every kind of folder."""

import json
import logging

import keras
import numpy as np
import pytest

import avel_tf
from avel_tf import media
from avel_tf.ave import OfficialFeatures, read_annotations, read_splits
from avel_tf.configuration import EncodingConfig
from avel_tf.errors import InputError
from avel_tf.models import AudioVisualLocalizer, CrossModalityLocalizer, SupervisedEventLocalizer
from avel_tf.simulation import SimulationConfig, render_dataset


@pytest.fixture(scope="module")
def simulated():
    return avel_tf.simulate(num_records=300)


def test_official_features_match_the_rows(feature_folder):
    dataset = avel_tf.load_dataset(feature_folder, task="cml")
    assert dataset.num_records == {"train": 40, "val": 12, "test": 12}
    assert dataset.source == {"kind": "official_features"}
    annotations = read_annotations(feature_folder / "Annotations.txt")
    rows = read_splits([feature_folder], annotations, "cml")["test"]
    split = dataset["test"]
    assert len(split) == 12
    assert split.annotations == [annotations[row] for row in rows]
    assert split["record_id"].tolist() == rows
    assert split["event_category"].tolist() == [annotations[row].event_category for row in rows]
    for name in ("event_relevance", "segment_label"):
        expected = [getattr(annotations[row], name) for row in rows]
        np.testing.assert_array_equal(split[name], expected)
    features = OfficialFeatures(feature_folder, len(annotations))
    for index, row in enumerate(rows):
        for name, array in zip(("audio_features", "visual_features"), features.read(row)):
            np.testing.assert_array_equal(split[name][index], array.astype(np.float16))
    features.close()


def test_a_dataset_folder_holds_the_same_records(feature_folder, examples_folder):
    official = avel_tf.load_dataset(feature_folder)["train"]
    extracted = avel_tf.load_dataset(examples_folder("sel"))["train"]
    assert extracted.arrays.keys() == official.arrays.keys()
    order, other = np.argsort(official["record_id"]), np.argsort(extracted["record_id"])
    for name, array in official.arrays.items():
        assert extracted[name].dtype == array.dtype, name
        np.testing.assert_array_equal(extracted[name][other], array[order], err_msg=name)
    by_row = {each.row: each for each in official.annotations}
    assert extracted.annotations == [by_row[row] for row in extracted["record_id"]]


def test_simulated_splits_are_read_on_first_use_and_kept(simulated):
    assert list(simulated.num_records) == ["train", "val", "test", "background"]
    assert sum(simulated.num_records.values()) == 300 + 178
    val = simulated["val"]
    assert simulated["val"] is val
    again = avel_tf.simulate(num_records=300)["val"]
    np.testing.assert_array_equal(again["audio_features"], val["audio_features"])
    other = avel_tf.simulate(num_records=300, seed=1)["val"]
    assert not np.array_equal(other["audio_features"][:1], val["audio_features"][:1])


def test_videos_are_encoded_once(tmp_path, fake_encoder):
    videos = render_dataset(tmp_path / "videos", SimulationConfig(num_clips=3, num_categories=1))
    encoding = EncodingConfig("random", "random", frames_per_segment=1, encoder_precision="float32")
    store = tmp_path / "store"
    dataset = avel_tf.load_dataset(videos, encoding=encoding, feature_store=store)
    assert dataset.source["kind"] == "media"
    (annotation,) = dataset["train"].annotations
    features = dataset["train"]["visual_features"]
    assert features.shape == (1, 10, 7, 7, 512) and features.any()
    (kept,) = (path for path in store.iterdir() if path.suffix == ".npz")

    changed = kept.stat().st_mtime_ns
    again = avel_tf.load_dataset(videos, encoding=encoding, feature_store=store)
    np.testing.assert_array_equal(again["train"]["visual_features"], features)
    assert kept.stat().st_mtime_ns == changed

    (videos / "AVE" / f"{annotation.video_id}.mp4").unlink()
    lacking = avel_tf.load_dataset(videos, encoding=encoding, feature_store=store)
    with pytest.raises(
        InputError, match=rf"None of the 1 records of train .*{annotation.video_id}"
    ):
        lacking["train"]


def test_videos_of_ones_own_have_their_own_categories(tmp_path, fake_encoder):
    rows = ["file,start,end,event"]
    for number in range(6):
        frames = np.full((3 * 2, 32, 32, 3), 40 * number, np.uint8)
        sound = 0.5 * np.sin(np.arange(3 * 16000) * 0.2)
        path = tmp_path / f"{number}.mp4"
        media.write_clip(path, frames, size=(32, 32), fps=2, waveform=sound, sample_rate_hz=16000)
        rows.append(f"{number}.mp4,1,3,{'horn' if number % 2 else 'bell'}")
    (tmp_path / "events.csv").write_text("\n".join(rows))
    encoding = EncodingConfig("random", "random", frames_per_segment=1, encoder_precision="float32")
    dataset = avel_tf.load_dataset(
        tmp_path, "sel", encoding, tmp_path / "store", events=tmp_path / "events.csv"
    )
    assert dataset.description.categories == ("bell", "horn")
    assert dataset.num_records == {"train": 2, "val": 2, "test": 2}
    val = dataset["val"]
    assert val["visual_features"].shape == (2, 10, 7, 7, 512)
    assert val["segment_label"][:, 1:].tolist() == [
        [label, label, *[-1] * 7] for label in val["event_category"]
    ]


def test_some_rejects_are_a_warning(simulated, monkeypatch, caplog):
    from avel_tf.errors import MediaError
    from avel_tf.sources import SimulatedReader

    read = SimulatedReader.read

    def failing(self, items):
        for number, record in enumerate(read(self, items)):
            yield MediaError("damaged", f"clip-{number}", "it ends early") if number < 2 else record

    monkeypatch.setattr(SimulatedReader, "read", failing)
    with caplog.at_level(logging.WARNING):
        split = avel_tf.simulate(num_records=300)["val"]
    whole = simulated["val"]
    assert len(split) == len(whole) - 2 and len(split.rejected) == 2
    assert split.annotations == whole.annotations[2:]
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(split[name], array[2:], err_msg=name)
    assert f"2 of {len(whole)} records of val were rejected. The first: clip-0" in caplog.text


def test_batches_are_what_keras_takes(simulated):
    model = SupervisedEventLocalizer(units=8, num_heads=2)
    val = simulated["val"]
    batches = val.batches(model, 8)
    assert len(batches) == -(-len(val) // 8)
    inputs, targets = next(iter(batches))
    assert inputs.keys() == model.input.keys() and targets.keys() == model.output.keys()
    np.testing.assert_array_equal(inputs["audio_features"], val["audio_features"][:8])
    np.testing.assert_array_equal(targets["segment_label"], val["segment_label"][:8])
    answers = model.predict(batches, verbose=0)
    assert answers["segment_label"].shape == (len(val), 10)


def test_each_epoch_has_its_own_order(simulated):
    audio = keras.Input((10, 128), name="audio_features")
    scores = keras.layers.Dense(28)(keras.layers.GlobalAveragePooling1D()(audio))
    model = keras.Model({"audio_features": audio}, {"event_category_logits": scores})
    val = simulated["val"]

    def order(**arguments):
        batches = val.batches(model, 8, **arguments)
        return np.concatenate([inputs["audio_features"][:, 0, 0] for inputs, _ in batches])

    plain = val["audio_features"][:, 0, 0]
    np.testing.assert_array_equal(order(), plain)
    both = order(epochs=2, seed=1).reshape(2, -1)
    np.testing.assert_array_equal(both, order(epochs=2, seed=1).reshape(2, -1))
    for epoch in both:
        assert not np.array_equal(epoch, plain)
        np.testing.assert_array_equal(np.sort(epoch), np.sort(plain))
    assert not np.array_equal(both[0], both[1])


def test_models_that_pool_maps_get_their_means(simulated):
    val = simulated["val"]
    for model in (CrossModalityLocalizer(units=8, num_heads=2), AudioVisualLocalizer()):
        means = val.arrays_for(model)["visual_features"]
        expected = val["visual_features"].astype(np.float64).mean(axis=(2, 3), keepdims=True)
        np.testing.assert_allclose(means, expected, rtol=1e-4, atol=1e-5)
        whole = {name: val.arrays[name][:4] for name in model.input}
        pooled = whole | {"visual_features": means[:4]}
        for name, value in model.predict_on_batch(whole).items():
            again = model.predict_on_batch(pooled)[name]
            np.testing.assert_allclose(again, value, rtol=1e-3, atol=1e-3, err_msg=name)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {"spectrogram": keras.Input((10, 64), name="spectrogram")},
            r"takes \['spectrogram'\], which the records lack",
        ),
        ([keras.Input((10, 128))], "a functional Keras model with a dict of inputs"),
    ],
)
def test_models_that_take_something_else_are_refused(simulated, inputs, message):
    (tensor,) = inputs.values() if isinstance(inputs, dict) else inputs
    model = keras.Model(inputs, {"event_category_logits": keras.layers.Dense(28)(tensor)})
    with pytest.raises(ValueError, match=message):
        simulated["val"].batches(model)


def test_a_folder_that_is_not_a_dataset_is_refused(tmp_path, examples_folder):
    with pytest.raises(InputError, match="holds no dataset: neither dataset.json nor"):
        avel_tf.load_dataset(tmp_path)
    with pytest.raises(InputError, match=r"for sel, not for cml. Give `task='sel'`."):
        avel_tf.load_dataset(examples_folder("sel"), task="cml")
    with pytest.raises(ValueError, match="`task` must be one of"):
        avel_tf.load_dataset(tmp_path, task="both")
    (tmp_path / "dataset.json").write_text(json.dumps({"num_records": {"all": 3}}))
    with pytest.raises(InputError, match="holds features without labels"):
        avel_tf.load_dataset(tmp_path)


def test_an_unknown_split_is_named(simulated):
    with pytest.raises(
        KeyError, match=r"splits \['train', 'val', 'test', 'background'\], not 'dev'"
    ):
        simulated["dev"]


def test_a_notebook_shows_the_splits(simulated):
    shown = simulated._repr_html_()
    assert "Task sel, source: simulated features" in shown
    for split, count in simulated.num_records.items():
        assert f">{split}</td>" in shown and f">{count}</td>" in shown
    counts = "train 242, val 29, test 29, background 178"
    assert repr(simulated) == f"Dataset for sel from simulated features: {counts} records"
