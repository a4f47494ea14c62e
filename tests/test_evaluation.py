"""Numbers of the evaluation against NumPy, trivial baselines on the real AVE, and the gate."""

import collections
import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from avel_tf import evaluation
from avel_tf.ave import SPLITS, Annotation, read_annotations, read_splits
from avel_tf.configuration import EvaluationConfig
from avel_tf.evaluation import evaluate
from avel_tf.metrics import PRIMARY_METRIC
from avel_tf.records import input_dataset, parse_examples, shard_paths, write_shard
from avel_tf.scoring import COUNTS, LABELS, trivial_scores


def predict_test_split(run, task, examples):
    """Features and predictions of all test records, the latter from Keras alone."""
    (batch,) = input_dataset(examples / "Split-test", 100, None)
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
def test_values_are_those_of_numpy(task, trained, examples_folder, tmp_path):
    run, examples = trained(task), examples_folder(task)
    result = evaluate(EvaluationConfig(task), run.saved_model, None, examples, tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text()) == result

    features, predictions = predict_test_split(run, task, examples)
    everything = np.full(len(features["record_id"]), True)
    expected = numpy_values(task, features, predictions, everything)
    assert result["metrics"] == pytest.approx({"example_count": 12, **expected})
    assert result["primary_metric"] in expected
    if task == "sel":
        counts = np.array(result["confusion"])
        assert counts.sum() == 120
        assert np.trace(counts) / 120 == pytest.approx(result["metrics"]["segment_accuracy"])
    else:
        assert result["confusion"] is None
    best, worst = (result["examples"][kind][0] for kind in ("best", "worst"))
    assert best["accuracy"] >= worst["accuracy"]
    for feature in ("category", "event_length"):
        values = features[feature].astype(str).tolist()
        assert result["slices"][feature].keys() == set(values)
        for value, scores in result["slices"][feature].items():
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

    def run(model, baseline=None, max_regression=0.01):
        config = EvaluationConfig("sel", max_regression)
        return evaluate(config, model, baseline, examples_folder("sel"), tmp_path)

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
    found = evaluation._answers(trained("sel").saved_model, tmp_path)
    expected = evaluation._answers(trained("sel").saved_model, examples_folder("sel"))
    for answers, of_all in zip(found, expected, strict=True):
        assert answers.keys() == of_all.keys()
        for name, values in of_all.items():
            np.testing.assert_array_equal(answers[name], values)


@pytest.mark.slow
def test_first_model_needs_no_baseline(judge, sel_model):
    result = judge(sel_model(12))
    assert result["blessed"] and result["reasons"] == []
    assert result["metrics"]["segment_accuracy"] == 1
    assert result["baseline_metrics"] is None


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{"num_right": 3}, {"num_right": 0, "otherwise": 28}])
def test_below_or_equal_to_a_trivial_baseline(judge, sel_model, arguments):
    result = judge(sel_model(**arguments))
    value, bar = result["metrics"]["segment_accuracy"], max(result["trivial_baselines"].values())
    assert value == bar if "otherwise" in arguments else value < bar
    assert not result["blessed"]
    assert result["reasons"] == [
        f"segment_accuracy is {value:.2%}, its 95 % interval begins at "
        f"{result['interval'][0]:.2%}, which must be more than the {bar:.2%} of the trivial "
        "baseline 'always background'."
    ]


@pytest.mark.slow
def test_chance_does_not_bless(judge, sel_model):
    result = judge(sel_model(7))
    assert result["metrics"]["segment_accuracy"] > max(result["trivial_baselines"].values())
    assert not result["blessed"]
    assert "its 95 % interval begins at" in result["reasons"][0]


@pytest.mark.slow
def test_worse_than_the_last_blessed_model(judge, sel_model):
    candidate, baseline = sel_model(8), sel_model(12)
    result = judge(candidate, baseline)
    assert not result["blessed"]
    assert result["baseline_metrics"]["segment_accuracy"] == 1
    assert result["metrics"]["segment_accuracy"] == pytest.approx(8 / 12)
    # 4 of 12 records lost; each resample loses from 0 or 1 to about 7 of them.
    lower, upper = result["difference"]
    assert -7.5 / 12 < lower < -4 / 12 < upper < -0.5 / 12
    assert result["reasons"][-1] == (
        f"segment_accuracy is below that of the last blessed model by {-upper:.2%} to "
        f"{-lower:.2%} (95 % interval), which may be 1.00%."
    )
    result = judge(candidate, baseline, max_regression=0.1)
    assert not any("last blessed model" in reason for reason in result["reasons"])
    for feature, values in result["baseline_slices"].items():
        assert values.keys() == result["slices"][feature].keys()
        assert {scores["segment_accuracy"] for scores in values.values()} == {1}
    # A slice below the bar, where the loss is larger too, holds nothing back.
    slices = result["slices"]["event_length"].values()
    bar = max(result["trivial_baselines"].values())
    assert min(scores["segment_accuracy"] for scores in slices) < bar


@pytest.mark.slow
def test_chance_does_not_hold_back(judge, sel_model):
    result = judge(sel_model(10), sel_model(12))  # 2 of 12: a resample may well have neither
    assert result["difference"] == pytest.approx([-5 / 12, 0])
    assert result["blessed"] and result["reasons"] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
def test_no_number_is_no_blessing(examples_folder, tmp_path):
    def diverged(labels):
        logits = labels["event_relevance"] * float("nan")
        return {"visual_relevance_logits": logits, "audio_relevance_logits": logits}

    model = save_model(tmp_path / "model", diverged)
    (tmp_path / "output").mkdir()
    result = evaluate(
        EvaluationConfig("cml"), model, model, examples_folder("cml"), tmp_path / "output"
    )
    assert result["metrics"]["average_accuracy"] is None
    assert not result["blessed"]
    assert result["reasons"] == [
        "average_accuracy is not a number: the training diverged, or no test record counts."
    ]
    json.loads((tmp_path / "output" / "metrics.json").read_text(), parse_constant=pytest.fail)


def write_records(path, annotations, splits):
    with path.open("w", newline="", encoding="utf-8") as file:
        columns = [field.name for field in dataclasses.fields(Annotation)]
        writer = csv.DictWriter(file, ["split", *columns])
        writer.writeheader()
        for split in SPLITS:
            for row in splits[split]:
                writer.writerow({"split": split, **dataclasses.asdict(annotations[row])})


@pytest.mark.parametrize(
    ("task", "trivial", "yardsticks"),
    [
        ("sel", [17.79, 17.79], [82.21]),
        ("cml", [20.77, 35.32, 46.77, 47.01], []),
    ],
)
def test_trivial_scores_on_the_real_annotations(real_data, tmp_path, task, trivial, yardsticks):
    annotations = read_annotations(real_data / "ave" / "Annotations.txt")
    splits = read_splits([real_data / "ave"], annotations, task)
    write_records(tmp_path / "records.csv", annotations, splits)
    scores = trivial_scores(task, tmp_path / "records.csv")
    assert [[round(100 * value, 2) for value in each.values()] for each in scores] == [
        trivial,
        yardsticks,
    ]


@pytest.mark.parametrize("task", ["sel", "cml"])
def test_primary_metric_is_computed(task):
    assert PRIMARY_METRIC[task] in COUNTS[task][1](collections.Counter())
