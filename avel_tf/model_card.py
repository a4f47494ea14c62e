"""What is to be known of a pushed model: for people as Markdown, for programs as JSON."""

import hashlib
import json
import pathlib
from collections.abc import Mapping

from avel_tf.report import IN_DETAIL, TITLES, comparison, intervals, note, percent

USES = {
    "sel": (
        "Says for each second of a video clip which of AVE's 28 events is both seen and heard in "
        "it, or that none is."
    ),
    "cml": (
        "Finds in the pictures of a clip the event that a piece of sound is of, or in its sound "
        "the event that a few pictures show. It is told how long the event is."
    ),
}
MADE_UP = (
    "Its features are simulated or of untrained encoders: it serves demos and tests, and its "
    "numbers say nothing of AVE."
)
LIMITS = """\
- AVE has 28 categories, one event a clip, and clips of ten seconds that were chosen to hold an
  event; other categories, several events at once and clips without any are outside what it learned.
- Probabilities are not calibrated. Time is told to the second.
- It knows segment features, not videos: they must be made by the encoders named below, with the
  same weights and settings.
- Speech is a category like others: it says nothing of who speaks or what. It is not made for
  surveillance, nor for decisions on people."""


def gather(
    examples: pathlib.Path,
    configuration: pathlib.Path,
    metrics: pathlib.Path,
    lineage: Mapping[str, int],
) -> dict:
    """The facts of a model card.

    Args:
        examples: Folder of the dataset it was trained and tested on.
        configuration: `configuration.json` of the model.
        metrics: `metrics.json` of its evaluation.
        lineage: Artifacts by what they are, and their ids in the lineage.
    Returns:
        JSON-able dict of `data`, `configuration`, `evaluation` and `lineage`.
    """
    dataset = json.loads((examples / "dataset.json").read_text())
    evaluation = json.loads(metrics.read_text())
    return {
        "data": {
            **dataset,
            "sha256": {
                "records.csv": _sha256(examples / "records.csv"),
                # Of the digests of all files, in the order of their names.
                **{split: _shards_sha256(examples, split) for split in dataset["num_records"]},
            },
        },
        "configuration": json.loads(configuration.read_text()),
        "evaluation": {name: each for name, each in evaluation.items() if name not in IN_DETAIL},
        "lineage": dict(lineage),
    }


def markdown(name: str, facts: dict) -> str:
    """The card, to read.

    Args:
        name: String. Name that the model is served under.
        facts: What `gather` returned.
    """
    data, configuration, evaluation = facts["data"], facts["configuration"], facts["evaluation"]
    task = evaluation["task"]
    rejected = sum(data["num_rejected"].values())
    sections = [
        f"# {name}",
        *([f"**{MADE_UP}**"] if _is_made_up(data["source"]) else []),
        f"{TITLES[task]}, system `{configuration['system']}`. {USES[task]}",
        f"## Limits\n\n{LIMITS}",
        f"## How good it is\n\n{_evaluation(evaluation)}",
        "## Data\n\n"
        + _table(["split", "records", "SHA-256 of its shards"], _splits(data))
        + f"\n\n{rejected} records were rejected. SHA-256 of `records.csv`: "
        f"`{data['sha256']['records.csv']}`.",
        f"Features:\n\n{_json(data['source'])}",
        f"## Configuration\n\n{_json(configuration)}",
        "## Lineage\n\n"
        + _table(["artifact", "id"], [[k, v] for k, v in facts["lineage"].items()]),
    ]
    return "\n\n".join(sections) + "\n"


def _is_made_up(source: dict) -> bool:
    """Whether features of the dataset were made without media, or by an untrained encoder."""
    encoders = (source.get(f"{name}_encoder", {}) for name in ("audio", "visual"))
    return source["kind"] == "simulated_features" or any(
        str(encoder.get("weights", "")).startswith("random") for encoder in encoders
    )


def _evaluation(evaluation: dict) -> str:
    rows = [
        [name, percent(value), note(kind)]
        for name, value, kind in comparison(evaluation)
        if kind != "baseline model"
    ]
    others = [
        f"- {name}: {percent(value)}"
        for name, value in evaluation["metrics"].items()
        if name not in ("example_count", evaluation["primary_metric"])
    ]
    count = round(evaluation["metrics"]["example_count"])
    head = [f"{evaluation['primary_metric']}, {count} test records", "", ""]
    return "\n\n".join([_table(head, rows), f"{intervals(evaluation)}.", "\n".join(others)])


def _splits(data: dict) -> list[list]:
    return [
        [split, count, f"`{data['sha256'][split]}`"] for split, count in data["num_records"].items()
    ]


def _table(head: list[str], rows: list[list]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _json(content: dict) -> str:
    return f"```json\n{json.dumps(content, indent=2)}\n```"


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shards_sha256(examples: pathlib.Path, split: str) -> str:
    shards = sorted((examples / f"Split-{split}").iterdir())
    return hashlib.sha256("".join(map(_sha256, shards)).encode()).hexdigest()
