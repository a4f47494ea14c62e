"""Compares this project's extraction with the published recipe, in one run.

    python benchmarks/extraction.py --clips 3
    python benchmarks/extraction.py --clips 3 --audio_encoder yamnet \\
        --visual_encoder resnet50 --frames_per_segment 4

The recipe runs VGG-19 and VGGish in float32 Keras on 16 frames a second, one second at a time; its
weights are random where this project's encoders are others. Prints clips per second of both, the
time of each stage and peak memory; for VGG-19 also frames per second as a share of this machine's
matrix-multiply peak, and how well the features agree. Without --videos the clips are simulated,
640 × 360 at 25 frames/s. Weights are random unless given, for which bfloat16 agrees less well.
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
from avel_tf.encoders import AudioEncoder, Vgg19Encoder, VggishEncoder, VisualEncoder
from avel_tf.encoders.choosing import audio_encoder, visual_encoder
from avel_tf.encoders.precision import lowest_cosine
from avel_tf.media import Clip, read_clip
from avel_tf.records import MediaFile, Record, Window, serialize, write_shard
from avel_tf.records.description import AVE
from avel_tf.simulation import SimulationConfig, render_dataset
from avel_tf.sources import MediaSource

GFLOP_A_FRAME = 39.0  # VGG-19 at 224 × 224, a multiply-add counted as two
SIMULATION = SimulationConfig(
    num_clips=24, num_categories=8, width=640, height=360, sample_rate_hz=44100
)


def timed(function: Callable, *arguments) -> tuple[float, object]:
    """Returns the seconds that a call takes, and its result."""
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def matmul_peak(dtype: str, repeats: int = 5) -> float:
    """Measures the machine's best rate of 4096 × 4096 matrix products, in GFLOP/s."""
    size = 4096
    a = tf.cast(tf.random.stateless_normal((size, size), (0, 0)), dtype)
    multiply = tf.function(lambda x: tf.matmul(x, x))
    multiply(a)
    return max(2 * size**3 / timed(lambda: multiply(a).numpy())[0] / 1e9 for _ in range(repeats))


class Recipe:
    """The published recipe: both networks in float32, one second at a time."""

    def __init__(self, visual: Vgg19Encoder, audio: VggishEncoder) -> None:
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
    path: pathlib.Path, visual: VisualEncoder, audio: AudioEncoder, encoding: EncodingConfig
) -> tuple[dict[str, float], np.ndarray]:
    """Measures the seconds of each stage for one clip, run in sequence; returns its maps too."""
    seconds = {}
    seconds["decode"], clip = timed(lambda: read(path, visual, encoding))
    seconds["picture encoder"], maps = timed(visual, clip.frames)
    seconds["resample"], waveform = timed(clip.waveform)
    seconds["sound encoder"], sounds = timed(audio, waveform)
    record = Record(MediaFile(0, path.name), sounds, maps)
    description = AVE.with_encoders(
        {"visual_encoder": visual.metadata(), "audio_encoder": audio.metadata()}
    )
    with tempfile.TemporaryDirectory() as folder:
        seconds["write"], _ = timed(
            lambda: write_shard(f"{folder}/a", [serialize(record, description)])
        )
    return seconds, maps


def read(path: pathlib.Path, visual: VisualEncoder, encoding: EncodingConfig) -> Clip:
    """Decodes a clip as these settings have it."""
    frames = {"frames_per_segment": encoding.frames_per_segment, "resize": encoding.resize}
    return read_clip(path, **frames, size=visual.frame_shape[:2])


