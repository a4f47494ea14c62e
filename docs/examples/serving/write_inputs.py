"""Writes features of a dataset's records to a file for the clients; needs avel_tf.

    python docs/examples/serving/write_inputs.py \\
        runs/demo-sel/artifacts/AveExampleGen/examples/1 features.npz

The file gets `audio_features` (B, T, 128) and `visual_features` (B, T, 7, 7, 512) of the first B
records of a split, float32. The dataset may also be one that `avel extract` made: `--split all`.
"""

import argparse
import pathlib

import numpy as np

from avel_tf.records import DatasetFolder, read_split


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=pathlib.Path)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--split", default="test", help="default: test")
    parser.add_argument("--records", type=int, default=2, help="default: 2")
    flags = parser.parse_args()
    dataset = DatasetFolder(flags.dataset)
    names = ("audio_features", "visual_features")
    arrays = read_split(dataset, flags.split, names, pool_maps=False)
    features = {name: array[: flags.records].astype("f4") for name, array in arrays.items()}
    np.savez(flags.file, **features)
    print(f"Wrote {flags.file}, {len(features['audio_features'])} records.")


if __name__ == "__main__":
    main()
