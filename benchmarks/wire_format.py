"""Compares ways to store segment features in tf.Examples: size, parse rate, write rate.

Prints one table, each row relative to raw half-precision bytes without compression:

    python benchmarks/wire_format.py --records 192

The features are synthetic: rectified, with as many exact zeros as real VGGish features (65 %) for
the sound, and half as many for the image, whose maps are means over 16 frames.
"""

import argparse
import pathlib
import tempfile
import time

import numpy as np
import tensorflow as tf

VISUAL_SHAPE = (10, 7, 7, 512)
AUDIO_SHAPE = (10, 128)
FULL_SIZE = 4143
BATCH = 64


def rectified(rng: np.random.Generator, shape: tuple[int, ...], zeros: float) -> np.ndarray:
    """Draws rectified normal values with the given share of exact zeros."""
    values = rng.standard_normal(shape, dtype=np.float32)
    return np.maximum(values - np.quantile(values, zeros), 0).astype(np.float32)


def as_bytes(array: np.ndarray) -> tf.train.Feature:
    """Encodes features as one bytes value of little-endian half precision."""
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[array.astype("<f2").tobytes()]))


def as_float_list(array: np.ndarray) -> tf.train.Feature:
    """Encodes features as a packed list of float32 values."""
    return tf.train.Feature(float_list=tf.train.FloatList(value=array.ravel()))


def parse_bytes(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """Decodes a batch written by `as_bytes`."""
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in ("audio", "visual")}
    parsed = tf.io.parse_example(serialized, spec)
    return {
        "audio": tf.reshape(tf.io.decode_raw(parsed["audio"], tf.half), (-1, *AUDIO_SHAPE)),
        "visual": tf.reshape(tf.io.decode_raw(parsed["visual"], tf.half), (-1, *VISUAL_SHAPE)),
    }


def parse_float_list(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """Decodes a batch written by `as_float_list`."""
    spec = {
        "audio": tf.io.FixedLenFeature(AUDIO_SHAPE, tf.float32),
        "visual": tf.io.FixedLenFeature(VISUAL_SHAPE, tf.float32),
    }
    return tf.io.parse_example(serialized, spec)


def main() -> None:
    """Writes and reads every format in turn and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=192, help="records to write per format")
    parser.add_argument("--repeats", type=int, default=3, help="reads, of which the fastest counts")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    data = [
        (rectified(rng, AUDIO_SHAPE, 0.65), rectified(rng, VISUAL_SHAPE, 0.33))
        for _ in range(args.records)
    ]
    formats = [
        ("half bytes", as_bytes, parse_bytes, "", 0),
        ("half bytes, gzip 1", as_bytes, parse_bytes, "GZIP", 1),
        ("half bytes, gzip 6", as_bytes, parse_bytes, "GZIP", 6),
        ("float list", as_float_list, parse_float_list, "", 0),
        ("float list, gzip 1", as_float_list, parse_float_list, "GZIP", 1),
    ]
    print(f"{'format':28} {'full AVE':>9} {'write':>13} {'read':>13} {'read, relative':>15}")
    reference = None
    with tempfile.TemporaryDirectory() as folder:
        for name, encode, parse, compression, level in formats:
            paths = [str(pathlib.Path(folder) / f"{name}-{shard}") for shard in range(2)]
            options = tf.io.TFRecordOptions(compression, compression_level=level)
            start = time.perf_counter()
            for shard, path in enumerate(paths):
                with tf.io.TFRecordWriter(path, options if compression else None) as writer:
                    for audio, visual in data[shard::2]:
                        feature = {"audio": encode(audio), "visual": encode(visual)}
                        example = tf.train.Example(features=tf.train.Features(feature=feature))
                        writer.write(example.SerializeToString())
            write_rate = args.records / (time.perf_counter() - start)
            size = sum(pathlib.Path(path).stat().st_size for path in paths)
            dataset = (
                tf.data.Dataset.from_tensor_slices(paths)
                .interleave(
                    lambda path, kind=compression: tf.data.TFRecordDataset(path, kind),
                    cycle_length=2,
                    num_parallel_calls=2,
                )
                .batch(BATCH)
                .map(parse, num_parallel_calls=2)
                .prefetch(2)
            )
            rates = []
            for _ in range(args.repeats):
                start = time.perf_counter()
                for _ in dataset:
                    pass
                rates.append(args.records / (time.perf_counter() - start))
            reference = reference or max(rates)
            print(
                f"{name:28} {size / args.records * FULL_SIZE / 1e9:6.2f} GB"
                f" {write_rate:7.0f} rec/s {max(rates):7.0f} rec/s {max(rates) / reference:15.2f}"
            )


if __name__ == "__main__":
    main()
