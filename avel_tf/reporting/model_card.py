"""The card of a pushed model: Markdown for people, JSON for programs."""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from avel_tf.evaluation.results import Evaluation
from avel_tf.records import Description
from avel_tf.records.dataset_folder import RECORDS, DatasetFolder
from avel_tf.records.description import AVE
from avel_tf.reporting.report import (
    ScoreKind,
    compare_scores,
    describe_controls,
    describe_intervals,
    format_percent,
)
from avel_tf.reporting.run_description import TITLES
from avel_tf.serving.model_folder import ModelFolder
from avel_tf.serving.provenance import caution
from avel_tf.utils.digests import file_sha256

USES = {
    "sel": (
        "Says for each second of a video clip which event is both seen and heard, or that none is."
    ),
    "cml": (
        "Finds the event that a piece of sound belongs to in a clip's pictures, or the event that "
        "a few pictures show in its sound. It is given the length of the event."
    ),
}
AVE_LIMITS = """\
- AVE has 28 categories, one event per clip, and clips of ten seconds that were chosen to contain
  an event; other categories, several events at once and clips without any are outside its training.
"""
LIMITS = """\
- Probabilities are not calibrated. Times are accurate to the second.
- It takes segment features, not videos: they must be made by the encoders named below, with the
  same weights and settings.
- Speech is a category like any other: the model does not tell who speaks or what is said. It is not
  made for surveillance, nor for decisions about people."""


def gather(
    dataset: DatasetFolder,
    model: ModelFolder,
    metrics: pathlib.Path,
    lineage: Mapping[str, int],
) -> dict[str, Any]:
    """Collects the facts of a model card.

    Args:
        dataset: `DatasetFolder` that it was trained and tested on.
        model: `ModelFolder`.
        metrics: `metrics.json` of its evaluation.
        lineage: Ids of the artifacts in the lineage, by what they are.
    Returns:
        JSON-able dict with `data`, `configuration`, `evaluation` and `lineage`.
    """
    metadata = dataset.metadata()
    evaluation = Evaluation.from_json(json.loads(metrics.read_text()))
    return {
        "data": {
            **metadata,
            "sha256": {
                RECORDS: file_sha256(dataset.records_path),
                # Digest of the digests of all files, in the order of their names.
                **{split: _shards_sha256(dataset, split) for split in metadata["num_records"]},
            },
        },
        "configuration": model.configuration(),
        "evaluation": dataclasses.asdict(evaluation),
        "lineage": dict(lineage),
    }


def markdown(name: str, facts: Mapping[str, Any]) -> str:
    """Writes the card for people.

    Args:
        name: String. Name that the model is served under.
        facts: Dict that `gather` returned.
    """
    data, configuration = facts["data"], facts["configuration"]
    evaluation = Evaluation.from_json(facts["evaluation"])
    rejected = sum(data["num_rejected"].values())
    sections = [
        f"# {name}",
        *([f"**{warning}**"] if (warning := caution(data["source"])) else []),
        f"{TITLES[evaluation.task]}, system `{configuration['system']}`. {USES[evaluation.task]}",
        f"## Limits\n\n{_trained_for(Description.from_json(data.get('description')))}{LIMITS}",
        f"## How good it is\n\n{_evaluation(evaluation)}",
        "## Data\n\n"
        + _table(["split", "records", "SHA-256 of its shards"], _splits(data))
        + f"\n\n{rejected} records were rejected. SHA-256 of `{RECORDS}`: "
        f"`{data['sha256'][RECORDS]}`.",
        f"Features:\n\n{_json(data['source'])}",
        f"## Configuration\n\n{_json(configuration)}",
        "## Lineage\n\n"
        + _table(["artifact", "id"], [[k, v] for k, v in facts["lineage"].items()]),
    ]
    return "\n\n".join(sections) + "\n"


def _trained_for(description: Description) -> str:
    if description == AVE:
        return AVE_LIMITS
    names = "\n".join(f"  - {name}" for name in description.categories)
    return (
        f"- It was trained on records of up to {description.num_segments} seconds with at most one "
        f"of these events; others, and several at once, are outside its training:\n{names}\n"
    )


def _evaluation(evaluation: Evaluation) -> str:
    rows = [
        [row.name, format_percent(row.value), row.note]
        for row in compare_scores(evaluation)
        if row.kind is not ScoreKind.LAST_BLESSED
    ]
    others = [
        f"- {name}: {format_percent(value)}"
        for name, value in evaluation.metrics.items()
        if name not in ("example_count", evaluation.primary_metric)
    ]
    count = round(evaluation.metrics["example_count"])
    head = [f"{evaluation.primary_metric}, {count} test records", "", ""]
    intervals = describe_intervals(evaluation)
    controls = describe_controls(evaluation)
    return "\n\n".join([_table(head, rows), f"{intervals}.", *controls, "\n".join(others)])


def _splits(data: Mapping[str, Any]) -> list[list]:
    return [
        [split, count, f"`{data['sha256'][split]}`"] for split, count in data["num_records"].items()
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _json(content: Mapping[str, Any]) -> str:
    return f"```json\n{json.dumps(content, indent=2)}\n```"


def _shards_sha256(dataset: DatasetFolder, split: str) -> str:
    shards = sorted(dataset.split_path(split).iterdir())
    return hashlib.sha256("".join(map(file_sha256, shards)).encode()).hexdigest()
