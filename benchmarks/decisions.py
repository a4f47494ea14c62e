"""Compares the errors of supervised event localization systems and of their decision rules.

    python benchmarks/decisions.py runs/reproduce/tables/2.json --examples DIR

Reads the kept models of a table of pipelines/reproduce.py, and the dataset that they were trained
on. Each system's probabilities are turned into labels by two rules: "each second" takes every
segment's most likely label, as the baselines do; "whole record" takes one category per record, and
for it the segments where the probability of background is at most one half, as dual attention
matching does. A second table gives the share of records whose category only one of two runs
predicts correctly.
"""

import argparse
import itertools
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

COLUMNS = ("accuracy", "category", "relevance", "where category is right", "where it is wrong")


def decisions(predictions: dict) -> dict:
    """Computes segment labels (N, T) by decision rule."""
    import numpy as np

    from avel_tf.localization import segment_labels, segment_probabilities

    probabilities = np.asarray(segment_probabilities(predictions))  # background last
    logits = predictions["event_category_logits"]
    return {
        "each second": probabilities.argmax(axis=-1),
        "whole record": np.asarray(segment_labels(logits, 1 - probabilities[..., -1])),
    }


def shares(arrays: dict, predictions: dict, labels) -> list[float]:
    """Computes COLUMNS; the last three are shares of segments correctly told from background."""
    logits = predictions["event_category_logits"]
    category = logits.argmax(axis=-1) == arrays["event_category"]
    relevance = (labels < logits.shape[-1]) == (arrays["event_relevance"] > 0.5)
    rights = (labels == arrays["segment_label"], category, relevance)
    return [each.mean() for each in (*rights, relevance[category], relevance[~category])]


def disagreement(runs: list, others: list) -> str:
    """Computes the percentage of records that only one of two runs gets right, over all pairs."""
    import numpy as np

    pairs = itertools.combinations(runs, 2) if runs is others else itertools.product(runs, others)
    shares = [np.mean(run ^ other) for run, other in pairs]
    return f"{100 * np.mean(shares):.1f}" if shares else "–"


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=pathlib.Path, help="JSON file of a table")
    parser.add_argument(
        "--examples", type=pathlib.Path, required=True, metavar="DIR", help="of AveExampleGen"
    )
    parser.add_argument("--rows", nargs="+", metavar="NAME", help="only these (default: all)")
    flags = parser.parse_args()

    from avel_tf.records import DatasetFolder, batch_arrays, read_split
    from avel_tf.serving.model_folder import ModelFolder

    dataset = DatasetFolder(flags.examples)
    task = dataset.metadata()["task"]
    if task != "sel":
        parser.error(f"{flags.examples} holds the split of {task}")

    import keras
    import numpy as np

    import avel_tf.models  # noqa: F401  registers its classes
    from avel_tf.evaluation.scoring import BATCH, LABELS
    from avel_tf.models.inputs import pools_maps

    print("| |", " | ".join(COLUMNS), "|")
    print("| --- " * (len(COLUMNS) + 1) + "|")
    categories = {}  # by row: for each run, the records with the correct category
    for row in json.loads(flags.table.read_text())["rows"]:
        if flags.rows and row["name"] not in flags.rows:
            continue
        by_rule = {}
        for folder in row.get("models", ()):  # a failed row has none
            path = ModelFolder(pathlib.Path(folder)).keras_path
            model = keras.saving.load_model(path, compile=False)
            names = (*sorted(model.input), *LABELS)
            arrays = read_split(dataset, "test", names, pools_maps(model))
            inputs = {name: arrays[name] for name in model.input}
            predictions = model.predict(batch_arrays(inputs, BATCH), verbose=0)
            category = predictions["event_category_logits"].argmax(axis=-1)
            categories.setdefault(row["name"], []).append(category == arrays["event_category"])
            for rule, labels in decisions(predictions).items():
                by_rule.setdefault(rule, []).append(shares(arrays, predictions, labels))
        for rule, runs in by_rule.items():
            values = " | ".join(f"{100 * value:.1f}" for value in np.mean(runs, axis=0))
            print(f"| {row['name']}, {rule} | {values} |", flush=True)
    print("\n| category |", " | ".join(categories), "|")
    print("| --- " * (len(categories) + 1) + "|")
    for name, runs in categories.items():
        values = [disagreement(runs, others) for others in categories.values()]
        print(f"| {name} |", " | ".join(values), "|")


if __name__ == "__main__":
    main()
