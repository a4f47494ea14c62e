"""Numbers of the evaluation against NumPy, trivial baselines on the real AVE, and the gate."""

import collections
import dataclasses
import functools
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from avel_tf.configuration import EvaluationConfig
from avel_tf.errors import InputError
from avel_tf.evaluation import model_analysis
from avel_tf.evaluation.model_analysis import evaluate
from avel_tf.evaluation.results import Evaluation
from avel_tf.evaluation.scoring import COUNTS, LABELS, score
from avel_tf.evaluation.serialized_records import load_signature, predict_records
from avel_tf.metrics import PRIMARY_METRIC, record_accuracies
from avel_tf.records import (
    DatasetFolder,
    parse_examples,
    read_batches,
    read_shard,
    shard_paths,
    write_shard,
)


def predict_test_split(run, task, examples):
    """Features of all test records, and predictions by Keras only."""
    (batch,) = read_batches(examples / "Split-test", 100, None)
    features = {name: tensor.numpy() for name, tensor in batch.items()}
    model = run.load()
    return features, model.predict({name: features[name] for name in model.input}, verbose=0)


def numpy_values(task, features, predictions, chosen):
    count, value = COUNTS[task]
    return value(
        count(
            {name: features[name][chosen] for name in LABELS},
            {name: array[chosen] for name, array in predictions.items()},
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_values_equal_numpy(task, trained, examples_folder, tmp_path):
    run, examples = trained(task), examples_folder(task)
    analysis = evaluate(
        EvaluationConfig(task), run.saved_model, None, DatasetFolder(examples), tmp_path
    )
    result, details, records = analysis.evaluation, analysis.details, analysis.accuracies
    content = json.loads(json.dumps(analysis.to_json()))
    assert Evaluation.from_json(content) == result
    assert content["slices"] == details.slices
    assert content["best_records"] == [dataclasses.asdict(each) for each in details.best_records]

    features, predictions = predict_test_split(run, task, examples)
    everything = np.full(len(features["record_id"]), True)
    expected = numpy_values(task, features, predictions, everything)
    assert result.metrics == pytest.approx({"example_count": 12, **expected})
    assert result.primary_metric in expected
    assert records.metric == result.primary_metric
    order, by_id = np.argsort(records.record_id), np.argsort(features["record_id"])
    np.testing.assert_array_equal(records.record_id[order], features["record_id"][by_id])
    labels = {name: features[name] for name in LABELS}
    by_numpy = record_accuracies(task, labels, predictions)
    # As the Scorer has them, from the Keras model.
    scores, of_keras = score(run.load(), DatasetFolder(examples), task)
    assert records.controls.keys() == result.controls.keys() == scores.controls.keys()
    keras_order = np.argsort(of_keras.record_id)
    for name, values in records.controls.items():
        expected = of_keras.controls[name][keras_order]
        np.testing.assert_allclose(values[order], expected, atol=1e-6)
    np.testing.assert_allclose(records.accuracy[order], by_numpy[by_id], atol=1e-6)
    if task == "sel":
        counts = np.array(details.confusion)
        assert counts.sum() == 120
        assert np.trace(counts) / 120 == pytest.approx(result.metrics["segment_accuracy"])
    else:
        assert details.confusion is None
    assert details.best_records[0].accuracy >= details.worst_records[0].accuracy
    for feature in ("category", "event_length"):
        values = features[feature].astype(str).tolist()
        assert details.slices[feature].keys() == set(values)
        for value, scores in details.slices[feature].items():
            chosen = np.array(values) == value
            expected = numpy_values(task, features, predictions, chosen)
            assert scores == pytest.approx({"example_count": chosen.sum(), **expected})


def save_model(folder, predict):
    """A SavedModel that computes its outputs from the labels of the serialized examples."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_default(examples):
        return predict(parse_examples(examples, (*LABELS, "record_id")))

    signatures = {"serving_default": serving_default}
    tf.saved_model.save(tf.Module(), str(folder), signatures=signatures)
    return folder


@pytest.fixture(scope="module")
def sel_model(tmp_path_factory):
    """Function that saves a model which is right on some of the 12 test records, rows 52 to 63."""

    @functools.cache
    def make(num_right, otherwise=-1):
        def predict(labels):
            right = labels["record_id"][:, None] < 52 + num_right
            return {
                "event_category_logits": tf.one_hot(labels["event_category"], 28),
                "event_relevance_probabilities": labels["event_relevance"],
                "segment_label": tf.where(right, labels["segment_label"], otherwise),
            }

        return save_model(tmp_path_factory.mktemp("model"), predict)

    return make


@pytest.fixture
def judge(examples_folder, tmp_path):
    """Function that evaluates a model on `sel`."""

    def run(model, previous=None):
        config = EvaluationConfig("sel", max_regression=0.01)
        return evaluate(config, model, previous, DatasetFolder(examples_folder("sel")), tmp_path)

    return run


@pytest.mark.slow
def test_a_shard_whose_records_were_all_rejected_changes_nothing(
    trained, examples_folder, tmp_path
):
    (tmp_path / "Split-test").mkdir()
    paths = shard_paths(examples_folder("sel") / "Split-test")
    names = [f"data_tfrecord-{index:05d}-of-{len(paths) + 1:05d}.gz" for index in range(9)]
    write_shard(str(tmp_path / "Split-test" / names[0]), [])
    for path, name in zip(paths, names[1:]):
        shutil.copy(path, tmp_path / "Split-test" / name)
    records = [
        [each for path in shard_paths(folder / "Split-test") for each in read_shard(path)]
        for folder in (tmp_path, examples_folder("sel"))
    ]
    assert records[0] == records[1]
    predicted = predict_records(load_signature(trained("sel").saved_model), records[0])
    assert all(len(each) == 12 for each in predicted.values())


@pytest.mark.parametrize("end", [0, -20])
def test_a_damaged_shard_is_named(examples_folder, tmp_path, end):
    shutil.copytree(examples_folder("sel"), tmp_path / "examples")
    dataset = DatasetFolder(tmp_path / "examples")
    path = pathlib.Path(shard_paths(dataset.split_path("test"))[0])
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(InputError, match=f"{path} is damaged .* Copy the dataset again"):
        evaluate(EvaluationConfig("sel"), tmp_path / "none", None, dataset, tmp_path / "output")
    assert not (tmp_path / "output").exists()


@pytest.mark.slow
def test_first_model_needs_no_other(judge, sel_model):
    result = judge(sel_model(12)).evaluation
    assert result.blessed and result.reasons == ()
    assert result.metrics["segment_accuracy"] == 1
    assert result.previous_metrics is None


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{"num_right": 3}, {"num_right": 0, "otherwise": 28}])
def test_below_or_equal_to_a_trivial_baseline(judge, sel_model, arguments):
    result = judge(sel_model(**arguments)).evaluation
    value, bar = result.metrics["segment_accuracy"], max(result.trivial_baselines.values())
    assert value == bar if "otherwise" in arguments else value < bar
    assert not result.blessed
    lower, upper = result.trivial_difference
    assert result.reasons == (
        f"segment_accuracy is {value:.2%}; its difference to the {bar:.2%} of the trivial baseline "
        f"'always background', {lower:+.2%} to {upper:+.2%} (95 % interval, paired by record), "
        "must begin above 0.",
    )


@pytest.mark.slow
def test_chance_does_not_bless(judge, sel_model):
    result = judge(sel_model(7)).evaluation
    assert result.metrics["segment_accuracy"] > max(result.trivial_baselines.values())
    assert not result.blessed
    assert "paired by record), must begin above 0." in result.reasons[0]


@pytest.mark.slow
def test_the_trivial_baseline_is_compared_record_by_record(judge, sel_model, examples_folder):
    # Right wherever "always background" is, and in a few more records: more than chance explains.
    splits = DatasetFolder(examples_folder("sel")).annotations()
    result = judge(sel_model(4, otherwise=28)).evaluation
    background = np.mean([np.equal(each.segment_label, 28).mean() for each in splits["test"]])
    assert result.interval[0] <= background  # a model of its own would not be blessed
    assert result.trivial_difference[0] > 0
    assert result.blessed and result.num_records == 12


@pytest.mark.slow
def test_worse_than_the_last_blessed_model(judge, sel_model):
    candidate, previous = sel_model(8), sel_model(12)
    analysis = judge(candidate, previous)
    result, details = analysis.evaluation, analysis.details
    assert not result.blessed
    assert result.previous_metrics["segment_accuracy"] == 1
    assert result.metrics["segment_accuracy"] == pytest.approx(8 / 12)
    # 4 of 12 records lost; each resample loses from 0 or 1 to about 7 of them.
    lower, upper = result.difference
    assert -7.5 / 12 < lower < -4 / 12 < upper < -0.5 / 12
    assert result.reasons[-1] == (
        f"segment_accuracy is below that of the last blessed model by {-upper:.2%} to "
        f"{-lower:.2%} (95 % interval); at most 1.00% is allowed."
    )
    assert not any(
        "last blessed model" in reason
        for reason in model_analysis._reasons(EvaluationConfig("sel", max_regression=0.1), result)
    )
    for feature, values in details.previous_slices.items():
        assert values.keys() == details.slices[feature].keys()
        assert {scores["segment_accuracy"] for scores in values.values()} == {1}
    # A slice below the bar, where the loss is larger too, holds nothing back.
    slices = details.slices["event_length"].values()
    bar = max(result.trivial_baselines.values())
    assert min(scores["segment_accuracy"] for scores in slices) < bar


@pytest.mark.slow
def test_chance_does_not_hold_back(judge, sel_model):
    # 2 of 12 lost: a resample may well have neither.
    result = judge(sel_model(10), sel_model(12)).evaluation
    assert result.difference == pytest.approx((-5 / 12, 0))
    assert result.blessed and result.reasons == ()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
def test_a_model_without_a_number_is_not_blessed(examples_folder, tmp_path):
    def diverged(labels):
        logits = labels["event_relevance"] * float("nan")
        return {"visual_relevance_logits": logits, "audio_relevance_logits": logits}

    model = save_model(tmp_path / "model", diverged)
    (tmp_path / "output").mkdir()
    analysis = evaluate(
        EvaluationConfig("cml"),
        model,
        model,
        DatasetFolder(examples_folder("cml")),
        tmp_path / "output",
    )
    result = analysis.evaluation
    assert result.metrics["average_accuracy"] is None
    assert not result.blessed
    assert result.reasons == (
        "average_accuracy is not a number: the training diverged, or no test record counts.",
    )
    json.dumps(analysis.to_json(), allow_nan=False)


@pytest.mark.parametrize("task", ["sel", "cml"])
def test_primary_metric_is_computed(task):
    assert PRIMARY_METRIC[task] in COUNTS[task][1](collections.Counter())
