"""Scores of an exported model with TFMA, beside the trivial baselines, and whether they suffice.

The only importer of tensorflow-model-analysis.
"""

import collections
import json
import math
import pathlib
from collections.abc import Sequence

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from avel_tf import beam_jobs, close_up, metrics
from avel_tf.ave import NUM_SEGMENTS
from avel_tf.comparison import bootstrap_interval
from avel_tf.configuration import EvaluationConfig
from avel_tf.extraction.tables import read_records
from avel_tf.records import parse_examples, read_shard, shard_paths
from avel_tf.scoring import COUNTS, LABELS, trivial_scores

PAIRS = "audio_visual_scores"
SLICES = ("category", "event_length")
CANDIDATE, BASELINE = tfma.CANDIDATE_KEY, tfma.BASELINE_KEY


class LocalizationMetric(tfma.metrics.Metric):
    """One of the metrics of `avel_tf.metrics` for TFMA: sums over Beam, the value at the end.

    Args:
        name: String. Key of what `sel_values` or `cml_values` returns.
        task: String. `"sel"` or `"cml"`.
    """

    def __init__(self, name: str, task: str):
        super().__init__(
            metric_util.merge_per_key_computations(_computations), name=name, task=task
        )


metric_types.register_metric(LocalizationMetric)


def _computations(
    name: str, task: str, model_name: str = "", example_weighted: bool = False
) -> list[metric_types.MetricComputation]:
    key = metric_types.MetricKey(name, model_name=model_name, example_weighted=example_weighted)
    features = {constants.FEATURES_KEY: {label: {} for label in LABELS}}
    return [
        metric_types.MetricComputation(
            keys=[key],
            preprocessors=[metric_types.StandardMetricInputsPreprocessor(features)],
            combiner=_AddCounts(task, key),
        )
    ]


class _AddCounts(beam.CombineFn):
    """Adds up the counts of single records."""

    def __init__(self, task: str, key: metric_types.MetricKey):
        self._task = task
        self._key = key

    def create_accumulator(self):
        return collections.Counter()

    def add_input(self, accumulator, element):
        # One record: a batch of one for the shared maths.
        features = element.get_by_key(constants.FEATURES_KEY)
        labels = {name: np.asarray(features[name]).reshape(1, -1) for name in LABELS}
        labels["event_category"] = labels["event_category"][0]
        outputs = element.get_by_key(constants.PREDICTIONS_KEY, self._key.model_name)
        predictions = {
            # Scores of pairs are (T, T), all others one row.
            name: np.reshape(value, (1, NUM_SEGMENTS, -1) if name == PAIRS else (1, -1))
            for name, value in outputs.items()
        }
        accumulator.update(COUNTS[self._task][0](labels, predictions))
        return accumulator

    def merge_accumulators(self, accumulators):
        merged = collections.Counter()
        for accumulator in accumulators:
            merged.update(accumulator)
        return merged

    def extract_output(self, accumulator):
        return {self._key: COUNTS[self._task][1](accumulator)[self._key.name]}


def evaluate(
    config: EvaluationConfig,
    model: pathlib.Path,
    baseline: pathlib.Path | None,
    examples: pathlib.Path,
    output: pathlib.Path,
    beam_args: Sequence[str] = (),
) -> dict:
    """Evaluates a SavedModel on the test split.

    Args:
        config: `EvaluationConfig`.
        model: Folder of the candidate SavedModel.
        baseline: Folder of the last blessed SavedModel, if there is one.
        examples: Folder with `Split-test/` and `records.csv`.
        output: Gets TFMA's files and `metrics.json`.
        beam_args: Beam's own options.
    Returns:
        The content of `metrics.json`: `task`, `primary_metric`, `metrics`, `trivial_baselines`,
        `yardsticks` (what is worth knowing but no bar), `baseline_metrics` (of the last blessed
        model), `interval` (95 %, of the primary metric) and `difference` (of it to the last
        blessed model's, record by record), `slices` and `baseline_slices` (by feature and value),
        `confusion` (for `sel`, else None) and `examples` as `avel_tf.close_up` has them, `blessed`
        and `reasons` against.
    """
    trivial, yardsticks = trivial_scores(config.task, examples / "records.csv")
    eval_config = _eval_config(config, max(trivial.values()), baseline is not None)
    names = [spec.name for spec in eval_config.model_specs]
    models = [
        tfma.default_eval_shared_model(str(path), model_name=name, eval_config=eval_config)
        for name, path in zip(names, (model, baseline))
    ]
    tfma.run_model_analysis(
        models if baseline else models[0],
        eval_config=eval_config,
        data_location=str(examples / "Split-test" / "data_tfrecord-*.gz"),
        output_path=str(output),
        pipeline_options=beam_jobs.options(beam_args),
    )
    overall, slices = _read_metrics(config.task, output, names[0])
    previous, previous_slices = (
        _read_metrics(config.task, output, BASELINE) if baseline else (None, None)
    )
    labels, predictions = _answers(model, examples)
    accuracies = metrics.record_accuracies(config.task, labels, predictions)
    others = baseline and metrics.record_accuracies(config.task, *_answers(baseline, examples))
    interval, difference = _intervals(
        overall[metrics.PRIMARY_METRIC[config.task]], accuracies, others
    )
    annotations = {each.row: each for each in read_records(examples / "records.csv")["test"]}
    reasons = _reasons(config, overall, trivial, interval, difference)
    passed = tfma.load_validation_result(str(output)).validation_ok
    report = {
        "task": config.task,
        "primary_metric": metrics.PRIMARY_METRIC[config.task],
        "metrics": overall,
        "trivial_baselines": trivial,
        "yardsticks": yardsticks,
        "baseline_metrics": previous,
        "interval": interval,
        "difference": difference,
        "slices": slices,
        "baseline_slices": previous_slices,
        "confusion": close_up.confusion(labels, predictions) if config.task == "sel" else None,
        "examples": close_up.examples(
            config.task,
            [annotations[record] for record in labels["record_id"]],
            labels,
            predictions,
            accuracies,
        ),
        "blessed": passed and not reasons,
        "reasons": reasons,
    }
    (output / "metrics.json").write_text(json.dumps(report, indent=2))
    return report