def main() -> None:
    """Runs both on the same clips and prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=3, help="clips to encode (default: 3)")
    parser.add_argument("--videos", type=pathlib.Path, help="folder of clips to use instead")
    parser.add_argument("--visual_encoder", default="vgg19", help="default: vgg19")
    parser.add_argument("--audio_encoder", default="vggish", help="default: vggish")
    parser.add_argument("--visual_weights", default="random", help="default: random")
    parser.add_argument("--audio_weights", default="random", help="default: random")
    parser.add_argument("--frames_per_segment", type=int, default=16, help="default: 16")
    parser.add_argument("--encoder_precision", default="auto", help="auto, float32 or bfloat16")
    args = vars(parser.parse_args())
    clips, videos = args.pop("clips"), args.pop("videos")
    with tempfile.TemporaryDirectory() as folder:
        videos = videos or render_dataset(pathlib.Path(folder) / "ave", SIMULATION) / "AVE"
        paths = sorted(videos.glob("*.mp4"))[:clips]
        compare(paths, EncodingConfig(**args), f"{folder}/store")


def compare(paths: Sequence[pathlib.Path], encoding: EncodingConfig, store: str) -> None:
    """Prints everything about the given clips."""
    source = MediaSource(str(paths[0].parent), "", encoding, store).resolve()
    encoding, precision = source.encoding, source.encoding.encoder_precision
    visual, audio = visual_encoder(encoding), audio_encoder(encoding)
    is_vgg19 = encoding.visual_encoder == "vgg19"
    recipe = Recipe(
        Vgg19Encoder(encoding.visual_weights if is_vgg19 else "random", "float32"),
        VggishEncoder(encoding.audio_weights if encoding.audio_encoder == "vggish" else "random"),
    )
    recipe(read_clip(paths[0], num_segments=1))  # traces and compiles, as the next two lines
    visual(read(paths[0], visual, encoding).frames)
    audio(read_clip(paths[0], modalities=("audio",)).waveform())

    recipe_seconds, by_stage, agreement = 0.0, collections.Counter(), []
    for path in paths:  # alternating, so that other load slows both
        taken, (_, expected) = timed(lambda path=path: recipe(read_clip(path)))
        recipe_seconds += taken
        seconds, maps = stage_seconds(path, visual, audio, encoding)
        by_stage.update(seconds)
        if is_vgg19:
            agreement.append(lowest_cosine(expected, maps))
    reader = source.open()
    # Starts the decoders, and traces: parts of a clip are not found again for the whole one.
    list(reader.read([Window(0, "", paths[0].name, 0, "." * length) for length in (1, 2, 3, 9)]))
    items = [MediaFile(number, path.name) for number, path in enumerate(paths)]
    overlapped, records = timed(lambda: list(reader.read(items)))
    decoders = [process.memory_info().rss for process in psutil.Process().children()]
    reader.close()
    assert all(isinstance(record, Record) for record in records), records

    count = len(paths)
    print(
        f"{count} clips, {visual.metadata()['name']} in {precision} on "
        f"{encoding.frames_per_segment} frames a second, {audio.metadata()['name']}"
    )
    total = by_stage.total()
    print(f"{'recipe':24} {count / recipe_seconds:8.4f} clips/s")
    for name, seconds in (("this, step by step", total), ("this, overlapped", overlapped)):
        print(f"{name:24} {count / seconds:8.4f} clips/s, {recipe_seconds / seconds:.2f} times")
    print("stages:")
    for name, seconds in by_stage.items():
        print(f"  {name:22} {seconds / count:8.3f} s/clip {seconds / total:7.1%}")
    if is_vgg19:
        frames = 10 * count * encoding.frames_per_segment
        peaks = {name: matmul_peak(name) for name in ("float32", "bfloat16")}
        for name, rate, dtype in (
            ("recipe", 160 * count / recipe_seconds, "float32"),
            ("this picture encoder", frames / by_stage["picture encoder"], precision),
        ):
            print(
                f"{name:24} {rate:8.2f} frames/s, {rate * GFLOP_A_FRAME / peaks[dtype]:.0%} of the "
                f"{peaks[dtype]:.0f} GFLOP/s of {dtype} matrix products here"
            )
        print(f"cosine per map with float32: lowest {min(agreement):.6f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"memory: at most {peak:.2f} GiB with the encoders of both, and {len(decoders)} decoders "
        f"of {max(decoders) / 2**30:.2f} GiB"
    )


if __name__ == "__main__":
    main()
