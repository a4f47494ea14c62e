"""The Scorer's artifact: what tables are made of."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from avel_tf.configuration import TrainingConfig
from avel_tf.evaluation.results import Scores
from avel_tf.evaluation.scoring import score
from avel_tf.models import SYSTEMS
from avel_tf.reporting.run_description import RunDescription
from components.artifacts import Examples, Model, RecordScores
from components.component import Channel
from components.scorer import Scorer, ScorerParameters


def make_scorer(task):
    return Scorer(
        ScorerParameters(task),
        examples=Channel("Dataset", "examples", Examples),
        model=Channel("Trainer", "model", Model),
    )


@pytest.mark.parametrize("task", ["sel", "cml"])
def test_scores_of_the_saved_model_are_published(examples_folder, tmp_path, task):
    keras.utils.set_random_seed(0)
    model = SYSTEMS[task]["dam"](units=4, num_heads=1)
    artifact, scores = Model(str(tmp_path / "model")), RecordScores(str(tmp_path / "scores"))
    artifact.folder().keras_path.parent.mkdir(parents=True)
    scores.path().mkdir()
    model.save(artifact.folder().keras_path)
    training = TrainingConfig(task, seed=3, settings_name="mine")
    artifact.folder().configuration_path.write_text(json.dumps(dataclasses.asdict(training)))
    examples = Examples(str(examples_folder(task)))
    scorer = make_scorer(task)
    summary = scorer.execute({"examples": examples, "model": artifact}, {"scores": scores}, None)

    expected, records = score(model, examples.folder(), task)
    published = json.loads(scores.folder().metrics_path.read_text())
    assert Scores.from_json(published) == expected
    assert published["trivial_baselines"]
    assert (published.pop("data"), published.pop("caution")) == ("official features", "")
    run = RunDescription(task, "dam", "mine", "full", 3, "official features", "")
    assert json.loads(json.dumps(summary)) == published | {"run": dataclasses.asdict(run)}
    with np.load(scores.folder().records_path) as arrays:
        controls = {f"control: {name}": each for name, each in records.controls.items()}
        assert arrays.keys() == {"metric", "record_id", "accuracy", *controls}
        assert len(controls) == len(expected.controls) == (4 if task == "sel" else 2)
        for name in arrays:
            np.testing.assert_array_equal(arrays[name], (vars(records) | controls)[name])
    assert sorted(path.name for path in scores.path().iterdir()) == ["metrics.json", "records.npz"]


def test_wiring_is_checked():
    assert make_scorer("cml").outputs["scores"].artifact_type is RecordScores
    with pytest.raises(ValueError, match="`task` must be .* Received: task='x'"):
        ScorerParameters("x")
    with pytest.raises(TypeError, match="Input `model` of Scorer must be a channel of Model"):
        Scorer(
            ScorerParameters("sel"),
            examples=Channel("Dataset", "examples", Examples),
            model=Channel("Dataset", "examples", Examples),
        )
