"""Damages files and kills runs at random, and counts what happens.

    python benchmarks/faults.py fuzz --minutes 2
    python benchmarks/faults.py kill --kills 5

`fuzz` spoils media files, annotations and presets: bytes overwritten by zeros, ones, noise or
another part, or the end cut off. Each must be read, or refused with a reason; "traceback" and the
decoder's end are faults. "changed" files were read, but not as before: damage that went unnoticed.

`kill` extracts simulated clips in a process that is killed after a random time, again and again,
until it ends by itself, and compares the dataset with that of a run that was left alone.
"""

import argparse
import collections
import hashlib
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from avel_tf import media
from avel_tf.ave import read_annotations
from avel_tf.configuration import MediaLimits
from avel_tf.errors import InputError, MediaError

REFUSED = (MediaError, InputError, ValueError, FileNotFoundError)
# Of `DecoderProcess`: it ends the decoder, whatever a file does to it.
FAULTS = ("decoder_crashed", "memory_limit", "time_limit", "traceback")
EXTRACT = ["--audio_weights", "random", "--visual_weights", "random", "--frames_per_segment", "1"]


def spoil(data: bytes, chance: random.Random) -> bytes:
    """Returns a copy with one fault."""
    size = min(chance.choice([1, 16, 512, 4096]), len(data) // 2)
    start = chance.randrange(len(data) - size)
    kind = chance.choice(["zeros", "ones", "noise", "copy", "cut"])
    if kind == "cut":
        return data[:start]
    other = chance.randrange(len(data) - size)
    patch = {
        "zeros": bytes(size),
        "ones": b"\xff" * size,
        "noise": chance.randbytes(size),
        "copy": data[other : other + size],
    }[kind]
    return data[:start] + patch + data[start + size :]


def write_clips(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Writes one clip per container: ten seconds of noise that changes each second."""
    chance = np.random.default_rng(0)
    pictures = chance.integers(0, 256, (10, 120, 160, 3), np.uint8)
    sound = np.sin(np.arange(160_000) * (1 + np.arange(160_000) // 16_000) / 20) / 2
    for name in ("clip.mp4", "clip.mkv", "clip.ts", "clip.avi"):
        frames = (pictures[number // 10] for number in range(100))
        media.write_clip(
            folder / name, frames, size=(120, 160), fps=10, waveform=sound, sample_rate_hz=16_000
        )
        yield folder / name


def outcome(read: Callable[[], str]) -> str:
    """Calls a reader; returns what came of it."""
    try:
        return read()
    except REFUSED as error:
        return getattr(error, "reason", "refused")
    except Exception:
        return "traceback"


def fuzz_media(folder: pathlib.Path, seconds: float, chance: random.Random) -> dict:
    """Spoils clips until the time is over; returns the counts by container."""
    found = collections.defaultdict(collections.Counter)
    with media.DecoderProcess(MediaLimits(max_read_seconds=20)) as decoder:
        clips = {}
        for path in write_clips(folder):
            clips[path] = path.read_bytes(), decoder.read(path, frames_per_segment=2)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            path = chance.choice(list(clips))
            data, intact = clips[path]
            path.write_bytes(spoil(data, chance))

            def read(path=path, intact=intact) -> str:
                clip = decoder.read(path, frames_per_segment=2)
                same = np.array_equal(clip.frames, intact.frames)
                return "same" if same and np.array_equal(clip.sound, intact.sound) else "changed"

            found[path.suffix][outcome(read)] += 1
    return found


def fuzz_annotations(folder: pathlib.Path, seconds: float, chance: random.Random) -> dict:
    """Spoils Annotations.txt until the time is over; returns the counts."""
    text = "".join(f"Church bell&video{row}&good&{row % 5}&{row % 5 + 4}\n" for row in range(200))
    path, counts = folder / "Annotations.txt", collections.Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        path.write_bytes(spoil(text.encode(), chance))
        counts[outcome(lambda: read_annotations(path) and "read")] += 1
    return {"annotations": counts}


def fuzz_presets(folder: pathlib.Path, seconds: float, chance: random.Random) -> dict:
    """Spoils presets until the time is over; returns the counts by file."""
    from avel_tf.models import CrossModalityLocalizer
    from avel_tf.presets import from_preset

    preset = folder / "preset"
    CrossModalityLocalizer(units=16, num_heads=2).save_to_preset(preset)
    files = {preset / name: (preset / name).read_bytes() for name in os.listdir(preset)}
    found, end = collections.defaultdict(collections.Counter), time.monotonic() + seconds
    while time.monotonic() < end:
        path = chance.choice([each for each in files if each.suffix in (".json", ".h5")])
        path.write_bytes(spoil(files[path], chance))
        found[path.name][outcome(lambda: from_preset(preset) and "read")] += 1
        path.write_bytes(files[path])
    return found


def fuzz(minutes: float, seed: int) -> int:
    """Runs all three kinds; prints the counts and returns the number of faults."""
    chance, faults = random.Random(seed), 0
    print(f"{'file':18} {'tried':>6}  outcomes")
    with tempfile.TemporaryDirectory() as folder:
        for run, share in ((fuzz_media, 0.7), (fuzz_annotations, 0.1), (fuzz_presets, 0.2)):
            for name, counts in run(pathlib.Path(folder), 60 * minutes * share, chance).items():
                outcomes = ", ".join(f"{count} {each}" for each, count in counts.most_common())
                print(f"{name:18} {counts.total():6}  {outcomes}", flush=True)
                faults += sum(counts[each] for each in FAULTS)
    print(f"{faults} faults")
    return faults


def kill(kills: int, seed: int) -> int:
    """Kills extractions; prints the counts and returns the number of datasets that differ."""
    avel = [sys.executable, "-m", "pipelines.command"]
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(
            [
                *avel,
                "simulate",
                "clips",
                folder / "clips",
                "--num_clips",
                "8",
                "--num_categories",
                "2",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for each in ("first", "second"):  # the outputs' folders, which keep encoded clips
            (folder / each).mkdir()
        clips = folder / "clips" / "AVE"
        command = [*avel, "extract", clips]
        start = time.monotonic()
        subprocess.run(
            [*command, folder / "first" / "whole", *EXTRACT], check=True, capture_output=True
        )
        whole = time.monotonic() - start
        done = 0
        for _ in range(kills):
            run = subprocess.Popen(
                [*command, folder / "second" / "killed", *EXTRACT],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                run.wait(chance.uniform(0.2, 0.9) * whole)
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
                done += 1
                if (folder / "second" / "killed").exists():
                    print("half an output was published")
                    return 1
                continue
            shutil.rmtree(folder / "second" / "killed")
        subprocess.run(
            [*command, folder / "second" / "killed", *EXTRACT], check=True, capture_output=True
        )
        same = digest(folder / "second" / "killed") == digest(folder / "first" / "whole")
    print(f"killed {done} times; the dataset {'is the same' if same else 'DIFFERS'}")
    return int(not same)


def digest(folder: pathlib.Path) -> dict[str, str]:
    """Returns the hash of each file in a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def main() -> int:
    """Runs one campaign; returns the exit status, 1 if there was a fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("campaign", choices=["fuzz", "kill"], help="see above")
    parser.add_argument("--minutes", type=float, default=2, help="that fuzz takes (default: 2)")
    parser.add_argument("--kills", type=int, default=5, help="of the extraction (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same damage")
    flags = parser.parse_args()
    if flags.campaign == "fuzz":
        return int(fuzz(flags.minutes, flags.seed) > 0)
    return kill(flags.kills, flags.seed)


if __name__ == "__main__":
    sys.exit(main())
