"""Scores of an exported model by TFMA, compared with the trivial baselines and the last model.

The only importer of tensorflow-model-analysis.
"""

import collections
import dataclasses
import math
import pathlib
from collections.abc import Sequence

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from avel_tf import beam_jobs, metrics
from avel_tf.configuration import EvaluationConfig
from avel_tf.evaluation.bootstrap import bootstrap_interval
from avel_tf.evaluation.controls import (
    POOLED_FEATURES,
    QUERY_BLIND,
    compare_with_controls,
    control_accuracies,
    query_blind_accuracies,
)
from avel_tf.evaluation.error_analysis import count_confusions, draw_best_and_worst
from avel_tf.evaluation.record_accuracies import RecordAccuracies
from avel_tf.evaluation.results import (
    Evaluation,
    EvaluationDetails,
    Metrics,
    Slices,
    TrivialScores,
    best_trivial,
)
from avel_tf.evaluation.scoring import COUNTS, LABELS, is_finite, trivial_scores
from avel_tf.evaluation.serialized_records import (
    exchange_features,
    load_signature,
    parse_records,
    predict_records,
)
from avel_tf.records import check_split, read_shard, read_split, shard_paths
from avel_tf.records.dataset_folder import DatasetFolder
from avel_tf.records.shards import SHARDS

PAIRS = "audio_visual_scores"
SLICES = ("category", "event_length")
CANDIDATE, PREVIOUS = tfma.CANDIDATE_KEY, tfma.BASELINE_KEY  # "baseline" is TFMA's word


@dataclasses.dataclass(frozen=True)
class Analysis:
    """All that an evaluation finds.

    Args:
        evaluation: `Evaluation`.
        details: `EvaluationDetails`.
        accuracies: `RecordAccuracies`.
    """

    evaluation: Evaluation
    details: EvaluationDetails
    accuracies: RecordAccuracies

    def to_json(self) -> dict:
        """The numbers in `metrics.json`."""
        return dataclasses.asdict(self.evaluation) | dataclasses.asdict(self.details)


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
        # One record: a batch of one for the shared functions.
        features = element.get_by_key(constants.FEATURES_KEY)
        labels = {name: np.asarray(features[name]).reshape(1, -1) for name in LABELS}
        labels["event_category"] = labels["event_category"][0]
        num_segments = labels["event_relevance"].size
        outputs = element.get_by_key(constants.PREDICTIONS_KEY, self._key.model_name)
        predictions = {
            # Scores of pairs are (T, T), all others one row.
            name: np.reshape(value, (1, num_segments, -1) if name == PAIRS else (1, -1))
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
    previous: pathlib.Path | None,
    dataset: DatasetFolder,
    output: pathlib.Path,
    beam_args: Sequence[str] = (),
) -> Analysis:
    """Evaluates a SavedModel on the test split.

    Args:
        config: `EvaluationConfig`.
        model: Folder of the candidate SavedModel.
        previous: Folder of the last blessed SavedModel, if there is one.
        dataset: `DatasetFolder`.
        output: Folder that gets TFMA's files.
        beam_args: Beam's own options.
    Raises:
        InputError: If a shard of the split is damaged, missing or another's.
    """
    check_split(dataset, "test")
    splits, description = dataset.annotations(), dataset.description()
    test = dataset.split_path("test")
    records = [record for path in shard_paths(test) for record in read_shard(path)]
    labels = parse_records(records, ("record_id", *LABELS), description)
    signature = load_signature(model)
    predictions = predict_records(signature, records)
    annotations = {each.row: each for each in splits["test"]}
    scored = [annotations[record] for record in labels["record_id"]]
    trivial = trivial_scores(config.task, splits["train"], scored, description)
    eval_config = _eval_config(config, max(trivial.baselines.values()), previous is not None)
    names = [spec.name for spec in eval_config.model_specs]
    models = [
        tfma.default_eval_shared_model(str(path), model_name=name, eval_config=eval_config)
        for name, path in zip(names, (model, previous))
    ]
    tfma.run_model_analysis(
        models if previous else models[0],
        eval_config=eval_config,
        data_location=str(test / SHARDS),
        output_path=str(output),
        pipeline_options=beam_jobs.options(beam_args),
    )
    overall, slices = _read_metrics(config.task, output, names[0])
    previous_metrics, previous_slices = (
        _read_metrics(config.task, output, PREVIOUS) if previous else (None, None)
    )
    accuracies = metrics.record_accuracies(config.task, labels, predictions)
    others = previous and metrics.record_accuracies(
        config.task, labels, predict_records(load_signature(previous), records)
    )
    controls, notes = {}, {}
    if is_finite(predictions):
        controls = control_accuracies(
            config.task,
            labels,
            predictions,
            lambda exchanged: predict_records(signature, exchange_features(records, exchanged)),
        )
        if config.task == "cml":
            notes[QUERY_BLIND], controls[QUERY_BLIND] = _query_blind(dataset, labels["record_id"])
    primary = metrics.PRIMARY_METRIC[config.task]
    best, worst = draw_best_and_worst(
        config.task, scored, description.label_names, labels, predictions, accuracies
    )
    evaluation = Evaluation(
        task=config.task,
        primary_metric=primary,
        metrics=overall,
        trivial_baselines=trivial.baselines,
        yardsticks=trivial.yardsticks,
        previous_metrics=previous_metrics,
        num_records=int(np.isfinite(accuracies).sum()),
        **_intervals(overall[primary], accuracies, trivial, others),
        blessed=False,
        reasons=(),
        controls=compare_with_controls(accuracies, controls, notes),
    )
    reasons = _reasons(config, evaluation)
    passed = tfma.load_validation_result(str(output)).validation_ok
    return Analysis(
        dataclasses.replace(evaluation, blessed=passed and not reasons, reasons=tuple(reasons)),
        EvaluationDetails(
            slices=slices,
            previous_slices=previous_slices,
            label_names=description.label_names,
            confusion=count_confusions(labels, predictions, len(description.categories))
            if config.task == "sel"
            else None,
            best_records=best,
            worst_records=worst,
        ),
        RecordAccuracies(primary, labels["record_id"], accuracies, controls),
    )


