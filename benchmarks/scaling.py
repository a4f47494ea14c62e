"""Measures clips per second by number of workers and of clips.

    python benchmarks/scaling.py --clips 12 24 --workers 1 2

Each worker is a process of Beam's DirectRunner with one thread for its matrix products, as if it
were a separate machine. Rates are measured after the start, from the times at which the clips'
features were stored; starting a worker (importing TensorFlow, loading the encoders) is reported
separately. One frame per second, untrained encoders, simulated clips.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from avel_tf.simulation import SimulationConfig, render_dataset

FLAGS = (
    *("--visual_weights", "random", "--audio_weights", "random"),
    *("--frames_per_segment", "1", "--encoder_precision", "float32"),
)


def extract(folder: pathlib.Path, output: pathlib.Path, workers: int) -> dict:
    """Extracts a folder of clips in a separate process; returns its times and peak memory."""
    runner = (
        f"--runner=DirectRunner --direct_running_mode=multi_processing "
        f"--direct_num_workers={workers}"
    )
    program = [sys.executable, "-m", "avel_tf", "extract", folder, output, *FLAGS]
    started = time.time()
    with subprocess.Popen(
        [*program, f"--beam_args={runner}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"},
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{program} ended with {process.returncode}")
    store = output.parent / "encoded_clips"
    times = np.sort([path.stat().st_mtime for path in store.glob("*.npz")])
    return {"start": times[0] - started, "times": times, "memory": usage.ru_maxrss / 2**20}


def rate(times: np.ndarray, workers: int) -> float:
    """Computes clips per second, once every worker has finished its first."""
    return (len(times) - workers) / (times[-1] - times[workers - 1])


def main() -> None:
    """Runs every combination and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, nargs="+", default=[12, 24], help="of each run")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="of each run")
    args = parser.parse_args()
    print(f"{'workers':>7} {'clips':>6} {'clips/s':>9} {'relative':>9} {'start':>8} {'memory':>10}")
    reference = None
    for workers in args.workers:
        for clips in args.clips:
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                config = SimulationConfig(num_clips=clips, num_categories=4, width=64, height=64)
                videos = render_dataset(folder / "ave", config) / "AVE"
                (folder / "runs").mkdir()
                found = extract(videos, folder / "runs" / "output", workers)
            found["rate"] = rate(found["times"], workers)
            reference = reference or found["rate"]
            print(
                f"{workers:7} {clips:6} {found['rate']:9.3f} {found['rate'] / reference:9.2f} "
                f"{found['start']:6.1f} s {found['memory']:6.2f} GiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