def _eval_config(config: EvaluationConfig, bar: float, has_baseline: bool) -> config_pb2.EvalConfig:
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(
            # TFMA's bound is inclusive; equal to a trivial baseline is not enough.
            lower_bound={"value": math.nextafter(bar, math.inf)}
        )
    )
    names = COUNTS[config.task][1](collections.Counter())
    specs = tfma.metrics.specs_from_metrics(
        [LocalizationMetric(name, config.task) for name in names]
    )
    # For the overall slice alone: TFMA's plain thresholds would apply to every slice.
    primary = list(names).index(metrics.PRIMARY_METRIC[config.task])
    specs[-1].metrics[primary].per_slice_thresholds.add(
        slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold
    )
    models = [CANDIDATE, BASELINE] if has_baseline else [""]  # TFMA wants a lone model unnamed
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                name=name, signature_name="serving_default", is_baseline=name == BASELINE
            )
            for name in models
        ],
        metrics_specs=specs,
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=[key]) for key in SLICES),
        ],
        options=config_pb2.Options(include_default_metrics={"value": False}),
    )


def _intervals(
    value: float | None, accuracies: np.ndarray, others: np.ndarray | None
) -> tuple[list[float] | None, list[float] | None]:
    """Of the primary metric, and of its difference to the baseline's; None without a number."""
    if value is None:
        return None, None
    interval = list(bootstrap_interval([accuracies]))
    if others is None or np.isnan(others).all():
        return interval, None
    return interval, list(bootstrap_interval([accuracies], [others]))


def _answers(
    saved_model: pathlib.Path, examples: pathlib.Path
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Labels of all test records, with `record_id`, and what a SavedModel says of them."""
    signature = tf.saved_model.load(str(saved_model)).signatures["serving_default"]
    labels, predictions = collections.defaultdict(list), collections.defaultdict(list)
    for path in shard_paths(examples / "Split-test"):
        if not (records := list(read_shard(path))):  # all were rejected
            continue
        serialized = tf.constant(records)
        for name, value in parse_examples(serialized, ("record_id", *LABELS)).items():
            labels[name].append(value.numpy())
        for name, value in signature(serialized).items():
            predictions[name].append(value.numpy())
    return tuple(
        {name: np.concatenate(parts) for name, parts in arrays.items()}
        for arrays in (labels, predictions)
    )


def _reasons(
    config: EvaluationConfig,
    overall: dict[str, float | None],
    trivial: dict[str, float],
    interval: list[float] | None,
    difference: list[float] | None,
) -> list[str]:
    """Why the model is held back, in sentences; chance neither blesses it nor holds it back."""
    name = metrics.PRIMARY_METRIC[config.task]
    if overall[name] is None:
        return [f"{name} is not a number: the training diverged, or no test record counts."]
    reasons = []
    best = max(trivial, key=trivial.get)
    if interval[0] <= trivial[best]:
        reasons.append(
            f"{name} is {overall[name]:.2%}, its 95 % interval begins at {interval[0]:.2%}, which "
            f"must be more than the {trivial[best]:.2%} of the trivial baseline '{best}'."
        )
    if difference and difference[1] < -config.max_regression:
        reasons.append(
            f"{name} is below that of the last blessed model by {-difference[1]:.2%} to "
            f"{-difference[0]:.2%} (95 % interval), which may be {config.max_regression:.2%}."
        )
    return reasons


def _read_metrics(
    task: str, output: pathlib.Path, model_name: str
) -> tuple[dict[str, float | None], dict[str, dict[str, dict[str, float | None]]]]:
    """Overall values, and values by slice feature and slice value; NaN becomes None."""
    result = tfma.load_eval_result(str(output), model_name=model_name or None)
    names = ("example_count", *COUNTS[task][1](collections.Counter()))
    overall, slices = {}, {key: {} for key in SLICES}
    for slice_key, by_output in result.slicing_metrics:
        # As JSON, where NaN is a string.
        numbers = {name: float(by_output[""][""][name]["doubleValue"]) for name in names}
        values = {name: None if math.isnan(each) else each for name, each in numbers.items()}
        if slice_key:
            feature, value = slice_key[0]
            slices[feature][str(value)] = values
        else:
            overall = values
    return overall, slices
