"""Compares this project's extraction with the published recipe, in one run.

    python benchmarks/extraction.py --clips 3

The recipe: VGG-19 and VGGish in float32 Keras, a second at a time. Prints clips a second of both,
the time of each stage, frames a second as a share of this machine's own matrix-multiply peak, how
well the features agree and the peak of memory. Without --videos the clips are simulated, 640 × 360
at 25 frames/s; without --visual_weights VGG-19 is random, for which bfloat16 agrees less well.
"""

import argparse
import collections
import os
import pathlib
import resource
import tempfile
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import psutil
import tensorflow as tf

from avel_tf.configuration import EncodingConfig
from avel_tf.encoders import Vgg19Encoder, VggishEncoder
from avel_tf.encoders.precision import lowest_cosine
from avel_tf.media import Clip, read_clip
from avel_tf.records import MediaFile, Record, serialize, write_shard
from avel_tf.simulation import SimulationConfig, render_dataset
from avel_tf.sources import MediaSource

GFLOP_A_FRAME = 39.0  # VGG-19 at 224 × 224, a multiply-add counted as two
SIMULATION = SimulationConfig(num_clips=24, num_categories=8, width=640, height=360)


def timed(function: Callable, *arguments) -> tuple[float, object]:
    """Seconds a call takes, and its result."""
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def matmul_peak(dtype: str, repeats: int = 5) -> float:
    """The machine's best rate of 4096 × 4096 matrix products, in GFLOP/s."""
    size = 4096
    a = tf.cast(tf.random.stateless_normal((size, size), (0, 0)), dtype)
    multiply = tf.function(lambda x: tf.matmul(x, x))
    multiply(a)
    return max(2 * size**3 / timed(lambda: multiply(a).numpy())[0] / 1e9 for _ in range(repeats))


class Recipe:
    """The published way: both networks in float32, a second at a time."""

    def __init__(self, visual: Vgg19Encoder, audio: VggishEncoder):
        self._network = keras.applications.VGG19(
            include_top=False, weights=None, input_shape=(224, 224, 3)
        )
        self._network.set_weights(visual.model.get_weights())
        self._audio = audio

    def __call__(self, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
        waveform = clip.waveform()
        audio, visual = [], []
        for second in range(len(waveform)):
            audio.append(self._audio(waveform[second : second + 1])[0])
            pixels = clip.frames[second].astype("float32")
            pixels = keras.applications.vgg19.preprocess_input(pixels)
            visual.append(self._network.predict_on_batch(pixels).mean(axis=0))
        return np.stack(audio), np.stack(visual)


def stage_seconds(
    path: pathlib.Path, visual: Vgg19Encoder, audio: VggishEncoder
) -> tuple[dict[str, float], np.ndarray]:
    """Seconds one clip takes in each stage, one after the other, and its maps."""
    seconds = {}
    seconds["decode"], clip = timed(read_clip, path)
    seconds["picture encoder"], maps = timed(visual, clip.frames)
    seconds["sound encoder"], sounds = timed(lambda: audio(clip.waveform()))
    record = Record(MediaFile(0, path.name), sounds, maps)
    with tempfile.TemporaryDirectory() as folder:
        seconds["write"], _ = timed(lambda: write_shard(f"{folder}/a", [serialize(record)]))
    return seconds, maps


def main() -> None:
    """Runs both on the same clips and prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=3, help="clips to encode (default: 3)")
    parser.add_argument("--videos", type=pathlib.Path, help="folder of clips to use instead")
    parser.add_argument("--visual_weights", default="random", help="of VGG-19 (default: random)")
    parser.add_argument("--encoder_precision", default="auto", help="auto, float32 or bfloat16")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos = args.videos or render_dataset(pathlib.Path(folder) / "ave", SIMULATION) / "AVE"
        paths = sorted(videos.glob("*.mp4"))[: args.clips]
        compare(paths, args.visual_weights, args.encoder_precision, f"{folder}/store")


def compare(paths: Sequence[pathlib.Path], weights: str, precision: str, store: str) -> None:
    """Prints everything about the given clips."""
    encoding = EncodingConfig(weights, "random", encoder_precision=precision)
    source = MediaSource(str(paths[0].parent), "", encoding, store).resolve()
    precision = source.encoding.encoder_precision
    visual, audio = Vgg19Encoder(weights, precision), VggishEncoder("random")
    exact = visual if precision == "float32" else Vgg19Encoder(weights, "float32")
    recipe = Recipe(exact, audio)
    warm_up = read_clip(paths[0])
    first = Clip(warm_up.sound[:1], warm_up.frames[:1])
    for encode in (recipe, lambda clip: (visual(clip.frames), audio(clip.waveform()))):
        encode(first)  # traces and compiles

    recipe_seconds, by_stage, agreement = 0.0, collections.Counter(), []
    for path in paths:  # in turns, so that other work on the machine slows both
        taken, (_, expected) = timed(lambda path=path: recipe(read_clip(path)))
        recipe_seconds += taken
        seconds, maps = stage_seconds(path, visual, audio)
        by_stage.update(seconds)
        agreement.append(lowest_cosine(expected, maps))
    reader = source.open()
    items = [MediaFile(number, path.name) for number, path in enumerate(paths)]
    overlapped, records = timed(lambda: list(reader.read(items)))
    decoders = [process.memory_info().rss for process in psutil.Process().children()]
    reader.close()
    assert all(isinstance(record, Record) for record in records), records

    count, frames = len(paths), 160 * len(paths)
    print(f"{count} clips, VGG-19 ({weights}) in {precision}")
    total = by_stage.total()
    print(f"{'recipe':24} {count / recipe_seconds:8.4f} clips/s")
    for name, seconds in (("this, step by step", total), ("this, overlapped", overlapped)):
        print(f"{name:24} {count / seconds:8.4f} clips/s, {recipe_seconds / seconds:.2f} times")
    print("stages:")
    for name, seconds in by_stage.items():
        print(f"  {name:22} {seconds / count:8.3f} s/clip {seconds / total:7.1%}")
    peaks = {name: matmul_peak(name) for name in ("float32", "bfloat16")}
    for name, rate, dtype in (
        ("recipe", frames / recipe_seconds, "float32"),
        ("this picture encoder", frames / by_stage["picture encoder"], precision),
    ):
        print(
            f"{name:24} {rate:8.2f} frames/s, {rate * GFLOP_A_FRAME / peaks[dtype]:.0%} of the "
            f"{peaks[dtype]:.0f} GFLOP/s of {dtype} matrix products here"
        )
    print(f"cosine a map against float32: lowest {min(agreement):.6f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"memory: at most {peak:.2f} GiB with the encoders of both, and {len(decoders)} decoders "
        f"of {max(decoders) / 2**30:.2f} GiB"
    )


if __name__ == "__main__":
    main()
