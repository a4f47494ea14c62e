"""A split that is not what the tables list is refused, with the file and what to do."""

import gzip
import shutil

import pytest

from avel_tf.errors import InputError
from avel_tf.records import DatasetFolder, check_split, read_shard, write_shard
from avel_tf.records.shards import shard_name


@pytest.fixture
def split(write_split):
    """The folder of a split of three shards, the second without a record."""
    return write_split(2, 0, 2)


def refusal(split):
    with pytest.raises(InputError) as error:
        check_split(DatasetFolder(split.parent), "train")
    return str(error.value)


def test_a_whole_split_passes(split):
    check_split(DatasetFolder(split.parent), "train")


@pytest.mark.parametrize("end", [0, 5, 100, -20])
def test_a_damaged_shard_is_named(split, end):
    path = split / shard_name(2, 3)
    path.write_bytes(path.read_bytes()[:end])
    assert refusal(split).startswith(f"{path} is damaged (")


def test_a_shard_that_was_cut_between_two_records_is_named(split):
    path = split / shard_name(2, 3)
    first, _ = read_shard(str(path))
    write_shard(str(path), [first])
    compressed = path.read_bytes()
    path.write_bytes(compressed[:-8])  # without the check sum that ends gzip
    assert len(list(read_shard(str(path)))) == 1  # TensorFlow does not notice
    assert refusal(split).startswith(f"{path} is damaged (")


def test_missing_records_are_counted(split):
    path = split / shard_name(2, 3)
    write_shard(str(path), [])
    assert refusal(split).startswith(
        f"{split} lacks 2 of the records that {split.parent / 'records.csv'} lists for train; the "
        "first is 2. Copy the dataset again"
    )


def test_a_shard_of_another_place_is_named(split):
    shutil.copy(split / shard_name(0, 3), split / shard_name(2, 3))
    assert refusal(split).startswith(f"{split / shard_name(2, 3)} holds the record 0, which ")


def test_a_shard_of_other_content_is_named(split):
    path = split / shard_name(1, 3)
    write_shard(str(path), [b"no example"])
    assert refusal(split).startswith(f"{path} holds something else than records. Copy")


def test_tables_that_disagree_are_named(split):
    tables = DatasetFolder(split.parent)
    text = tables.metadata_path.read_text()
    tables.metadata_path.write_text(text.replace('"train": 4', '"train": 5'))
    assert refusal(split).startswith(
        f"{tables.records_path} lists 4 records of train, but {tables.metadata_path} counts 5. Copy"
    )


def test_a_shard_in_several_parts_is_whole(split):
    # As gzip allows: each part is a stream of its own.
    path = split / shard_name(0, 3)
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:100]) + gzip.compress(content[100:]))
    check_split(DatasetFolder(split.parent), "train")
