"""Where systems of supervised event localization are wrong, and what their rule is worth.

    python benchmarks/decisions.py runs/reproduce/tables/2.json --examples DIR

Takes the kept models of a table of pipelines/reproduce.py, and the dataset that they were trained
on. Each system's probabilities are decided upon in both ways: "each second" takes every segment's
most likely label, as the baselines do; "whole record" takes one category a record and the segments
where background is not more likely than not, as dual attention matching does. A second table says
of how many records two runs disagree whether their category is right.
"""

import argparse
import itertools
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

COLUMNS = ("accuracy", "category", "relevance", "where category is right", "where it is wrong")


def decisions(predictions: dict) -> dict:
    """Segment labels (N, T) by rule of decision."""
    import numpy as np

    from avel_tf.localization import segment_labels, segment_probabilities

    probabilities = np.asarray(segment_probabilities(predictions))  # background last
    logits = predictions["event_category_logits"]
    return {
        "each second": probabilities.argmax(axis=-1),
        "whole record": np.asarray(segment_labels(logits, 1 - probabilities[..., -1])),
    }


def shares(arrays: dict, predictions: dict, labels) -> list[float]:
    """What is right, by COLUMNS; the last three are shares of segments, event or background."""
    logits = predictions["event_category_logits"]
    category = logits.argmax(axis=-1) == arrays["event_category"]
    relevance = (labels < logits.shape[-1]) == (arrays["event_relevance"] > 0.5)
    rights = (labels == arrays["segment_label"], category, relevance)
    return [each.mean() for each in (*rights, relevance[category], relevance[~category])]


def disagreement(runs: list, others: list) -> str:
    """Percent of records that one of two runs alone is right on, over all pairs of runs."""
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
    task = json.loads((flags.examples / "dataset.json").read_text())["task"]
    if task != "sel":
        parser.error(f"{flags.examples} holds the split of {task}")

    import keras
    import numpy as np

    import avel_tf.models  # noqa: F401  registers its classes
    from avel_tf.models.inputs import pools_maps
    from avel_tf.records import memory_dataset, read_split
    from avel_tf.scoring import BATCH, LABELS

    print("| |", " | ".join(COLUMNS), "|")
    print("| --- " * (len(COLUMNS) + 1) + "|")
    categories = {}  # by row: of each run, which records it is right on
    for row in json.loads(flags.table.read_text())["rows"]:
        if flags.rows and row["name"] not in flags.rows:
            continue
        by_rule = {}
        for folder in row.get("models", ()):  # none of a row that failed
            path = pathlib.Path(folder, "Format-Keras", "model.keras")
            model = keras.saving.load_model(path, compile=False)
            names = (*sorted(model.input), *LABELS)
            arrays = read_split(flags.examples / "Split-test", names, pools_maps(model))
            inputs = {name: arrays[name] for name in model.input}
            predictions = model.predict(memory_dataset(inputs, BATCH), verbose=0)
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
