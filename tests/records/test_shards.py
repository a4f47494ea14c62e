"""Shards are complete or absent."""

import pathlib

import pytest

from avel_tf.errors import InputError
from avel_tf.records import read_shard, shard_paths, unpack_shards, write_shard
from avel_tf.records.shards import shard_name

EXAMPLES = [b"first", b"", b"third" * 1000]


@pytest.fixture
def path(tmp_path):
    return tmp_path / shard_name(0, 1)


def test_round_trip_in_order(path):
    write_shard(str(path), EXAMPLES)
    assert list(read_shard(str(path))) == EXAMPLES
    assert list(path.parent.iterdir()) == [path]


def test_shard_may_be_empty(path):
    write_shard(str(path), [])
    assert list(read_shard(str(path))) == []


def test_same_examples_same_bytes(path):
    write_shard(str(path), EXAMPLES)
    first = path.read_bytes()
    write_shard(str(path), EXAMPLES)
    assert path.read_bytes() == first
    write_shard(str(path), EXAMPLES[::-1])
    assert path.read_bytes() != first


def failing():
    yield b"first"
    raise OSError("no space left")


def test_failure_leaves_no_shard(path):
    with pytest.raises(OSError, match="no space left"):
        write_shard(str(path), failing())
    assert not path.exists()
    with pytest.raises(ValueError, match="holds 0 of an unknown number of TFRecord shards"):
        shard_paths(path.parent)
    write_shard(str(path), EXAMPLES)  # over what the failure left
    assert list(read_shard(str(path))) == EXAMPLES


def test_failure_keeps_the_shard_that_was_there(path):
    write_shard(str(path), EXAMPLES)
    with pytest.raises(OSError, match="no space left"):
        write_shard(str(path), failing())
    assert list(read_shard(str(path))) == EXAMPLES


DAMAGE = {
    "cut": lambda data: data[:-20],
    "no gzip": lambda data: b"xx" + data[2:],
    "no content": lambda data: b"",
    "cut in its header": lambda data: data[:5],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_noticed(path, damage):
    write_shard(str(path), EXAMPLES)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError) as error:
        list(read_shard(str(path)))
    assert str(error.value).startswith(f"{path} is damaged (")
    assert str(error.value).endswith(
        "Copy the dataset again from where it is whole, or make it again."
    )
    assert len(str(error.value)) < 400


def test_names_follow_tfx():
    assert shard_name(2, 31) == "data_tfrecord-00002-of-00031.gz"


def make_shards(folder, indices, count):
    for index in indices:
        (folder / shard_name(index, count)).touch()


def test_paths_are_sorted(tmp_path):
    make_shards(tmp_path, [2, 0, 1], 3)
    (tmp_path / f".partial-0-{shard_name(1, 3)}").touch()
    assert shard_paths(tmp_path) == [str(tmp_path / shard_name(index, 3)) for index in range(3)]


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_missing_shard_is_noticed(tmp_path, missing):
    make_shards(tmp_path, {0, 1, 2} - {missing}, 3)
    with pytest.raises(ValueError) as error:
        shard_paths(tmp_path)
    assert str(error.value).startswith(f"{tmp_path} holds 2 of 3 TFRecord shards. Copy the dat")


def test_shards_of_two_writings_are_noticed(tmp_path):
    make_shards(tmp_path, [0, 1], 2)
    make_shards(tmp_path, [0, 1, 2], 3)
    with pytest.raises(ValueError, match="holds 5 of 2 TFRecord shards"):
        shard_paths(tmp_path)


def test_missing_folder_is_noticed(tmp_path):
    with pytest.raises(ValueError, match="Split-val holds 0 of an unknown number"):
        shard_paths(tmp_path / "Split-val")


def test_two_attempts_at_one_shard_do_not_meet(tmp_path):
    path = str(tmp_path / shard_name(0, 1))
    examples = [bytes([number]) * 1000 for number in range(20)]

    def interrupted():
        yield from examples[:10]
        write_shard(path, examples)  # another worker's, begun later and whole first
        yield from examples[10:]

    write_shard(path, interrupted())
    assert list(read_shard(path)) == examples
    assert [file.name for file in tmp_path.iterdir()] == [shard_name(0, 1)]


def test_unpacked_shards_hold_the_same_without_compression(write_split, tmp_path):
    folder, target = write_split(3, 2), tmp_path / "unpacked"
    target.mkdir()
    unpack_shards(folder, target)
    paths = list(zip(shard_paths(folder), shard_paths(target), strict=True))
    for path, unpacked in paths:
        examples = list(read_shard(path))
        assert list(read_shard(unpacked)) == examples
        content = pathlib.Path(unpacked).read_bytes()
        assert all(example in content for example in examples)
        assert not any(example in pathlib.Path(path).read_bytes() for example in examples)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_shard_is_not_unpacked(path, tmp_path, damage):
    write_shard(str(path), EXAMPLES)
    path.write_bytes(damage(path.read_bytes()))
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(InputError, match=r"tfrecord-00000-of-00001.gz is damaged \(.+Copy the da"):
        unpack_shards(tmp_path, tmp_path / "unpacked")
