"""The Scorer's artifact: what tables are made of."""

import json

import keras
import numpy as np
import pytest

from avel_tf.models import SYSTEMS
from avel_tf.scoring import score
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
    artifact.keras_path().parent.mkdir(parents=True)
    scores.path().mkdir()
    model.save(artifact.keras_path())
    examples = Examples(str(examples_folder(task)))
    scorer = make_scorer(task)
    summary = scorer.execute({"examples": examples, "model": artifact}, {"scores": scores}, None)

    expected, records = score(model, examples.path(), task)
    published = json.loads(scores.metrics_path().read_text())
    assert published == expected
    assert published["trivial_baselines"]
    assert summary == expected["metrics"]
    with np.load(scores.records_path()) as arrays:
        assert arrays.keys() == {"record_id", "accuracy"}
        for name in arrays:
            np.testing.assert_array_equal(arrays[name], records[name])
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