def _eval_config(config: EvaluationConfig, bar: float, has_previous: bool) -> config_pb2.EvalConfig:
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
    # For the overall slice only: TFMA's plain thresholds would apply to every slice.
    primary = list(names).index(metrics.PRIMARY_METRIC[config.task])
    specs[-1].metrics[primary].per_slice_thresholds.add(
        slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold
    )
    models = [CANDIDATE, PREVIOUS] if has_previous else [""]  # TFMA wants a lone model unnamed
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                name=name, signature_name="serving_default", is_baseline=name == PREVIOUS
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
    value: float | None,
    accuracies: np.ndarray,
    trivial: TrivialScores,
    others: np.ndarray | None,
) -> dict[str, tuple[float, float] | None]:
    """Intervals of the primary metric, and of its differences to what it is compared with."""
    if value is None:
        return {"interval": None, "trivial_difference": None, "difference": None}
    best = best_trivial(trivial.baselines)
    is_compared = others is not None and not np.isnan(others).all()
    return {
        "interval": bootstrap_interval([accuracies]),
        "trivial_difference": bootstrap_interval([accuracies], [trivial.accuracies[best]]),
        "difference": bootstrap_interval([accuracies], [others]) if is_compared else None,
    }


def _query_blind(dataset: DatasetFolder, record_id: np.ndarray) -> tuple[str, np.ndarray]:
    """Scores the test records without a model, in the order of `record_id`."""
    val, test = (read_split(dataset, split, POOLED_FEATURES, True) for split in ("val", "test"))
    note, accuracies = query_blind_accuracies(val, test)
    by_id = dict(zip(test["record_id"].tolist(), accuracies, strict=True))
    return note, np.array([by_id[record] for record in record_id.tolist()])


def _reasons(config: EvaluationConfig, evaluation: Evaluation) -> list[str]:
    """Sentences why the model is held back; chance neither blesses it nor holds it back."""
    name, value = evaluation.primary_metric, evaluation.primary_value
    if value is None:
        return [f"{name} is not a number: the training diverged, or no test record counts."]
    reasons = []
    lower, upper = evaluation.trivial_difference
    if lower <= 0:
        best = evaluation.best_trivial
        bar = evaluation.trivial_baselines[best]
        reasons.append(
            f"{name} is {value:.2%}; its difference to the {bar:.2%} of the trivial baseline "
            f"'{best}', {lower:+.2%} to {upper:+.2%} (95 % interval, paired by record), must begin "
            "above 0."
        )
    difference = evaluation.difference
    if difference and difference[1] < -config.max_regression:
        reasons.append(
            f"{name} is below that of the last blessed model by {-difference[1]:.2%} to "
            f"{-difference[0]:.2%} (95 % interval); at most {config.max_regression:.2%} is allowed."
        )
    return reasons


def _read_metrics(task: str, output: pathlib.Path, model_name: str) -> tuple[Metrics, Slices]:
    """Values of all records and of each slice; NaN becomes None."""
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
