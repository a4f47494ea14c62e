import dataclasses
import hashlib
import json

import pytest

from avel_tf.evaluation.results import Evaluation, EvaluationDetails
from avel_tf.records import DatasetFolder, Description
from avel_tf.reporting.model_card import gather, markdown
from avel_tf.serving.model_folder import ModelFolder

RECORDS = b"split,row\n"
EVALUATION = Evaluation(
    task="sel",
    primary_metric="segment_accuracy",
    metrics={"example_count": 402.0, "segment_accuracy": 0.7438, "relevance_f1": None},
    trivial_baselines={"always background": 0.1779},
    yardsticks={"true category, always event": 0.8221},
    previous_metrics={"example_count": 402.0, "segment_accuracy": 0.7, "relevance_f1": None},
    num_records=402,
    interval=(0.7012, 0.7849),
    trivial_difference=(0.5, 0.6123),
    difference=None,
    blessed=True,
    reasons=(),
)
DETAILS = EvaluationDetails({}, None, (), [[1]], [], [])


@pytest.fixture
def facts(tmp_path):
    dataset = {
        "task": "sel",
        "num_records": {"train": 3, "test": 402},
        "num_rejected": {"no_audio": 2, "damaged": 1},
        "source": {"kind": "media", "audio_encoder": {"weights_sha256": "abc"}},
    }
    (tmp_path / "dataset.json").write_text(json.dumps(dataset))
    (tmp_path / "records.csv").write_bytes(RECORDS)
    for split in ("train", "test"):
        (tmp_path / f"Split-{split}").mkdir()
        for shard in ("b.gz", "a.gz"):
            (tmp_path / f"Split-{split}" / shard).write_text(f"{split} {shard}")
    (tmp_path / "configuration.json").write_text(json.dumps({"system": "dam", "seed": 3}))
    (tmp_path / "metrics.json").write_text(
        json.dumps(dataclasses.asdict(EVALUATION) | dataclasses.asdict(DETAILS))
    )
    folders = DatasetFolder(tmp_path), ModelFolder(tmp_path)
    return gather(*folders, tmp_path / "metrics.json", {"examples": 4, "model": 17})


def test_facts_can_be_checked(facts):
    assert facts["data"]["sha256"]["records.csv"] == hashlib.sha256(RECORDS).hexdigest()
    shards = [hashlib.sha256(f"test {name}.gz".encode()).hexdigest() for name in "ab"]
    assert facts["data"]["sha256"]["test"] == hashlib.sha256("".join(shards).encode()).hexdigest()
    assert facts["data"]["sha256"]["train"] != facts["data"]["sha256"]["test"]
    assert facts["evaluation"] == dataclasses.asdict(EVALUATION)  # without the details
    assert facts["configuration"]["seed"] == 3
    json.dumps(facts, allow_nan=False)


@pytest.mark.parametrize(
    ("source", "made_up"),
    [
        ({"kind": "media", "visual_encoder": {"weights": "imagenet"}}, False),
        ({"kind": "official_features"}, False),
        ({"kind": "media", "visual_encoder": {"weights": "random(seed=0)"}}, True),
        ({"kind": "media", "audio_encoder": {"weights": "random(seed=0)"}}, True),
        ({"kind": "simulated_features"}, True),
    ],
)
def test_numbers_of_made_up_features_are_called_so(facts, source, made_up):
    facts["data"]["source"] = source
    assert ("these numbers say nothing about real" in markdown("demo-sel", facts)) == made_up


def test_the_card_has_what_a_reader_asks_for(facts):
    card = markdown("ave-sel", facts)
    assert card.startswith("# ave-sel\n\nSupervised event localization, system `dam`.")
    for row in (
        "| segment_accuracy, 402 test records |  |  |",
        "| this model | 74.38% |  |",
        "| always background | 17.79% | trivial |",
        "| true category, always event | 82.21% | yardstick |",
        "- relevance_f1: –",
        "95 % interval 70.12% to 78.49%; difference to 'always background' +50.00% to +61.23%.",
        "3 records were rejected",
        f"| train | 3 | `{facts['data']['sha256']['train']}` |",
        '"weights_sha256": "abc"',
        '"seed": 3',
        "| model | 17 |",
        "## Limits",
    ):
        assert row in card, row
    assert "last blessed model" not in card


def test_the_card_names_the_categories_of_other_datasets(facts):
    assert "AVE has 28 categories" in markdown("ave-sel", facts)
    description = Description(("horn", "dog, barking"), num_segments=6)
    facts["data"]["description"] = dataclasses.asdict(description)
    card = markdown("own-sel", facts)
    assert "records of up to 6 seconds" in card and "  - horn\n  - dog, barking\n" in card
    assert "AVE" not in card.partition("## How good it is")[0]
