"""Measures how far the seed decides what dual attention matching reaches in CML.

    avel simulate features FEATURES_0 --seed 0
    avel simulate features FEATURES_1 --seed 1
    python benchmarks/stability.py FEATURES_0 FEATURES_1 --seeds 10

Every folder of features is trained on with every seed, on the means of the maps. A default is
stable if the standard deviation over seeds is small and neither direction is left behind.
"""

import argparse
import dataclasses
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

DIRECTIONS = ("audio_to_visual_accuracy", "visual_to_audio_accuracy")


def load_means(folder: pathlib.Path):
    """Returns the dataset of CML with the mean of every map as a map of one region."""
    import h5py
    import numpy as np

    from avel_tf.ave import read_annotations, read_splits
    from avel_tf.ave.official_features import KEYS
    from avel_tf.notebook.dataset import LABELS, Dataset, Split
    from avel_tf.records.description import AVE
    from avel_tf.simulation import read_simulation

    annotations = read_annotations(folder / "Annotations.txt")
    rows = read_splits([folder], annotations, "cml")
    features = {}
    for name, file in (("audio", "audio_feature"), ("visual", "visual_feature_vec")):
        with h5py.File(folder / f"{file}.h5") as opened:
            features[name] = opened[KEYS[0]][:].astype(np.float32)

    def read(split: str) -> Split:
        chosen = list(rows[split])
        records = [annotations[row] for row in chosen]
        labels = [AVE.labels(record) for record in records]
        arrays = {name: np.array([each[name] for each in labels]) for name in LABELS}
        arrays["record_id"] = np.array([str(row) for row in chosen])
        arrays["audio_features"] = features["audio"][chosen]
        arrays["visual_features"] = features["visual"][chosen][:, :, None, None]
        return Split(records, arrays)

    kind = "simulated" if read_simulation(folder) else "official"
    counts = {split: len(chosen) for split, chosen in rows.items()}
    return Dataset("cml", {"kind": kind}, counts, read, AVE)


def train(dataset, config) -> list[float]:
    """Returns the percents of both directions on test."""
    import keras

    from avel_tf import evaluate, fit
    from avel_tf.models import SYSTEMS

    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)
    model = SYSTEMS["cml"]["dam"](**dataclasses.asdict(config.model))
    names = ("epochs", "patience", "batch_size", "optimizer", "learning_rate", "schedule")
    settings = {name: getattr(config, name) for name in (*names, "relevance_loss", "seed")}
    fit(model, dataset, **settings)
    metrics = evaluate(model, dataset).metrics
    return [100 * metrics[name] for name in DIRECTIONS]


def main() -> None:
    """Prints a line per training and one per folder and loss."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "features", nargs="+", type=pathlib.Path, metavar="FEATURES", help="folders of features"
    )
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="default: 10")
    parser.add_argument("--settings", default="ave", help="default: ave")
    parser.add_argument(
        "--relevance_loss", nargs="+", metavar="NAME", help="default: that of the settings"
    )
    flags = parser.parse_args()

    import numpy as np

    from avel_tf.training.settings import system_training

    base = system_training("cml", "dam", flags.settings)
    for folder in flags.features:
        dataset = load_means(folder)
        for loss in flags.relevance_loss or [base.relevance_loss]:
            results = []
            for seed in range(flags.seeds):
                config = dataclasses.replace(base, relevance_loss=loss, seed=seed)
                results.append(train(dataset, config))
                there, back = results[-1]
                print(f"{folder} {loss} seed {seed}: A2V {there:.1f}, V2A {back:.1f}", flush=True)
            averages = np.mean(results, axis=1)
            there, back = np.mean(results, axis=0)
            print(
                f"{folder} {loss}, {flags.seeds} seeds: average {averages.mean():.1f} ± "
                f"{averages.std(ddof=1):.1f} ({averages.min():.1f} to {averages.max():.1f}), "
                f"A2V {there:.1f}, V2A {back:.1f}, furthest apart "
                f"{np.abs(np.diff(results, axis=1)).max():.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
