"""The batches that a training reads, and what is wrong with their files."""

import dataclasses
import os
import pathlib
import shutil

import numpy as np
import pytest

from avel_tf.configuration import TrainingConfig
from avel_tf.errors import InputError
from avel_tf.records import DatasetFolder, shard_paths
from avel_tf.training import train as training
from tests.training.runs import TINY


@pytest.mark.parametrize("in_memory", [False, True])
def test_number_of_records_must_be_correct(examples_folder, in_memory, tmp_path):
    # A dataset.json that does not match the shards would change the length of an epoch.
    config = TrainingConfig("sel", model=TINY.model, batch_size=8, in_memory=in_memory)
    model = training.compiled_model(config, 1)
    examples = examples_folder("sel")
    batches = training._batches(
        config, model, DatasetFolder(examples), tmp_path, "val", {"val": 17}
    )
    with pytest.raises(Exception, match="expected to contain 3 elements but contained only 2"):
        list(batches)


@pytest.fixture
def copied_examples(examples_folder, tmp_path):
    """A copy of the examples of `sel` to damage, its `DatasetFolder`."""
    shutil.copytree(examples_folder("sel"), tmp_path / "examples")
    return DatasetFolder(tmp_path / "examples")


def read_val(dataset, working_dir, **arguments):
    """Reads the batches of val as a training does."""
    config = TrainingConfig("sel", model=TINY.model, batch_size=8, **arguments)
    model = training.compiled_model(config, 1)
    return list(training._batches(config, model, dataset, working_dir, "val", {"val": 12}))


@pytest.mark.parametrize("in_memory", [False, True])
@pytest.mark.parametrize("end", [0, -20])
def test_a_damaged_shard_is_named(copied_examples, tmp_path, in_memory, end):
    path = pathlib.Path(shard_paths(copied_examples.split_path("val"))[1])
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(InputError, match=f"{path} is damaged .* Copy the dataset again"):
        read_val(copied_examples, tmp_path, in_memory=in_memory)


def test_the_unpacked_copy_follows_the_content_of_the_shards(copied_examples, tmp_path):
    first, second = map(pathlib.Path, shard_paths(copied_examples.split_path("val")))
    whole, state = second.read_bytes(), second.stat()
    before = read_val(copied_examples, tmp_path)
    copies = list((tmp_path / "records" / "val").iterdir())
    read_val(copied_examples, tmp_path)
    assert list((tmp_path / "records" / "val").iterdir()) == copies  # used again

    second.write_bytes(first.read_bytes())  # another's, then repaired byte for byte
    with pytest.raises(InputError, match=f"{second} holds the record"):
        read_val(copied_examples, tmp_path)
    assert not list((tmp_path / "records").glob("val/*"))
    second.write_bytes(whole)
    os.utime(second, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = read_val(copied_examples, tmp_path)
    for batch, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(batch[0]["audio_features"], other[0]["audio_features"])


def val_batches(config, examples, working_dir):
    model = training.compiled_model(config, 1)
    batches = training._batches(
        config, model, DatasetFolder(examples), working_dir, "val", {"val": 12}
    )
    return {name: tensor.shape[2:] for name, tensor in model.input.items()}, list(batches)


@pytest.mark.parametrize(("task", "system"), [("sel", "dam"), ("sel", "avsdn"), ("cml", "dam")])
def test_batches_are_the_same_in_memory(examples_folder, task, system, tmp_path):
    variant = {"model": TINY.model} if system == "dam" else {}
    config = TrainingConfig(task, system, batch_size=8, **variant)
    inputs, batches = val_batches(config, examples_folder(task), tmp_path)
    # A model that sees only the mean of the map is given only the mean.
    map_shape = (7, 7) if inputs["visual_features"][0] else (1, 1)
    assert (map_shape == (7, 7)) == ((task, system) == ("sel", "dam"))
    for features, _ in batches:
        assert features.keys() == inputs.keys()
        assert features["visual_features"].shape[2:] == (*map_shape, 512)
    config = dataclasses.replace(config, in_memory=True)
    _, others = val_batches(config, examples_folder(task), tmp_path)
    assert [len(features["audio_features"]) for features, _ in others] == [8, 4]
    for batch, other in zip(batches, others, strict=True):
        for ours, theirs in zip(batch, other, strict=True):
            assert ours.keys() == theirs.keys()
            for name, array in ours.items():
                np.testing.assert_array_equal(theirs[name], array, err_msg=name)
