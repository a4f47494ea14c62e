"""AveExampleGen: its outputs, its cache key and its errors."""

import os

import pytest

from avel_tf.configuration import EncodingConfig, ExtractionConfig
from components import component, launcher, lineage
from components.ave_example_gen import AveExampleGen


@pytest.fixture
def run(tmp_path):
    """Function that runs a pipeline of only this component."""

    def run_pipeline(**arguments):
        example_gen = AveExampleGen(ExtractionConfig("sel", **arguments), (), tmp_path / "features")
        run_pipeline.count += 1
        (result,) = launcher.run_pipeline(
            component.Pipeline("test", (example_gen,)),
            pipeline_root=tmp_path / "root",
            lineage=lineage.Lineage(tmp_path / "lineage.sqlite"),
            run_id=f"run-{run_pipeline.count}",
        )
        return result

    run_pipeline.count = 0
    return run_pipeline


def test_publishes_examples_and_is_cached(run, feature_folder):
    first = run(features_dir=str(feature_folder))
    assert (first.state, first.error) == ("COMPLETE", None)
    assert first.summary == {"records": {"train": 40, "val": 12, "test": 12}, "rejected": {}}
    examples = first.outputs["examples"]
    assert examples.splits == ["train", "val", "test"]
    for split in examples.splits:
        assert list(examples.split_path(split).glob("*.gz"))
    assert examples.folder().metadata()["task"] == "sel"
    assert all(path.is_file() for path in examples.folder().table_paths)

    second = run(features_dir=str(feature_folder))
    assert second.state == "CACHED"
    assert second.summary == first.summary


def test_data_error_is_an_expected_failure(run, tmp_path, caplog):
    result = run(features_dir=str(tmp_path / "nowhere"))
    assert result.state == "FAILED"
    assert result.error.startswith(f"`features_dir`: {tmp_path}/nowhere is not a folder. ")
    assert "Traceback" not in caplog.text


def test_fingerprint_covers_data_and_weights(tmp_path):
    paths = [tmp_path / name for name in ("videos/Annotations.txt", "vgg.h5", "vggish.weights.h5")]
    (tmp_path / "videos").mkdir()
    for path in paths:
        path.write_text("content")
    example_gen = AveExampleGen(
        ExtractionConfig(
            "sel",
            data_root=str(tmp_path / "videos"),
            encoding=EncodingConfig(visual_weights=str(paths[1]), audio_weights=str(paths[2])),
        ),
        (),
        tmp_path / "features",
    )
    fingerprints = [example_gen.external_fingerprint()]
    assert example_gen.external_fingerprint() == fingerprints[0]
    for path in paths:
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
        fingerprints.append(example_gen.external_fingerprint())
    assert len(set(fingerprints)) == 4


def test_beam_options_and_feature_store_are_passed_on(feature_folder, tmp_path, monkeypatch):
    from avel_tf.extraction import job

    def extract(config, output, working_dir, feature_store, beam_args):
        assert config.features_dir == str(feature_folder)
        assert (output, working_dir) == (tmp_path / "output", tmp_path / "work")
        assert feature_store == tmp_path / "features"
        assert beam_args == ("--runner=DirectRunner",)
        source = {"visual_encoder": {"precision": "bfloat16"}}
        return {"num_records": {"train": 1}, "num_rejected": {"no_audio": 2}, "source": source}

    monkeypatch.setattr(job, "extract", extract)
    example_gen = AveExampleGen(
        ExtractionConfig("sel", features_dir=str(feature_folder)),
        ["--runner=DirectRunner"],
        tmp_path / "features",
    )
    outputs = {"examples": AveExampleGen.OUTPUTS["examples"](str(tmp_path / "output"))}
    summary = example_gen.execute({}, outputs, tmp_path / "work")
    assert summary == {
        "records": {"train": 1},
        "rejected": {"no_audio": 2},
        "encoder_precision": "bfloat16",
    }
