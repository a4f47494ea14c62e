import dataclasses
import pathlib

from avel_tf.ave import Annotation
from avel_tf.records.dataset_folder import DatasetFolder, describe_rejects, differences

METADATA = {"task": "sel", "num_records": {"train": 2, "test": 0}, "num_rejected": {"no_audio": 1}}
COLUMNS = ["split", *(field.name for field in dataclasses.fields(Annotation))]
BARK, BELL = Annotation(4, "Bark", "a-b", 2, 5), Annotation(0, "Church bell", "_b", 0, 10)


def row(split, annotation, **more):
    return {"split": split, **dataclasses.asdict(annotation), **more}


def test_names_match_tfx_and_earlier_releases():
    dataset = DatasetFolder(pathlib.Path("/data"))
    assert dataset.split_path("train") == pathlib.Path("/data/Split-train")
    names = ("dataset.json", "records.csv", "rejects.csv")
    assert dataset.table_paths == tuple(pathlib.Path("/data", name) for name in names)
    paths = dataset.metadata_path, dataset.records_path, dataset.rejects_path
    assert paths == dataset.table_paths


def test_tables_can_be_read_back(tmp_path):
    dataset = DatasetFolder(tmp_path)
    rejected = row("test", Annotation(7, "Bark", "c", 1, 2), reason="no_audio", message='"c"\nhas')
    dataset.write_tables(METADATA, COLUMNS, [row("train", BARK), row("train", BELL)], [rejected])
    assert sorted(tmp_path.iterdir()) == sorted(dataset.table_paths)
    assert dataset.metadata() == METADATA
    assert dataset.annotations() == {"train": [BARK, BELL]}
    assert dataset.annotations()["test"] == []  # no record
    (found,) = dataset.rejects()
    assert found == {name: str(value) for name, value in rejected.items()}


def test_no_cell_is_a_formula(tmp_path):
    dataset = DatasetFolder(tmp_path)
    named = row("all", BARK) | {"video_id": "=1+1.mp4"}
    rejected = named | {"reason": "damaged", "message": "=1+1.mp4: broken"}
    dataset.write_tables(METADATA, COLUMNS, [named], [rejected])
    assert ",'=1+1.mp4," in dataset.records_path.read_text()
    assert "'=1+1.mp4: broken" in dataset.rejects_path.read_text()
    assert dataset.rejects() == [{name: str(value) for name, value in rejected.items()}]


def test_rejects_in_words():
    rejects = [{"row": "12", "message": "b.mp4: b"}, {"row": "9", "message": "a.mp4: a"}]
    metadata = METADATA | {"num_rejected": {"no_audio": 1, "damaged": 1}}
    assert describe_rejects(metadata, rejects) == (
        "2 of 4 records were rejected (1 no_audio, 1 damaged). The first is row 9, a.mp4: a"
    )


def test_differences_are_named_at_any_depth():
    first = {"kind": "media", "encoder": {"precision": "float32", "weights": "a"}, "only": 1}
    second = {"kind": "media", "encoder": {"precision": "bfloat16", "weights": "b"}}
    assert differences(first, first) == []
    assert differences(first, second, ("weights",)) == [
        "encoder.precision: float32, bfloat16",
        "only: 1, None",
    ]
